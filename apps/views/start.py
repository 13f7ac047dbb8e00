"""The opening screen: one question, one chart, one sentence, one button; all else folds away."""

import streamlit as st

from expsim_bayes.apps import answers, controls, fit_running, pictures, shown
from expsim_bayes.apps.asked import Asked

st.title("Which prompt do I launch, and what will it cost to know?", anchor=False)
fit_running.news()
asked = Asked(controls.scenario_name())
scenario = asked.scenario
with shown.trouble(), st.spinner("Simulating a few hundred experiments ..."):
    found = answers.curves(asked, answers.curve_replications(scenario))
    shown.picture(pictures.learning(found, theme=shown.theme()), key="learning", large=True)
if st.button("Play it", type="primary", icon=":material/play_arrow:", key="play"):
    shown.go("simulate")
with st.expander(shown.plain(f"The scenario: {scenario.title}")):
    st.markdown(shown.plain(scenario.story.strip()))
    st.markdown("\n".join(f"- {shown.plain(source)}" for source in scenario.sources))
shown.curves(asked, answers.curve_replications(scenario), page="")
with st.expander("How to read the chart"):
    st.markdown(
        "Each line is the chance of picking the right variant, if one had to pick after so many dollars, counted over simulated "
        "experiments; bands are two Monte-Carlo errors each way. Right is whoever is within the smallest difference that matters of the "
        "best. A judge is cheap, but it may favour a variant as such: however many of its ratings are bought, its line levels off at the "
        "dotted one, apart from chance. People are dear and have no such limit. Both together calibrate the judge. *Simulate* tells "
        "another share: how often rules that launch only when they are sure end right, which costs more and may end undecided."
    )
