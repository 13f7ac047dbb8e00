"""The quiz at the end of the story: an experiment whose truth was drawn stands still at a look, and two questions about it."""

from __future__ import annotations

import streamlit as st

from expsim_bayes.amounts import gap
from expsim_bayes.apps import answers, look_pictures, shown
from expsim_bayes.apps.asked import Asked

SCENARIOS = ("support-chat-tone", "summarization-prompts")
"""Scenarios of experiments with an even seed and with an odd one."""
FIRST, MOST = 11, 2**32 - 1
"""Seed of the first experiment, and the largest that there is."""


def ask() -> None:
    """An experiment that stands still at a look, and two questions about it."""
    seed = int(st.session_state.setdefault("quiz.seed", FIRST))
    asked = Asked(SCENARIOS[seed % 2], seed=seed)
    found = answers.puzzle(asked)
    one = found.one
    left, right = st.columns(2)
    with left:
        shown.picture(
            look_pictures.over_looks(
                one.history, one.facts, "prob_best", upto=found.look, asked=answers.asks(asked), theme=shown.theme()
            ),
            key="quiz.best",
        )
    with right:
        shown.picture(
            look_pictures.over_looks(one.history, one.facts, "effect", upto=found.look, theme=shown.theme()),
            key="quiz.quality",
        )
    names = [v.name for v in one.facts.variants if v.name != one.facts.control]
    with st.form("quiz", border=False):
        keep = f"keep {one.facts.control}"
        launch = st.radio(
            "Which variant would you launch?", [*names, keep], index=None, key="quiz.launch", horizontal=True
        )
        converged = st.radio(
            "Has the experiment converged?", ["yes", "no"], index=None, key="quiz.converged", horizontal=True
        )
        checked = st.form_submit_button("Check", type="primary", icon=":material/check:", key="quiz.check")
    if checked and launch and converged:
        _marked(found, None if launch == keep else launch, converged == "yes")
        shown.code(asked._replace(edits=found.edits))
    elif checked:
        st.info("Answer both questions first.")
    st.button("Another experiment", icon=":material/refresh:", key="quiz.next", on_click=_another)


def _another() -> None:
    st.session_state["quiz.seed"] += 1
    st.session_state["quiz.launch"] = st.session_state["quiz.converged"] = None


def _marked(found: answers.Puzzle, launch: str | None, converged: bool) -> None:  # noqa: FBT001
    """What is true, and whether both answers were right."""
    facts = found.one.facts
    qualities = ", ".join(f"{v.name} {v.true_quality:.2f}" for v in facts.variants)
    right = launch in found.best if launch else found.keep
    rightly = [f"launch {name}" for name in found.best] + [f"keep {facts.control}"] * found.keep
    best = f"Right: {' or '.join(rightly)}."
    if found.best and found.keep:
        best += f" What differs by less than {gap(facts.min_effect, facts.unit)} does not matter."
    tell = st.success if right else st.warning
    tell(
        shown.plain(f"{'Correct' if right else 'No'}. The true qualities are {qualities}. {best}"),
        icon=":material/check:" if right else ":material/close:",
    )
    state = "a rule had fired" if found.decided else "no rule had fired, so it goes on"
    good = converged == found.decided
    tell = st.success if good else st.warning
    tell(
        f"{'Correct: it has' if good else 'It has'}{'' if found.decided else ' not'}. After look {found.look} {state}.",
        icon=":material/check:" if good else ":material/close:",
    )
