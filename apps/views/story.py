"""The guided story: steps with live charts, and a quiz at the end."""

import streamlit as st

from expsim_bayes.apps import quiz, shown, story

titles = [step.title for step in story.STEPS] + ["Quiz"]
story.opened(st.query_params.to_dict())
at = int(st.session_state["story.at"])
if at or "step" in st.query_params:
    st.query_params["step"] = str(at)
back, where, on = st.columns([1, 4, 1], vertical_alignment="center")
with back:
    if st.button("Back", icon=":material/arrow_back:", key="story.back", disabled=at == 0, width="stretch"):
        st.session_state["story.at"] = at - 1
        st.rerun()
where.progress((at + 1) / len(titles), f"{at + 1} of {len(titles)}")
with on:
    if st.button(
        "Next",
        icon=":material/arrow_forward:",
        key="story.next",
        disabled=at == len(titles) - 1,
        type="primary",
        width="stretch",
    ):
        st.session_state["story.at"] = at + 1
        st.rerun()
if at < len(story.STEPS):
    step = story.STEPS[at]
    st.header(step.title, anchor=False)
    st.markdown(step.text)
    with shown.trouble(), st.spinner("Simulating ..."):
        code = step.show()
        shown.told(code.asked, code.command, code.python, story.link(at), code.note)
else:
    st.header("Quiz: what would you do?", anchor=False)
    st.markdown(
        "An experiment stands still at a look. The true qualities were drawn by chance; the chart knows as little as you do."
    )
    with shown.trouble(), st.spinner("Simulating ..."):
        quiz.ask()
        st.caption("A link to this quiz, below the dashboard's own address.")
        st.code(story.link(at), language=None)
