"""Facts to documents: the folder that an experiment or a fit leaves behind, and its report.

markdown   facts and figures -> Markdown
figures    history or fit -> PNG files, each with a caption and a text alternative
folder     what stands in the folder, each file whole or not at all, the manifest last
"""

from expsim_bayes.report.folder import read_facts, rewrite, write_experiment, write_fit
from expsim_bayes.report.markdown import markdown

__all__ = ["markdown", "read_facts", "rewrite", "write_experiment", "write_fit"]
