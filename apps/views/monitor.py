"""Monitor: an experiment that is running, as it stands now. It only looks: nothing is ever written into an experiment."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from expsim_bayes.apps import demonstration, monitor_pictures, monitored, shown
from expsim_bayes.apps.kept import Lines, Result, keep
from expsim_bayes.live import Opened, words
from expsim_bayes.operating_characteristics import Estimate

DEMONSTRATION = "A demonstration (made up)"
COLOURS = shown.COLOURS | {"continue": "blue"}
SIGNS = shown.SIGNS | {"continue": "→"}
BEGIN = """\
expsim monitor init experiments/prompts summarization-prompts  # a folder: scenario, rules, seed
expsim monitor next experiments/prompts                        # what to have rated, and by whom
expsim monitor add experiments/prompts monday.csv              # a batch of ratings: a look"""


def choose() -> tuple[str, Path] | None:
    """The experiment that is looked at."""
    found = monitored.experiments(monitored.root())
    demo = demonstration.folder()
    if demo is not None:
        found = {DEMONSTRATION: demo} | found
    if not found:
        return None
    if demo is not None and st.session_state.pop("demonstrated", None):
        st.session_state["experiment"] = DEMONSTRATION
    name = st.selectbox(
        "Experiment",
        list(found),
        key="experiment",
        bind="query-params",
        help="Experiments below the folder in which the dashboard was started, or that `--monitor` names.",
    )
    return (name, found[name]) if name in found else None


def demonstrate() -> None:
    """Make the demonstration, and look at it."""
    bar = st.progress(0.0, "Making up ratings, and fitting the first looks ...")

    def progress(done: float) -> None:
        bar.progress(done, f"Fitting look {round(done * demonstration.FIRST) + 1} of {demonstration.FIRST} ...")

    demonstration.make(progress)
    st.session_state["demonstrated"] = True
    st.rerun()


def nothing_yet() -> None:
    """What to do before there is an experiment."""
    st.info(
        "No experiment is kept below the folder that this dashboard watches. Begin one there on the command line, and it appears "
        "here; or see what the page looks like with a made-up one, which lies in a folder of your session and goes with it.",
        icon=":material/monitoring:",
    )
    st.code(BEGIN, language="bash")
    if st.button("Show a demonstration", type="primary", icon=":material/science:", key="demonstrate"):
        demonstrate()


@st.fragment(run_every=monitored.REFRESH)
def watch(folder: Path, seen: tuple[int, int]) -> None:
    """Says since when the page shows what it shows, and shows it anew when the folder changes."""
    if monitored.stamp(folder) != seen:
        st.rerun()
    moment = monitored.changed(folder)
    st.caption(
        f"Last change {moment:%Y-%m-%d %H:%M} UTC, {monitored.ago(moment, datetime.now(UTC))}. "
        f"The page looks every {monitored.REFRESH} seconds and shows what is new by itself."
    )


def labelled(rows: list[tuple[str, str]]) -> None:
    """Paragraphs with a label before each."""
    st.markdown("\n\n".join(f"**{label}** {monitored.marked(text)}" for label, text in rows if text))


def headline(here: Opened) -> None:
    """What to do now, in a few words."""
    look = here.ended or (here.looks[-1] if here.looks else None)
    name = look.decision if look is not None else "continue"
    st.subheader(f":{COLOURS[name]}[{shown.plain(SIGNS[name])} {shown.plain(words.headline(here))}]", anchor=False)


@st.fragment
def charts(here: Opened) -> None:
    """The looks as lines."""
    what = st.segmented_control(
        "Show",
        [monitor_pictures.BEST, monitor_pictures.QUALITY, monitor_pictures.SPENT],
        default=monitor_pictures.BEST,
        required=True,
        key="monitor.what",
        label_visibility="collapsed",
        bind="query-params",
    )
    shown.picture(monitor_pictures.over_looks(here, str(what), theme=shown.theme()), key="monitor.looks")


