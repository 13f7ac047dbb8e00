"""Simulate: one experiment look by look, a thousand counted, and what certainty costs; every number can be moved."""

import streamlit as st

from expsim_bayes.apps import answers, controls, look_pictures, pictures, shown, tables
from expsim_bayes.apps.kept import Result, keep
from expsim_bayes.wording import truth

WHAT = {
    "prob_best": "Chance of being best",
    "effect": "Difference",
    "quality": "Quality",
    "outputs": "Who is shown",
    "usd": "Dollars",
    "days": "Days",
}

shown.answer_first_on_a_phone("bench")
left, right = st.container(key="bench").columns([1, 2.4], gap="large")
with left:
    asked = controls.setting()


@st.fragment
def one_experiment() -> None:
    """One experiment: play it, scrub through it, read its decision."""
    found = answers.one(asked)
    stop = int(found.history["stop_look"].values[0])
    look = controls.scrubber(asked, stop)
    what = st.segmented_control(
        "Show",
        list(WHAT),
        format_func=WHAT.__getitem__,
        default="prob_best",
        required=True,
        key="what",
        bind="query-params",
        label_visibility="collapsed",
    )
    chart = look_pictures.over_looks(
        found.history, found.facts, str(what), upto=look, truth=True, asked=answers.asks(asked), theme=shown.theme()
    )
    shown.picture(chart, key="looks")
    if look < stop:
        st.info(f"Look {look} of {stop}: the rules go on. Play on, or move the slider to the end, for the decision.")
        controls.go_on()
        return
    place = st.empty()
    with place.container():
        shown.decision(found.facts)
    facts = answers.weighed(asked)
    with place.container():
        shown.decision(facts)
    st.caption(shown.plain(truth(facts, told=not asked.edits)))
    keep(Result(f"A simulated experiment: {facts.title}", facts, asked, found.history))
    with st.expander("What is unknown, and what would help"):
        shown.more_words(facts)
    with st.expander("Variants and who rated, with what they cost"):
        st.dataframe(tables.variants(facts), hide_index=True, key="variants")
        st.dataframe(tables.evaluators(facts), hide_index=True, key="evaluators")
    if st.button("Open the recommendation", icon=":material/gavel:", key="to_decision"):
        shown.go("decision")
    shown.code(asked)


@st.fragment
def a_thousand() -> None:
    """Many experiments: how often they end right, and every other way to run them."""
    number = answers.replications(asked.scenario)
    if not (
        answers.quick(asked.scenario)
        or st.toggle(f"Count {number} such experiments (up to a minute)", key="count", persist_state="session")
    ):
        return
    with st.spinner(f"Simulating {number:,} experiments ..."):
        found = answers.many(asked, number)
    for cell, figure in zip(st.columns(4), controls.figures(found), strict=True):
        cell.metric(figure.label, figure.value, figure.beside, delta_color="off", delta_arrow="off", help=figure.tip)
    st.markdown("**A/B test, sequential test or bandit; rated by judges, people or both**")
    if st.toggle(
        "Compare every way",
        key="compare",
        persist_state="session",
        help="On the same random numbers, so that only the way differs.",
    ):
        every = controls.every_way(asked, number)
        shown.picture(pictures.ways(every, theme=shown.theme()), key="ways")
        st.dataframe(tables.ways(every), hide_index=True, key="ways_table")
    shown.code(asked, replications=number)


@st.fragment
def certainty() -> None:
    """Chance of the right decision against dollars."""
    number = answers.curve_replications(asked.scenario)
    if not (
        answers.quick(asked.scenario)
        or st.toggle(
            f"Simulate it ({number} experiments of each kind, up to a minute)", key="curve", persist_state="session"
        )
    ):
        return
    with st.spinner("Simulating ..."):
        found = answers.curves(asked, number)
    shown.picture(pictures.learning(found, theme=shown.theme()), key="learning")
    shown.curves(asked, number)


with right:
    st.markdown(f"#### {shown.plain(asked.scenario.title)}")
    names = ["One experiment", "Many of them", "What certainty costs"]
    parts = st.tabs(names, key="part", bind="query-params")
    for tab, part in zip(parts, (one_experiment, a_thousand, certainty), strict=True):
        if tab.open:  # what is not looked at is not simulated
            with tab, shown.trouble():
                part()
