"""Recommendation: the last decision of the session in words, on a card for a slide, and as files to take away."""

import streamlit as st

from expsim_bayes.apps import fit_shown, handed, shown
from expsim_bayes.apps.kept import Result, keep, latest
from expsim_bayes.plots import DARK
from expsim_bayes.report.document import Length
from expsim_bayes.report.forms import Form, name_of

REPORTS: tuple[tuple[str, Form, Length, str], ...] = (
    ("One page (PDF)", "pdf", "brief", ":material/picture_as_pdf:"),
    ("Report (HTML)", "html", "full", ":material/html:"),
    ("Report (PDF)", "pdf", "full", ":material/picture_as_pdf:"),
    ("Report (Markdown)", "md", "full", ":material/description:"),
)

st.title("Recommendation", anchor=False)
if fit_shown.collect():
    st.query_params.clear()  # else the experiment of a link would take its place
fit_shown.waiting()
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
    """Files to take away."""
    st.markdown("**Take it with you**")
    with st.container(horizontal=True):
        offer("Card (PNG)", card, ":material/image:")
        for label, form, length, icon in REPORTS:
            on_demand(label, result, form, length, icon)
        if handed.has_figures(result):
            st.download_button(
                "Figures (zip)",
                lambda: handed.figures(result).content,
                file_name="figures.zip",
                mime="application/zip",
                icon=":material/folder_zip:",
                key="take.figures",
                on_click="ignore",
                help="Drawn when you ask for them, which takes a few seconds.",
            )
        data = handed.data(result)
        if data is not None:
            offer("Posterior (netCDF)" if result.history is None else "Looks (netCDF)", data, ":material/dataset:")
        offer("Facts (JSON)", handed.facts(result), ":material/data_object:")


def on_demand(label: str, result: Result, form: Form, length: Length, icon: str) -> None:
    """A button that gives a report, written when it is asked for."""
    st.download_button(
        label,
        lambda: handed.report(result, form, length).content,
        file_name=name_of(form, length),
        mime=handed.MEDIA[form],
        icon=icon,
        key=f"take.{name_of(form, length)}",
        on_click="ignore",
    )


def offer(label: str, file: handed.File, icon: str) -> None:
    """A button that gives a file."""
    st.download_button(
        label, file.content, file_name=file.name, mime=file.mime, icon=icon, key=f"take.{file.name}", on_click="ignore"
    )


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
        st.caption("Put facts.json into a folder of its own; this writes the report and the card again from it.")
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
