"""A page with every figure that the program draws, light and dark. `make docs` draws them anew.

The figures are real: one simulated experiment, a fit of its ratings, many experiments counted, and the eight schools of ArviZ for what a
sampler does. `tests/test_docs.py` holds the page to this list, and the list to `expsim_bayes.plots`.
"""

from __future__ import annotations

import warnings
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from expsim_bayes import amounts, plots
from expsim_bayes.report import pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from matplotlib.figure import Figure

    from expsim_bayes.diagnosis import Diagnosed
    from expsim_bayes.experiment import Played
    from expsim_bayes.facts import Facts, FitFacts
    from expsim_bayes.operating_characteristics import Characteristics
    from expsim_bayes.plots.theme import Theme
    from expsim_bayes.report.document import Redrawn
    from expsim_bayes.scenario import EvaluatorChoice, Scenario

DOCS = Path(__file__).resolve().parent
FOLDER, PAGE = DOCS / "gallery", DOCS / "gallery.md"
WIDTH = 900
"""Dots across at most: enough for a page, and small enough for a repository."""
SHADES = 64
"""Colours of a picture."""
REPLICATIONS = 400


class Entry(NamedTuple):
    """One figure of the page."""

    name: str
    """Of its file, and of the function of `plots` that draws it."""
    title: str
    """What it answers."""
    words: str
    """How to read it, and where it is seen."""
    draw: Callable[[Theme], Figure]
    """Draws it in some colours."""


@cache
def played() -> Played:
    """A bandit of four variants, look by look."""
    from expsim_bayes.experiment import play
    from expsim_bayes.scenario import load

    return play(load("support-chat-tone"), strategy="bandit", random_seed=3)


@cache
def experiment() -> Facts:
    """What is said of that experiment."""
    from expsim_bayes.recommend import of_experiment

    return of_experiment(played())


@cache
def fitted() -> tuple[xr.DataTree, Facts, FitFacts]:
    """A fit of ratings by a judge and people, without a sampler."""
    from expsim_bayes.experiment import play
    from expsim_bayes.fit import fit
    from expsim_bayes.recommend.fit import of_fit
    from expsim_bayes.scenario import load

    ratings = play(load("support-chat-tone"), strategy="ab", random_seed=5).ratings
    tree = fit(ratings, engine="fast", draws=500, random_seed=1)
    facts = of_fit(tree, ratings, min_effect=0.1)
    assert facts.fit is not None
    return tree, facts, facts.fit


@cache
def schools() -> Diagnosed:
    """The eight schools of ArviZ, centred, whose sampler has trouble."""
    import arviz as az

    from expsim_bayes.diagnosis import diagnose

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return diagnose(az.load_arviz_data("centered_eight"), "eight schools")


def over_looks(name: str, theme: Theme) -> Figure:
    """One of the figures that show an experiment as it went."""
    facts, history = experiment(), played().history
    named: dict[str, Any] = {} if name == "cost_over_looks" else {"control": facts.control}
    if name == "prob_best_over_looks":
        named["threshold"] = facts.threshold
    fig, ax = plots.figure(theme=theme)
    getattr(plots, name)(history, ax, **named, theme=theme)
    return fig


def severity(theme: Theme) -> Figure:
    """How severe each rater is."""
    _, facts, fit = fitted()
    pools = [r.evaluator for r in fit.raters]
    fig, ax = plots.figure(height=plots.rows_height(len(pools), groups=len(set(pools))), theme=theme)
    ends = pictures.columns([r.severity for r in fit.raters], facts.unit)
    plots.severity([r.name for r in fit.raters], *ends, ax, evaluators=pools, theme=theme)
    return fig


