"""Facts to documents: the folder that an experiment or a fit leaves behind, and its report.

markdown   facts and figures -> Markdown
figures    history or fit -> PNG files, each with a caption and a text alternative
card       the decision on one picture, for a slide
folder     what stands in the folder, each file whole or not at all, the manifest last
"""

from expsim_bayes.report.card import card, card_png, save_card
from expsim_bayes.report.folder import read_facts, rewrite, write_experiment, write_fit
from expsim_bayes.report.markdown import markdown

__all__ = ["card", "card_png", "markdown", "read_facts", "rewrite", "save_card", "write_experiment", "write_fit"]
