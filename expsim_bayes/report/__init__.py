"""Facts to documents: the folder that an experiment or a fit leaves behind, and its report.

document   what a report is before it has a form: sections of paragraphs, tables, figures and answers
build      facts and figures -> Document; for it: answers, analyst, prices, risks, sources, displayed
markdown   Document -> Markdown; html, pdf: likewise; forms: the bytes of any of them, and of JSON
pictures   the pictures that facts alone can draw; images: those of a document as bytes
figures    history or fit -> PNG files, each with a caption and a text alternative
card       the decision on one picture, for a slide
diagnosed  how a fit went -> Document; diagnosed_forms: that in every form
tidy       every table as CSV
folder     what stands in the folder, each file whole or not at all, the manifest last
"""

from expsim_bayes.report.build import document
from expsim_bayes.report.card import card, card_png, save_card
from expsim_bayes.report.folder import WRITTEN, read_facts, rewrite, write_experiment, write_fit, write_forms
from expsim_bayes.report.forms import FORMS, rendered
from expsim_bayes.report.markdown import markdown

__all__ = [
    "FORMS",
    "WRITTEN",
    "card",
    "card_png",
    "document",
    "markdown",
    "read_facts",
    "rendered",
    "rewrite",
    "save_card",
    "write_experiment",
    "write_fit",
    "write_forms",
]
