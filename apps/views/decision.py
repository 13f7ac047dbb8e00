"""Recommendation: the last decision of the session in words, on a card for a slide, and as files to take away."""

from functools import partial

import streamlit as st

from expsim_bayes.apps import fit_running, handed, shown
from expsim_bayes.apps.kept import Result, keep, latest
from expsim_bayes.plots import DARK
from expsim_bayes.report.document import Length
from expsim_bayes.report.forms import Form, name_of

ZIP = "application/zip"

st.title("Recommendation", anchor=False)
if fit_running.collect():
    st.query_params.clear()  # else the experiment of a link would take its place
fit_running.waiting()
result = latest()
asked = handed.asked_in(st.query_params)
if asked is not None and (result is None or result.asked != asked):
    with shown.trouble(), st.spinner("Simulating the experiment of this link ..."):
        keep(result := handed.simulated(asked))


def nothing_yet() -> None:
    """What to do before there is a decision."""
    st.info(
        "Nothing has been decided in this session yet. Try an experiment before you pay for it, or analyse ratings that you have: "
        "the decision then stands here, with a card for a slide and files to take away.",
        icon=":material/gavel:",
    )
    with st.container(horizontal=True):
        if st.button("Simulate an experiment", type="primary", icon=":material/play_circle:", key="to_simulate"):
            shown.go("simulate")
        if st.button("Analyse ratings", icon=":material/upload_file:", key="to_analyse"):
            shown.go("analyse")


def take_away(result: Result, card: handed.File) -> None:
    """Files to take away, each made when it is asked for."""
    st.markdown("**Take it with you**")
    with st.container(horizontal=True):
        shown.offered("Card (PNG)", card.name, card.mime, lambda: card.content, ":material/image:")
        for label, form, length, icon in handed.REPORTS:
            shown.offered(label, name_of(form, length), handed.MEDIA[form], partial(report, result, form, length), icon)
        if handed.has_figures(result):
            shown.offered(
                "Figures (zip)", "figures.zip", ZIP, lambda: handed.figures(result).content, ":material/folder_zip:",
                tip="Drawn when you ask for them, which takes a few seconds.",
            )  # fmt: skip
        shown.offered(
            "Tables (CSV)", "tables.zip", ZIP, lambda: handed.tables(result).content, ":material/table:",
            tip="Every table of the report, numbers in full, as CSV files in a zip.",
        )  # fmt: skip
        data = handed.data(result)
        if data is not None:
            label = "Posterior (netCDF)" if result.history is None else "Looks (netCDF)"
            shown.offered(label, data.name, data.mime, lambda: data.content, ":material/dataset:")
        facts = handed.facts(result)
        shown.offered("Facts (JSON)", facts.name, facts.mime, lambda: facts.content, ":material/data_object:")


def report(result: Result, form: Form, length: Length) -> bytes:
    """A report as the bytes of a file."""
    return handed.report(result, form, length).content


def show(result: Result) -> None:
    """The decision of a result."""
    st.caption(shown.plain(result.label))
    words, picture = st.columns([1, 1.15], gap="large")
    with words:
        shown.decision(result.facts)
        with st.expander("What is unknown, what would help, what would change it", expanded=True):
            shown.more_words(result.facts)
    with picture:
        dark = st.toggle("Dark card", value=shown.theme() is DARK, key="dark", help="For dark slides.")
        card = handed.picture(result, dark=dark)
        with st.container(border=True):
            st.image(card.content, width="stretch", alt=handed.in_words(result.facts))
        take_away(result, card)
    if result.asked is not None:
        shown.code(result.asked, page="recommendation")
        return
    with st.expander("Show me the code", icon=":material/code:"):
        if result.code is not None:
            st.caption("The command line gives the same numbers from the ratings.")
            st.code(result.code.command, language="bash", wrap_lines=True)
            st.caption("The same from Python.")
            st.code(result.code.python, language="python", wrap_lines=True)
        st.caption("Ratings do not travel in a link, and neither does what they say: hand on facts.json.")
        st.caption("Put it into a folder of its own; this writes the report and the card again from it.")
        st.code("expsim report FOLDER --card card.png", language="bash")
        st.caption("The same from Python.")
        st.code(FROM_PYTHON, language="python")


FROM_PYTHON = """from pathlib import Path
from expsim_bayes.report import read_facts, save_card
from expsim_bayes.sentences import recommendation

facts = read_facts(Path("FOLDER"))
print(recommendation(facts).text())
save_card(facts, Path("card.png"))
"""

if result is None:
    nothing_yet()
else:
    with shown.trouble():
        show(result)
