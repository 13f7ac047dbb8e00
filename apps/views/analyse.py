"""Real ratings, from a file to a decision: upload, columns, check, fit, and what it says."""

import streamlit as st

from expsim_bayes.apps import fit_form, fit_question, fit_running, fit_shown, shown, uploads
from expsim_bayes.apps.jobs import DESK
from expsim_bayes.errors import ExpsimError

FILE = "fit_file"


SAMPLE = "sample"


def linked() -> None:
    """What a link asks for: a sample is opened; settings wait for their file."""
    named = st.query_params.get(SAMPLE, "")
    if FILE not in st.session_state and named in uploads.samples():
        st.session_state[FILE] = uploads.sample(named)


def choose() -> None:
    """An upload, or a sample."""
    if any(key.startswith("fit.") for key in st.query_params):
        st.info(
            "This link carries settings, but a file cannot travel in a link: choose the same file, and it is read and asked as the "
            "link says.",
            icon=":material/link:",
        )
    st.markdown(
        "Upload the ratings that people or LLM judges gave: one rating a row. Severity of raters, difficulty of items and tastes of judges "
        "are taken out, and you get a decision with its reasons."
    )
    given = st.file_uploader(
        "Ratings: CSV or Parquet",
        type=["csv", "tsv", "txt", "parquet", "pq"],
        key="fit_upload",
    )
    if given is not None:
        try:
            st.session_state[FILE] = uploads.received(given.name, given.getvalue())
            st.rerun()
        except ExpsimError as error:
            fit_form.problem(error)
    st.caption("No file at hand? Try one that is made up.")
    for column, (key, found) in zip(st.columns(2), uploads.samples().items(), strict=True):
        if column.button(
            found.title, key=f"fit_sample_{key}", icon=":material/science:", help=found.words, width="stretch"
        ):
            st.session_state[FILE] = uploads.sample(key)
            st.query_params[SAMPLE] = key
            st.rerun()
    with st.expander("What a file looks like", icon=":material/help:"):
        st.code(
            "variant,item,rater,kind,score\nprompt-A,q1,ann,human,4\nprompt-B,q1,ann,human,5\nprompt-A,q1,gpt,llm,4\n",
            language=None,
        )
        st.caption(
            "Scores, stars, pass or fail: one row a rating. Other names of columns are fine: you say which is which."
        )
        st.code("variant_left,variant_right,item,rater,outcome\nA,B,q1,ann,left\nB,A,q2,bob,tie\n", language=None)
        st.caption(
            "Comparisons: which of two was better. Rankings have a column rank; calls have latency_s, cost or tokens."
        )


def file_shown(file: uploads.File) -> None:
    """Name of the file, and a way to another one."""
    name, change = st.columns([4, 1], vertical_alignment="center")
    name.text(f"{file.name}" + (f"\n{file.sample}" if file.sample else ""))
    if change.button("Another file", key="fit_other", icon=":material/swap_horiz:", width="stretch"):
        for key in (FILE, fit_running.RUNNING, "fit_checked", "fit_cells", "fit_upload"):
            st.session_state.pop(key, None)
        st.query_params.clear()
        st.rerun()


def form(file: uploads.File) -> None:
    """What the file holds, what is asked, and the button that fits."""
    cells = fit_form.cells_of(file)
    if cells is None:
        return
    st.subheader("What the file holds", anchor=False)
    with st.expander(f"{len(cells.frame):,} rows", icon=":material/table:"):
        st.dataframe(cells.frame.head(100).astype("str"), alt="The first rows of the file.")
    asked = fit_form.reading(file, cells)
    found = fit_form.checked(file, cells, asked)
    if found.ratings is None:
        fit_form.problem(found.error)
        return
    st.text(f"✔ {found.words[0]}")
    if found.warnings:
        warned = [shown.sentence(word) for word in found.warnings]
        st.warning(warned[0] if len(warned) == 1 else "\n".join(f"- {word}" for word in warned), icon=":material/info:")
    if found.words[1:]:
        with st.expander("What was read and converted", icon=":material/fact_check:"):
            for word in found.words[1:]:
                st.text(f"• {word}")
    st.subheader("What you want to know", anchor=False)
    question = fit_question.question(file, asked, found.ratings)
    st.caption(fit_shown.travels(file))
    if st.button("Fit", type="primary", icon=":material/play_arrow:", key="fit_begin"):
        st.session_state[fit_running.RUNNING] = DESK.begin(file, question)
        st.rerun()


st.title("Analyse ratings", anchor=False)
fit_running.collect()
linked()
file, ticket, done = st.session_state.get(FILE), st.session_state.get(fit_running.RUNNING), fit_running.latest()
if file is None:
    choose()
else:
    file_shown(file)
    if ticket is not None and not ticket.job.over:
        fit_running.progress(ticket)
        st.caption("You may look at other pages meanwhile: the fit goes on, and its result waits here.")
    elif done is not None and done.job.file is file and ticket is None:
        fit_shown.result(done)
        with st.expander("Ask something else of these ratings", icon=":material/edit:"):
            form(file)
    else:
        if ticket is not None:
            fit_running.ended(ticket)
        form(file)
