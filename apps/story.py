"""The guided story: why experiments on GenAI features differ, and six steps from one noisy judge to a launch; `quiz` comes after them.

A step is a heading, two or three sentences and a live picture, computed from the library's scenarios by the calls that every page uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from expsim_bayes.apps import answers, look_pictures, pictures, quiz, shown
from expsim_bayes.apps.asked import Asked
from expsim_bayes.scenario import STRATEGY_TITLES, StrategyName
from expsim_bayes.wording import truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROMPTS, TONES = "summarization-prompts", "support-chat-tone"
"""Scenarios that are told."""


MISLED = 16
"""Seed of a judge whose taste reverses the order."""
RUN = 4
"""Seed of the run that is shown."""


class Code(NamedTuple):
    """What gives the numbers of a step."""

    asked: Asked
    command: str
    python: str
    note: str = ""
    """Where they stand."""


def _code(asked: Asked) -> Code:
    """Of one experiment."""
    return Code(asked, asked.command(), asked.python())


def _means(asked: Asked, outputs: int) -> Code:
    """Of mean scores."""
    found = answers.enough(asked, outputs)
    return Code(
        found, found.command("--out", "played"), found.means(), "It writes every score into played/ratings.csv."
    )


class Step(NamedTuple):
    """One step of the story."""

    title: str
    """Its heading."""
    text: str
    """What it says."""
    show: Callable[[], Code]
    """Draws its picture; what gives the same numbers."""
    set_by: tuple[str, ...] = ()
    """Keys of its widgets."""


def _why() -> Code:
    seed = st.slider("Another draw of 12 outputs of each prompt", 1, 30, 1, key="story.why", bind="query-params")
    asked = Asked(PROMPTS, seed=int(seed))
    shown.picture(pictures.votes(answers.seen(asked, 12), _truth(asked), theme=shown.theme()), key="story.votes")
    return _means(asked, 12)


def _noisy_judge() -> Code:
    left, right = st.columns(2)
    outputs = left.slider(
        "Outputs of each prompt that the judge rates", 10, 600, 300, 10, key="story.outputs", bind="query-params"
    )
    seed = right.slider("Another judge", 1, 30, MISLED, key="story.judge_seed", bind="query-params")
    asked = Asked(PROMPTS, seed=int(seed))
    found = answers.seen(asked, int(outputs))
    judge = found[found["evaluator"] == "judge"].set_index("variant")
    truth = _truth(asked)
    shown.picture(pictures.votes(judge.reset_index(), truth, theme=shown.theme()), key="story.judge")
    likes, best = str(judge["mean"].idxmax()), max(truth, key=truth.__getitem__)
    st.markdown(
        f"This judge puts **{likes}** first"
        + (", and so do people." if likes == best else f". People would say **{best}**.")
    )
    return _means(asked, int(outputs))


def _cost() -> Code:
    asked = Asked(PROMPTS)
    shown.picture(pictures.learning(answers.curves(asked), theme=shown.theme()), key="story.cost")
    return Code(asked, f"python {shown.SAVED}", asked.curves(answers.CURVE))


def _bandit() -> Code:
    ways: list[StrategyName] = ["ab", "bandit"]
    way = st.segmented_control(
        "Run as",
        ways,
        default="bandit",
        required=True,
        format_func=STRATEGY_TITLES.__getitem__,
        key="story.way",
        bind="query-params",
    )
    asked = Asked(TONES, strategy=way, seed=5)
    found = answers.one(asked)
    left, right = st.columns(2)
    with left:
        shown.picture(
            look_pictures.over_looks(found.history, found.facts, "outputs", theme=shown.theme()), key="story.shares"
        )
    with right:
        shown.picture(
            look_pictures.over_looks(found.history, found.facts, "effect", truth=True, theme=shown.theme()),
            key="story.tones",
        )
    return _code(asked)


def _peeking() -> Code:
    eager = st.slider(
        "Probability that an eager rule asks for",
        0.90,
        0.98,
        0.95,
        0.01,
        format="percent",
        key="story.eager",
        bind="query-params",
    )
    found = answers.peeked(Asked(PROMPTS), float(eager))
    shown.picture(pictures.peeking(found, theme=shown.theme()), key="story.peeking")
    asked = answers.equal(Asked(PROMPTS), float(eager))
    note = f"“False launches” is where the eager line ends; with the threshold {found.threshold:g} it is where the other one does."
    return Code(asked, asked.command("--replications", str(answers.MANY)), asked.python(answers.MANY), note)


def _convergence() -> Code:
    seed = st.slider(
        "Another run of the experiment", 0, 30, RUN, key="story.run", persist_state="session", bind="query-params"
    )
    asked = Asked(PROMPTS, strategy="ab", seed=int(seed))
    found = answers.one(asked)
    shown.picture(
        look_pictures.over_looks(found.history, found.facts, "effect", truth=True, theme=shown.theme()),
        key="story.effect",
    )
    return _code(asked)


def _decision() -> Code:
    asked = Asked(PROMPTS, seed=int(st.session_state.get("story.run", RUN)))
    facts = answers.weighed(asked)
    shown.decision(facts)
    st.caption(shown.plain(truth(facts)))
    return _code(asked)


def _truth(asked: Asked) -> dict[str, float]:
    return {v.name: v.quality for v in asked.scenario.variants}


STEPS = (
    Step(
        "Why such experiments differ",
        "A click is a click. The output of a prompt has to be **rated**, and whoever rates it disagrees with others and with themselves. "
        "Here the same 12 summaries of each prompt are rated by a judge, another language model, and by people. Move the slider to draw "
        "others: the means move about, and the judge scores lower than people do. Prompt B is truly better. Would you have launched it?",
        _why,
        ("story.why",),
    ),
    Step(
        "One noisy judge",
        "More ratings make the bars shorter, but they shrink around what the *judge* likes, not around what people would say. A judge may "
        "favour a prompt as such, for its length or its family, and no number of its ratings tells that from quality.",
        _noisy_judge,
        ("story.outputs", "story.judge_seed"),
    ),
    Step(
        "Judge against humans, and what each costs",
        "People are dear and need no correction. A judge is cheap and gets stuck. Both together are best: a few human ratings on outputs "
        "that the judge rated, too, tell how far it may be trusted.",
        _cost,
    ),
    Step(
        "A/B test or bandit",
        "An A/B test splits the outputs evenly and decides at the end. A bandit shows what does well more often, so fewer outputs "
        "are spent on the worse. Its price: it learns less about the losers, whose intervals stay wide.",
        _bandit,
        ("story.way",),
    ),
    Step(
        "Peeking",
        "Looking after every batch and stopping when it looks good finds winners that are none. Here **all prompts are equal**. The more "
        "often one looks, the more of them are launched by mistake, unless the rule asks for more: its threshold is calibrated so "
        "that 1 in 20 is not passed, however often one looks.",
        _peeking,
        ("story.eager",),
    ),
    Step(
        "Convergence",
        "With each look the interval of the difference shrinks and settles on the truth, which only a simulation knows. Here nobody stops "
        "early, to see it. An experiment has converged when its rule has fired: what is left to learn no longer changes what to do.",
        _convergence,
        ("story.run",),
    ),
    Step(
        "The decision",
        "In plain words, with its price and its risk. Every number stands for what a person would do next.",
        _decision,
        ("story.run",),
    ),
)
"""The story, in order."""


def opened(query: Mapping[str, str]) -> None:
    """Begin where a link says; nothing where the session has begun, or the link asks for what there is not."""
    for key, name, first, most in (("story.at", "step", 0, len(STEPS)), ("quiz.seed", "quiz", quiz.FIRST, quiz.MOST)):
        told = query.get(name, "")
        asked_for = int(told) if told.isascii() and told.isdecimal() and len(told) < 11 else first
        st.session_state.setdefault(key, asked_for if asked_for <= most else first)


def link(at: int) -> str:
    """The address of a step as it stands, below the dashboard's own."""
    told: dict[str, object] = {"step": at} if at else {}
    for key in STEPS[at].set_by if at < len(STEPS) else ():
        value = st.session_state.get(key)
        if value is not None:
            told[key] = STRATEGY_TITLES[value] if key == "story.way" else value
    if at == len(STEPS):
        told["quiz"] = st.session_state["quiz.seed"]
    return f"story?{urlencode(told)}"
