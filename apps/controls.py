"""Widgets that set up a simulated experiment, each bound to the page's address, so that a link brings back the same page."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from expsim_bayes.amounts import count, dollars, duration, percent
from expsim_bayes.apps import answers, shown
from expsim_bayes.apps.asked import Asked
from expsim_bayes.apps.knobs import Knob, knobs
from expsim_bayes.errors import ScenarioError
from expsim_bayes.plots.operating import WHO
from expsim_bayes.scenario import STRATEGY_TITLES, Scenario, StrategyName, library, load, parse

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from expsim_bayes.apps.answers import Many

OWN = "own"
"""What a scenario is called that does not come from the library."""
OPENING = "summarization-prompts"
"""The scenario that the dashboard opens with."""
SECONDS = 0.7
"""Between two looks when an experiment is played."""


def scenario_name() -> str:
    """The scenario of the library that is chosen."""
    names = list(library())
    return st.selectbox(
        "Scenario",
        names,
        index=names.index(OPENING),
        key="scenario",
        bind="query-params",
        persist_state="session",
    )


def setting() -> Asked:
    """A scenario, how it is run, who rates, what is changed in it, and the seed."""
    first = st.container()
    own = _own_scenario()
    with first:
        name = f"{OWN}-{sha256(own.encode()).hexdigest()[:8]}" if own else scenario_name()
    scenario = parse(own, OWN) if own else load(name)
    strategies = list(scenario.strategies)
    strategy = st.segmented_control(
        "Run as",
        strategies,
        default=scenario.default_strategy,
        required=True,
        format_func=lambda s: STRATEGY_TITLES[s],
        key=f"{name}.strategy",
        bind="query-params",
        help="An A/B test decides once, at the end. A sequential test asks its rules at every look. "
        "A bandit also shows better variants more often.",
    )
    choices = list(scenario.choices)
    evaluators = st.segmented_control(
        "Rated by",
        choices,
        default=choices[-1],
        required=True,
        format_func=WHO.__getitem__,
        key=f"{name}.rated_by",
        bind="query-params",
        help="The seed stays, so that only the evaluators change.",
    )
    seed = st.number_input(
        "Seed",
        0,
        2**32 - 1,
        0,
        key="seed",
        bind="query-params",
        help="Another seed is another run of the same experiment.",
    )
    edits = _edits(name, scenario, strategy)
    return Asked(name, edits, strategy, evaluators, int(seed), own)


def _own_scenario() -> str:
    """The TOML of a scenario that was uploaded; nothing where none was, or where it is not sound, which is said."""
    with st.popover("A scenario of your own", icon=":material/upload_file:", width="stretch"):
        st.markdown("Take one from *Show me the code*, change it, and open it here. Other sessions do not see it.")
        file = st.file_uploader("Scenario, a TOML file", type="toml", key="own", max_upload_size=1)
        with shown.trouble():  # where one looks: the popover stays open over the rest of the page
            return "" if file is None else _text_of(file)
    st.warning(
        "Your scenario cannot be used yet; open the box above to see why. Until then another one is shown.",
        icon=":material/upload_file:",
    )
    return ""


def _text_of(file: UploadedFile) -> str:
    """The text of a scenario, which is sound.

    Raises
    ------
    ScenarioError
        It is no text, no TOML, or a key does not fit.
    """
    try:
        text = file.getvalue().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ScenarioError("is not text in UTF-8", where=file.name, remedy="save it as UTF-8") from None
    parse(text, file.name)
    return text


def _edits(name: str, scenario: Scenario, strategy: StrategyName) -> tuple[tuple[str, float], ...]:
    """What was changed in a scenario."""
    found: list[tuple[str, float]] = []
    before: dict[str, float] = {}
    for n, (about, some) in enumerate(knobs(scenario, strategy).items()):
        with st.expander(about, expanded=n == 0):
            for knob in some:
                value = _turned(name, knob)
                if value != knob.value:
                    found.append((knob.place, value))
                    before[knob.place] = int(knob.value) if knob.whole else float(knob.value)
    if found:
        st.button(
            "Back to the scenario as it was", icon=":material/undo:", key="undo", on_click=_undone, args=(name, before)
        )
    return tuple(found)


def _undone(name: str, before: dict[str, float]) -> None:
    """Every knob where the scenario has it."""
    for place, value in before.items():
        st.session_state[f"{name}.{place}"] = value


def _turned(name: str, knob: Knob) -> float:
    """Where a knob stands."""
    kind = int if knob.whole else float
    return kind(
        st.slider(
            shown.plain(knob.label),
            kind(knob.low),
            kind(max(knob.high, knob.value)),
            kind(knob.value),
            kind(knob.step),
            format="percent" if knob.percent else None,
            key=f"{name}.{knob.place}",
            bind="query-params",
            help=knob.tip,
        )
    )


def scrubber(asked: Asked, stop: int) -> int:
    """The look at which a played experiment stands, moved by hand or, after Play, by itself: see `go_on`."""
    if stop == 1:
        return 1
    key, of = "look", "look_of"
    if st.session_state.get(of) != asked:
        st.session_state[of], st.session_state[key], st.session_state["playing"] = asked, stop, False
    playing = st.session_state["playing"]
    if playing:
        st.session_state[key] = min(st.session_state[key] + 1, stop)
        st.session_state["playing"] = st.session_state[key] < stop
    button, slider = st.columns([1, 4], vertical_alignment="bottom")
    if button.button(
        "Pause" if playing else "Play",
        icon=":material/pause:" if playing else ":material/play_arrow:",
        key="play_looks",
        width="stretch",
    ):
        st.session_state["playing"] = not playing
        if not playing:
            st.session_state[key] = 1
        st.rerun(scope="fragment")
    look = slider.slider("Look", 1, stop, key=key, persist_state="session", help="Move it to see what was known then.")
    return int(look)


class Figure(NamedTuple):
    """A number that stands large on a page."""

    label: str
    """What it is."""
    value: str
    """The number."""
    beside: str
    """What stands beside it."""
    tip: str
    """What it means, for those who ask."""


def figures(found: Many) -> list[Figure]:
    """How often such experiments end right, and what they cost."""
    a, wrong = found.achieved, found.false_launch
    right = (
        "Launches a variant within the smallest difference that matters of the best, or none where none is better. What ends undecided "
        "is not right here, though a pick might have been: chances of picking right stand under What certainty costs."
    )
    equal = "How often the rules would launch something although all variants are equal. ± is the Monte-Carlo error."
    return [
        Figure("Ends right", percent(a.right.value), f"± {100 * a.right.mcse:.1f}", right),
        Figure("False launches if equal", percent(wrong.value), f"± {100 * wrong.mcse:.1f}", equal),
        Figure("Costs on average", dollars(a.usd.value), f"{count(a.ratings.value)} ratings", "Outputs and ratings."),
        Figure("Takes on average", duration(a.days.value), f"{a.looks.value:.1f} looks", "Wall-clock time."),
    ]


def go_on() -> None:
    """Where an experiment is being played, show the next look in a moment; the last thing that a fragment calls."""
    if st.session_state.get("playing"):
        time.sleep(SECONDS)
        st.rerun(scope="fragment")


def every_way(asked: Asked, replications: int) -> dict[tuple[str, str], Many]:
    """Every strategy and every choice of who rates, on the same random numbers, with progress."""
    scenario = asked.scenario
    pairs = [(strategy, who) for strategy in scenario.strategies for who in scenario.choices]
    bar = st.progress(0.0, "Simulating ...")
    found = {}
    for n, (strategy, who) in enumerate(pairs):
        title = STRATEGY_TITLES[strategy]
        bar.progress(n / len(pairs), f"Simulating: {title}, {WHO[who]}")
        found[title, str(who)] = answers.many(asked._replace(strategy=strategy, evaluators=who), replications)
    bar.empty()
    return found