def peeking(here: Opened, folder: Path, *, made_up: bool) -> Estimate | None:
    """What looking often does to the rule; the rate where it is known."""
    st.markdown("**Peeking**")
    asked = st.session_state.get("monitor.counted") == folder
    with st.spinner("Counting false launches ..."):
        found = monitored.peeked(here, folder, asked=asked)
    if found is not None:
        st.markdown(monitored.marked(words.peeked(here, found, calibrated=made_up)))
        return found.rate
    st.markdown(
        shown.plain(
            f"{words.looks_taken(here)} How often this rule launches something that is no better was not counted yet."
        )
    )
    if st.button("Count it (may take minutes)", icon=":material/calculate:", key="monitor.count"):
        st.session_state["monitor.counted"] = folder
        st.rerun()
    return None


def hand_over(name: str, here: Opened, rate: Estimate | None) -> None:
    """The last look on the page that recommends."""
    facts = here.looks[-1].told_facts() if here.looks else None
    if facts is not None and st.button("Open the recommendation", icon=":material/gavel:", key="monitor.to_decision"):
        label = f"{name}, as it stands after look {here.looks[-1].look}"
        source = f"{'made up, not real ratings' if name == DEMONSTRATION else name}: {facts.source}"
        lines = demonstration.code(len(here.looks)) if name == DEMONSTRATION else monitored.code(name)
        keep(Result(label, replace(facts, false_launch=rate, source=source), code=lines))
        shown.go("decision")


def show(name: str, folder: Path) -> None:
    """An experiment as it stands."""
    made_up = name == DEMONSTRATION
    seen = monitored.stamp(folder)
    here, ahead = monitored.standing(folder, name)
    st.markdown(f"#### {shown.plain(here.scenario.title)}")
    headline(here)
    watch(folder, seen)
    if here.waiting:
        st.info(
            "A batch is kept and not fitted yet: whoever added it is at it, or `expsim monitor status` fits it.",
            icon=":material/hourglass:",
        )
    if here.looks:
        for cell, number in zip(st.columns(4), monitored.numbers(here), strict=True):
            cell.metric(number.label, number.value, shown.plain(number.beside), delta_color="off", delta_arrow="off")
    told, drawn = st.columns([1, 1.35], gap="large")
    with told:
        labelled(words.state(here))
    with drawn:
        if monitor_pictures.drawable(here):
            charts(here)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What to rate next**")
        labelled(ahead)
    with right:
        rate = peeking(here, folder, made_up=made_up)
    for text in words.warnings(here.looks[-1]) if here.looks else []:
        st.warning(shown.plain(text[:1].upper() + text[1:]), icon=":material/warning:")
    if here.looks:
        with st.expander("Look by look", icon=":material/table_rows:"):
            st.dataframe(monitored.table(here), hide_index=True, key="monitor.table")
    hand_over(name, here, rate)
    if made_up:
        another()
    code(name, demonstration.code(len(here.looks)) if made_up else monitored.code(name))


def another() -> None:
    """A further batch for the demonstration."""
    if st.button("Let another batch come in", icon=":material/add:", key="another"):
        with st.spinner("Fitting the next look ..."):
            more = demonstration.another_batch()
        if more:
            st.rerun()
        st.info("All looks that were planned are taken.")
    with st.expander("Begin one of your own", icon=":material/code:"):
        st.code(BEGIN, language="bash")


def code(name: str, lines: Lines) -> None:
    """Show me the code."""
    made_up = name == DEMONSTRATION
    with st.expander("Show me the code", icon=":material/code:"):
        st.caption(
            f"The lines of Python, saved as {shown.SAVED}, make the same demonstration; then:"
            if made_up
            else "From the folder in which the dashboard was started, or that --monitor named:"
        )
        st.code(lines.command, language="bash")
        st.caption("The same from Python.")
        st.code(lines.python, language="python")
        if made_up:
            st.caption("A demonstration belongs to one session, so there is no link to it.")
            return
        st.caption(
            "A link to this page as it stands, below the dashboard's own address. It names the experiment, and opens it only for a "
            "dashboard that lists it."
        )
        st.code(monitored.link(name, st.session_state.get("monitor.what")), language=None)


st.title("Monitor", anchor=False)
chosen = choose()
if chosen is None:
    nothing_yet()
else:
    with shown.trouble():
        show(*chosen)
    if demonstration.folder() is None and st.button(
        "Show a demonstration", icon=":material/science:", key="demonstrate"
    ):
        demonstrate()
