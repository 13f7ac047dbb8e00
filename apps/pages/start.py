"""The opening screen: one question, one chart, one sentence, one button."""

import streamlit as st

from expsim_bayes.apps import answers, pictures, shown
from expsim_bayes.apps.asked import Asked
from expsim_bayes.amounts import dollars
from expsim_bayes.scenario import library, load

OPENING = "summarization-prompts"

st.title("Which prompt do I launch, and what will it cost to know?", anchor=False)
names = library()
name = st.selectbox(
    "Scenario",
    names,
    index=names.index(OPENING),
    format_func=lambda n: load(n).title,
    key="scenario",
    bind="query-params",
)
asked = Asked(name)
scenario = asked.scenario
st.markdown(shown.plain(scenario.story.strip()))
with shown.trouble():
    found = answers.curves(asked)
    shown.picture(pictures.learning(found, theme=shown.theme()), key="learning")
if st.button("Play it", type="primary", icon=":material/play_arrow:", key="play"):
    st.switch_page("pages/simulate.py", query_params={"scenario": name})