def judge_shifts(theme: Theme) -> Figure:
    """What a judge likes about each variant as such."""
    _, facts, fit = fitted()
    names, judges = [name for _, name, _ in fit.shifts], list(dict.fromkeys(judge for judge, _, _ in fit.shifts))
    ends = [np.reshape(end, (len(judges), -1)) for end in pictures.columns([v for _, _, v in fit.shifts], facts.unit)]
    fig, ax = plots.figure(height=plots.rows_height(len(names), groups=len(judges)), theme=theme)
    plots.judge_shifts(names[: len(names) // len(judges)], *ends, ax, evaluators=judges, theme=theme)
    return fig


def shift_map(theme: Theme) -> Figure:
    """The same of many judges and variants, with made-up numbers."""
    tastes = np.random.default_rng(4).normal(0, 0.2, (5, 12))
    names = [f"prompt {n + 1}" for n in range(12)]
    fig, ax = plots.figure(width=8.0, height=plots.rows_height(len(names)), theme=theme)
    plots.shift_map(names, tastes, ax, evaluators=[f"judge {n + 1}" for n in range(5)], theme=theme)
    return fig


def scale_use(theme: Theme) -> Figure:
    """How strongly a judge follows the people."""
    _, facts, fit = fitted()
    fig, ax = plots.figure(height=plots.rows_height(len(fit.scale_use)), theme=theme)
    ends = pictures.columns([value for _, value in fit.scale_use])
    plots.scale_use([name for name, _ in fit.scale_use], *ends, ax, unit=facts.unit, theme=theme)
    return fig


def predictive_check(theme: Theme) -> Figure:
    """Scores as they are, and as the model would make them."""
    tree = fitted()[0]
    drawn = tree["posterior_predictive"]["score"].to_numpy()
    shares = plots.predicted_shares(tree["observed_data"]["score"].to_numpy(), drawn.reshape(-1, drawn.shape[-1]))
    fig, ax = plots.figure(theme=theme)
    plots.predictive_check(shares, ax, theme=theme)
    return fig


def feature_check(theme: Theme) -> Figure:
    """Features of the data beside what is predicted of them."""
    rows = fitted()[2].compared
    fig, ax = plots.figure(width=9.0, height=plots.rows_height(len(rows)), theme=theme)
    numbers = ([r.observed for r in rows], [r.low for r in rows], [r.high for r in rows])
    plots.feature_check([r.name for r in rows], *numbers, ax, theme=theme)
    return fig


def learning_curves(theme: Theme) -> Figure:
    """What money buys, by who rates."""
    from expsim_bayes.operating_characteristics import judges_floor

    fig, ax = plots.figure(theme=theme)
    plots.learning_curves(_curves(), ax, floor=judges_floor(_scenario()).value, theme=theme)
    return fig


def comparison(theme: Theme) -> Figure:
    """Strategies and who rates, side by side."""
    fig, ax = plots.figure(theme=theme)
    plots.comparison(_compared(), ax, theme=theme)
    return fig


@cache
def _scenario() -> Scenario:
    from expsim_bayes.scenario import load

    return load("summarization-prompts")


@cache
def _curves() -> dict[str, xr.Dataset]:
    from expsim_bayes.operating_characteristics import learning_curve

    choices: tuple[EvaluatorChoice, ...] = ("llm", "human", "both")
    return {who: learning_curve(_scenario(), evaluators=who, replications=REPLICATIONS) for who in choices}


@cache
def _compared() -> tuple[Characteristics, ...]:
    from expsim_bayes.operating_characteristics import compare

    return compare(_scenario(), replications=REPLICATIONS)


def chains(name: str, theme: Theme) -> Figure:
    """One of the figures that show what a sampler did."""
    from expsim_bayes.diagnosis.chains import ranks

    found = schools()
    fig, ax = plots.figure(height=3.2, theme=theme)
    if name == "trace":
        plots.trace(found.worst[0], ax, theme=theme)
    elif name == "ranks":
        plots.ranks(ranks(found.worst[0].values), ax, theme=theme)
        plots.chain_names(ax, len(found.worst[0].values), theme=theme)
    else:
        assert found.energies is not None
        plots.energy(found.energies, ax, theme=theme)
    return fig


def decision_card(theme: Theme) -> Figure:
    """The decision on one picture."""
    from expsim_bayes.plots.card import draw
    from expsim_bayes.report import card

    return draw(card(experiment(), day="2026-11-29"), theme=theme)


def _looks(name: str) -> Callable[[Theme], Figure]:
    return lambda theme: over_looks(name, theme)


def _of_facts(which: Redrawn) -> Callable[[Theme], Figure]:
    return lambda theme: pictures.drawn(which, fitted()[1], theme=theme)


def _chains(name: str) -> Callable[[Theme], Figure]:
    return lambda theme: chains(name, theme)


FIGURES = (
    Entry(
        "card",
        "What do we do?",
        "The decision for a slide: how sure, at what price, what could be wrong (`expsim report DIR --card card.png`).",
        decision_card,
    ),
    Entry(
        "differences",
        "How far is each variant from the one in use?",
        "Dot and interval; differences within the band do not matter. The one picture of every report.",
        _of_facts("differences"),
    ),
    Entry(
        "qualities",
        "How good is each variant?",
        "Dot and interval, beside the plain means (hollow), which know nothing of raters and items.",
        _of_facts("qualities"),
    ),
    Entry(
        "quality_over_looks",
        "How did the estimates settle?",
        "Quality with its interval, look after look.",
        _looks("quality_over_looks"),
    ),
    Entry(
        "prob_best_over_looks",
        "How sure did we become?",
        "The probability of being the best, with the threshold that the rule asks for.",
        _looks("prob_best_over_looks"),
    ),
    Entry(
        "allocation_over_looks",
        "Who got the traffic?",
        "How the outputs of each look were shared out: a bandit moves them to what looks good.",
        _looks("allocation_over_looks"),
    ),
    Entry(
        "cost_over_looks",
        "Where did the money go?",
        "Dollars so far, on generating outputs and on each evaluator.",
        _looks("cost_over_looks"),
    ),
    Entry(
        "learning_curves",
        "What does money buy?",
        "The chance that the variant in the lead is the right one; a judge alone has a floor that its ratings cannot pass.",
        learning_curves,
    ),
    Entry(
        "comparison",
        "Which way of running it is best?",
        "Ends right against dollars: the shape is the strategy, the colour is who rates (`expsim compare`).",
        comparison,
    ),
    Entry(
        "severity",
        "Who rates severely?",
        "What each rater adds to a score, by pool; left of 0 is severe.",
        severity,
    ),
    Entry(
        "judge_shifts",
        "Which variant does the judge favour?",
        "What a judge adds for a variant as such, with its interval.",
        judge_shifts,
    ),
    Entry(
        "shift_map",
        "Which judge favours which variant?",
        "The same where there are many; the numbers here are made up.",
        shift_map,
    ),
    Entry(
        "scale_use",
        "Does the judge follow people?",
        "How far its ratings move when the reference moves by one: 1 is as far.",
        scale_use,
    ),
    Entry(
        "predictive_check",
        "Would the model make such scores?",
        "Bars: the ratings. Dots: what the fitted model predicts, with its band.",
        predictive_check,
    ),
    Entry(
        "feature_check",
        "Which features does the model reproduce?",
        "A dot outside the band is a feature that the model misses.",
        feature_check,
    ),
    Entry(
        "trace",
        "Do the chains see the same?",
        "Every chain from its first draw to its last; crosses diverged (`expsim diagnose`).",
        _chains("trace"),
    ),
    Entry(
        "ranks",
        "How often is each chain where?",
        "A chain that leaves the band lingers there; draws that hang together leave it more often.",
        _chains("ranks"),
    ),
    Entry(
        "energy",
        "Does the sampler move freely?",
        "The two shapes should be about as wide; here they are not, and the fit is refused.",
        _chains("energy"),
    ),
)
"""Every figure, in the order of the page."""


HEAD = f"""# Figures

Every figure that the program draws, in both themes. Intervals hold {amounts.level(0.95)} unless a figure says otherwise. Each is a function
of `expsim_bayes.plots` that takes finished numbers and an Axes, and `plots.save` writes it as PNG, SVG or PDF.
"""
SECTION = """
## {title}

{words} `{name}`

<picture><source media="(prefers-color-scheme: dark)" srcset="gallery/{name}-dark.png"><img src="gallery/{name}-light.png" alt="{plain}" width="720"></picture>
"""  # noqa: E501
FOOT = """
Drawn by `make docs` ([gallery.py](gallery.py)).
"""


def contents() -> str:
    """The page."""
    told = [
        SECTION.format(title=e.title, words=e.words, name=e.name, plain=f"{e.title} {e.words.replace('`', '')}")
        for e in FIGURES
    ]
    return "".join([HEAD, *told, FOOT])


def png(fig: Figure, width: int = WIDTH) -> bytes:
    """A figure as a small PNG."""
    from PIL import Image

    small = BytesIO()
    whole = Image.open(BytesIO(plots.render(fig, "png"))).convert("RGB")
    if whole.width > width:
        whole = whole.resize((width, round(whole.height * width / whole.width)), Image.Resampling.LANCZOS)
    whole.quantize(SHADES).save(small, format="png", optimize=True)
    return small.getvalue()


def main() -> None:
    """Draw every figure in both themes, and write the page; pictures that are gone are removed."""
    FOLDER.mkdir(exist_ok=True)
    kept = set()
    for entry in FIGURES:
        for name, theme in plots.THEMES.items():
            path = FOLDER / f"{entry.name}-{name}.png"
            path.write_bytes(png(entry.draw(theme)))
            kept.add(path)
    for old in set(FOLDER.glob("*.png")) - kept:
        old.unlink()
    PAGE.write_text(contents(), encoding="utf-8")


if __name__ == "__main__":
    main()
