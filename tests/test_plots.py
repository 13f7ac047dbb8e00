"""Pictures hold the numbers they were given, name what they show with its unit, and survive any name; no pixel is compared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.text import Annotation, Text

from expsim_bayes import plots
from expsim_bayes.errors import SettingError
from expsim_bayes.operating_characteristics import Characteristics, Estimate
from expsim_bayes.plots import labels
from expsim_bayes.plots.labels import LONGEST, distinct, dollar_tick, shown, spread
from expsim_bayes.plots.looks import MOST, MOST_INTERVALS
from expsim_bayes.plots.theme import DASHES, HATCHES, MARKERS
from expsim_bayes.scenario import EvaluatorChoice, StrategyName

ODD_NAMES = (
    "$\\frac{a}{b}$",
    "100$ or 5$",
    "\\$",
    "thumbs \N{THUMBS UP SIGN}\N{PARTY POPPER} up",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u202egnirts",
    "line\nbreak\ttab\x00",
    "",
    "\ud800",
    "x" * 10_000,
    "<script>&amp;",
    "%s {0} _ ^",
    "_hidden",
)


def history(variants: int = 3, looks: int = 4, names: tuple[str, ...] | None = None, stopped: int = 0) -> xr.Dataset:
    """A made-up history of one replication; the last `stopped` looks did not happen."""
    rng = np.random.default_rng(variants)
    grows = np.arange(1.0, looks + 1)[:, None]
    prob = rng.dirichlet(np.ones(variants), looks)
    by_variant = {
        "quality_mean": rng.normal(3, 0.3, (looks, variants)),
        "quality_sd": rng.uniform(0.05, 0.2, (looks, variants)),
        "effect_mean": rng.normal(0, 0.3, (looks, variants)),
        "effect_sd": rng.uniform(0.05, 0.2, (looks, variants)),
        "prob_best": prob,
        "outputs": np.cumsum(rng.integers(1, 9, (looks, variants)), axis=0).astype(float),
        "usd_generation": 0.01 * grows * np.ones(variants),
    }
    by_evaluator = {"ratings": grows * [600.0, 200.0], "usd_rating": grows * [1.5, 500.0]}
    data = {name: (("replication", "look", "variant"), values[None]) for name, values in by_variant.items()}
    data |= {name: (("replication", "look", "evaluator"), values[None]) for name, values in by_evaluator.items()}
    found = xr.Dataset(
        data,
        coords={
            "look": np.arange(1, looks + 1),
            "variant": list(names or (f"v{n}" for n in range(variants))),
            "evaluator": ["judge", "crowd"],
        },
    )
    return found.where(found["look"] <= looks - stopped)


def curve(end: float, dearest: float) -> xr.Dataset:
    right = np.linspace(0.6, end, 8)
    usd = np.geomspace(dearest / 20, dearest, 8)
    return xr.Dataset({"usd": ("look", usd), "right": ("look", right), "mcse": ("look", np.full(8, 0.01))})


def characteristics(strategy: StrategyName, evaluators: EvaluatorChoice, right: float, usd: float) -> Characteristics:
    nothing = Estimate(0.0, 0.01)
    return Characteristics(
        strategy=strategy,
        evaluators=evaluators,
        replications=100,
        right=Estimate(right, 0.02),
        right_launch=nothing,
        false_launch=nothing,
        wrong_stop=nothing,
        undecided=nothing,
        ratings=nothing,
        usd=Estimate(usd, usd / 50),
        days=nothing,
        looks=nothing,
    )


STRATEGIES: tuple[StrategyName, ...] = ("ab", "bandit", "sequential")
EVERYONE: tuple[EvaluatorChoice, ...] = ("llm", "human", "both")
CURVES = {"llm": curve(0.8, 10.0), "human": curve(1.0, 3000.0), "both": curve(0.99, 1500.0)}
FOUND = [
    characteristics(strategy, evaluators, 0.6 + 0.04 * s + 0.1 * e, 10.0 ** (e + 1) / (s + 1))
    for s, strategy in enumerate(STRATEGIES)
    for e, evaluators in enumerate(EVERYONE)
]


def interval_arrays(*shape: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    mean, half = rng.normal(0, 0.4, shape), rng.uniform(0.05, 0.3, shape)
    return mean, mean - half, mean + half


def shares(scale: str = "steps") -> plots.PredictedShares:
    rng = np.random.default_rng(3)
    observed = rng.integers(1, 6, 400).astype(float) if scale == "steps" else rng.normal(60, 12, 400)
    return plots.predicted_shares(observed, rng.normal(observed.mean(), observed.std(), (40, 400)))


Draw = Callable[[Axes, plots.Theme], Axes]
PICTURES: dict[str, Draw] = {
    "quality": lambda ax, t: plots.quality_over_looks(history(), ax, control="v0", title="T", theme=t),
    "effect": lambda ax, t: plots.quality_over_looks(history(), ax, what="effect", across="usd", title="T", theme=t),
    "prob_best": lambda ax, t: plots.prob_best_over_looks(history(), ax, threshold=0.95, title="T", theme=t),
    "allocation": lambda ax, t: plots.allocation_over_looks(history(), ax, title="T", theme=t),
    "cost": lambda ax, t: plots.cost_over_looks(history(), ax, title="T", theme=t),
    "qualities": lambda ax, t: plots.qualities(["a", "b"], *interval_arrays(2), ax, control="b", title="T", theme=t),
    "severity": lambda ax, t: plots.severity(
        ["a", "b", "c"], *interval_arrays(3), ax, evaluators=["p", "p", "q"], title="T", theme=t
    ),
    "judge_shifts": lambda ax, t: plots.judge_shifts(
        ["a", "b", "c"], *interval_arrays(2, 3), ax, evaluators=["j", "k"], title="T", theme=t
    ),
    "shift_map": lambda ax, t: plots.shift_map(
        ["a", "b", "c"], interval_arrays(2, 3)[0], ax, evaluators=["j", "k"], title="T", theme=t
    ),
    "differences": lambda ax, t: plots.differences(
        ["a", "b"], *interval_arrays(2), ax, baseline="c", min_effect=0.1, title="T", theme=t
    ),
    "scale_use": lambda ax, t: plots.scale_use(["j", "k"], *interval_arrays(2), ax, title="T", theme=t),
    "predictive": lambda ax, t: plots.predictive_check(shares(), ax, title="T", theme=t),
    "learning": lambda ax, t: plots.learning_curves(CURVES, ax, floor=0.82, title="T", theme=t),
    "comparison": lambda ax, t: plots.comparison(FOUND, ax, title="T", theme=t),
}
UNITS = {
    "quality": ("ratings", "points (95 %"),
    "effect": ("dollars", "points above"),
    "prob_best": ("ratings", "probability"),
    "allocation": ("look", "share"),
    "cost": ("look", "dollars"),
    "qualities": ("points (dot and 95 % interval", ""),
    "severity": ("points", ""),
    "judge_shifts": ("points", ""),
    "shift_map": ("points", ""),
    "differences": ("difference to c, points", ""),
    "scale_use": ("points", ""),
    "predictive": ("points", "share"),
    "learning": ("dollars", "chance"),
    "comparison": ("dollars", "experiments"),
}


def axes(theme: plots.Theme = plots.LIGHT, width: float = 5, height: float = 3) -> Axes:
    return plots.figure(width, height, theme=theme)[1]


def texts(ax: Axes) -> list[str]:
    """Everything that is written in the data area and its margins, tick labels on the rows included."""
    return [text.get_text() for text in (*ax.texts, *ax.get_yticklabels(), *ax.get_xticklabels())]


def draw(ax: Axes) -> bytes:
    fig = ax.get_figure(root=True)
    assert fig is not None
    return plots.render(fig, "png")


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("theme", plots.THEMES.values(), ids=plots.THEMES)
@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_drawn_on_the_axes_it_is_given_and_says_what_it_shows(name: str, theme: plots.Theme) -> None:
    ax = axes(theme)
    assert PICTURES[name](ax, theme) is ax
    assert len(draw(ax)) > 2_000
    assert ax.get_title(loc="left") == "T"
    x, y = UNITS[name]
    assert x in ax.get_xlabel().replace("\n", " ")
    assert y in ax.get_ylabel()
    assert ax.get_legend() is None
    assert mpl.colors.to_hex(ax.get_facecolor()) == theme.ground


@pytest.mark.parametrize("theme", plots.THEMES.values(), ids=plots.THEMES)
def test_text_and_series_stand_out_from_the_ground(theme: plots.Theme) -> None:
    for colour in (theme.ink, theme.muted, *theme.colours):
        lights = sorted((luminance(colour), luminance(theme.ground)))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, colour


def test_colour_is_never_the_only_cue() -> None:
    for cues in (MARKERS, HATCHES):
        assert len(set(cues)) == len(cues) > MOST
    assert len(set(DASHES[:-1])) == MOST


def test_nothing_global_changes() -> None:
    before = dict(mpl.rcParams)
    for picture in PICTURES.values():
        draw(picture(axes(), plots.LIGHT))
    assert dict(mpl.rcParams) == before


def test_threads_may_draw_at_once() -> None:
    done: list[bytes] = []
    one = draw(PICTURES["learning"](axes(), plots.LIGHT))
    workers = [
        threading.Thread(target=lambda: done.append(draw(PICTURES["learning"](axes(), plots.LIGHT)))) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert done == [one] * 3


def lines(ax: Axes) -> list[ErrorbarContainer]:
    return [container for container in ax.containers if isinstance(container, ErrorbarContainer)]


def test_quality_lines_hold_mean_and_interval() -> None:
    given = history()
    ax = plots.quality_over_looks(given, axes(), ci_prob=0.9)
    mean, half = given["quality_mean"].values[0], 1.6448536 * given["quality_sd"].values[0]
    drawn = [np.asarray(line.lines[0].get_ydata()) for line in lines(ax)]
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, mean.T))
    for line, y in zip(lines(ax), drawn, strict=True):
        variant = int(np.flatnonzero((y == mean.T).all(axis=1))[0])
        ends = np.array([segment[:, 1] for segment in line.lines[2][0].get_segments()])
        np.testing.assert_allclose(ends, mean[:, [variant]] + half[:, [variant]] * [-1, 1], atol=1e-6)


@pytest.mark.parametrize(("across", "last"), [("ratings", 3200.0), ("look", 4.0), ("usd", 2006.12)])
def test_x_axis_counts_what_it_says(across: Any, last: float) -> None:
    ax = plots.prob_best_over_looks(history(), axes(), across=across)
    assert np.asarray(lines(ax)[0].lines[0].get_xdata())[-1] == pytest.approx(last)
    assert ax.get_xlim()[1] >= last
    ticks = ax.xaxis.get_major_formatter()
    assert ticks(2_000.0, 0) == ("$2,000" if across == "usd" else "2,000")


def test_prob_best_never_says_certain_and_names_the_threshold() -> None:
    given = history(variants=2)
    given["prob_best"].values[0, -1] = [1.0, 0.0]
    ax = plots.prob_best_over_looks(given, axes(), threshold=0.975, control="v1")
    assert {"v0: more than 99.9 %", "v1 (in use): less than 0.1 %", "the rule stops at 97.5 %"} <= set(texts(ax))
    assert any(np.allclose(line.get_ydata(), 0.975) for line in ax.get_lines())


@pytest.mark.parametrize("picture", [plots.quality_over_looks, plots.prob_best_over_looks, plots.cost_over_looks])
def test_looks_after_the_stop_are_left_out(picture: Callable[..., Axes]) -> None:
    ax = picture(history(looks=5, stopped=3), axes())
    sizes = {len(np.asarray(line.lines[0].get_xdata())) for line in lines(ax)} or {len(ax.containers[0])}
    assert sizes == {2}
    draw(ax)


def test_a_single_look_is_drawn() -> None:
    for name in ("quality_over_looks", "prob_best_over_looks", "allocation_over_looks", "cost_over_looks"):
        ax = getattr(plots, name)(history(looks=1), axes())
        assert draw(ax)
        assert all(tick == round(tick) for tick in ax.get_xticks()), name


def test_several_replications_are_refused() -> None:
    with pytest.raises(ValueError, match="isel"):
        plots.prob_best_over_looks(xr.concat([history(), history()], "replication"), axes())


def test_allocation_bars_are_shares_of_each_look() -> None:
    given = history()
    outputs = given["outputs"].values[0]
    each = np.diff(np.vstack([np.zeros(3), outputs]), axis=0)
    ax = plots.allocation_over_looks(given, axes(), control="v1")
    heights = np.array([[bar.get_height() for bar in container] for container in ax.containers])
    np.testing.assert_allclose(heights.sum(0), 1.0)
    np.testing.assert_allclose(heights[0], each[:, 1] / each.sum(1))
    counts = plots.allocation_over_looks(given, axes(), share=False)
    total = sum(bar.get_height() for container in counts.containers for bar in container)
    assert total == pytest.approx(outputs[-1].sum())
    assert len({container[0].get_hatch() for container in counts.containers}) == 3


def test_costs_add_up_to_the_bill() -> None:
    ax = plots.cost_over_looks(history(), axes())
    top = [sum(container[look].get_height() for container in ax.containers) for look in range(4)]
    np.testing.assert_allclose(top, [501.53, 1003.06, 1504.59, 2006.12])
    assert {"generation: $0.12", "judge: $6.00", "crowd: $2,000"} <= set(texts(ax))


@pytest.mark.parametrize("name", ["quality_over_looks", "prob_best_over_looks", "allocation_over_looks"])
def test_of_many_variants_the_leading_ones_are_named_and_the_others_counted(name: str) -> None:
    ax = getattr(plots, name)(history(variants=30), axes(), control="v29")
    labels = [text for text in texts(ax) if text]
    assert sum(text.startswith("v") for text in labels) == MOST + 1
    assert any(text.startswith(f"{30 - MOST - 1} others") for text in labels)
    assert any(text.startswith("v29 (in use)") for text in labels)
    intervals = [line for line in lines(ax) if line.has_yerr]
    assert len(intervals) == (MOST_INTERVALS if name == "quality_over_looks" else 0)


def test_styles_follow_the_variant_not_its_rank() -> None:
    given = history()
    flipped = given.copy(deep=True)
    flipped["prob_best"].values[0, -1] = flipped["prob_best"].values[0, -1][::-1]
    colours = []
    for data in (given, flipped):
        ax = plots.prob_best_over_looks(data, axes())
        colours.append({t.get_text().split(":")[0]: t.get_color() for t in ax.texts})
    assert colours[0] == colours[1]


def test_qualities_are_sorted_with_the_best_on_top() -> None:
    mean, low, high = interval_arrays(30)
    names = [f"n{i}" for i in range(30)]
    for higher, order in ((True, np.argsort(mean)), (False, np.argsort(-mean))):
        ax = plots.qualities(names, mean, low, high, axes(), control="n3", plain=mean + 0.1, higher_is_better=higher)
        expected = [f"n{i}" + (" (in use)" if i == 3 else "") for i in order]
        assert [label.get_text() for label in ax.get_yticklabels()] == expected
        dots = [line for line in ax.get_lines() if len(np.asarray(line.get_xdata())) == 1]
        np.testing.assert_allclose([np.asarray(d.get_xdata())[0] for d in dots], mean[order])
        bars = [np.asarray(line.get_xdata()) for line in ax.get_lines() if len(np.asarray(line.get_ydata())) == 2][:30]
        np.testing.assert_allclose(bars, np.stack([low, high], 1)[order])
        hollow = next(line for line in ax.get_lines() if line.get_markerfacecolor() == "none")
        np.testing.assert_allclose(np.asarray(hollow.get_xdata()), mean[order] + 0.1)
        assert "plain mean" in ax.get_xlabel().replace("\n", " ")


def test_severity_of_few_raters_names_all_and_of_many_the_ends() -> None:
    few = plots.severity(["a", "b", "a"], *interval_arrays(3), axes(), evaluators=["p", "p", "q"])
    assert [label.get_text() for label in few.get_yticklabels()][:2] == ["p (2)", "q (1)"]
    assert sorted(label.get_text() for label in few.get_yticklabels())[:3] == ["a", "a", "b"]
    mean, low, high = interval_arrays(200)
    names, groups = [f"r{i}" for i in range(200)], ["p"] * 150 + ["q"] * 47 + ["s"] * 3
    many = plots.severity(names, mean, low, high, axes(height=8), evaluators=groups)
    labels = [label.get_text() for label in many.get_yticklabels()]
    assert labels[:3] == ["p (150)", "q (47)", "s (3)"]
    ends = [int(np.argmax(mean[:150])), int(np.argmin(mean[:150]))]
    ends += [150 + int(np.argmax(mean[150:197])), 150 + int(np.argmin(mean[150:197]))]
    assert labels[3:] == [f"r{i}" for i in ends]
    dots = [line for line in many.get_lines() if len(np.asarray(line.get_xdata())) == 1]
    assert sorted(np.asarray(d.get_xdata())[0] for d in dots) == sorted(mean)
    low_end, high_end = many.get_ylim()
    assert all(low_end < np.asarray(d.get_ydata())[0] < high_end for d in dots)


def test_judge_shifts_and_map_hold_every_pair() -> None:
    mean, low, high = interval_arrays(2, 3)
    ax = plots.judge_shifts(["a", "b", "c"], mean, low, high, axes(), evaluators=["j", "k"])
    dots = [np.asarray(d.get_xdata())[0] for d in ax.get_lines() if len(np.asarray(d.get_xdata())) == 1]
    np.testing.assert_allclose(dots, mean.ravel())
    mean[1, 2], mean[0, 0] = np.nan, -0.001
    cells = plots.shift_map(["a", "b", "c"], mean, axes(), evaluators=["j", "k"])
    written = [text.get_text() for text in cells.texts]
    assert len(written) == 6
    assert written[0] == "0.00"
    assert written[-1] == "\N{EN DASH}"
    assert written[1] == f"{mean[1, 0]:+.2f}".replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize("higher", [True, False])
def test_differences_are_sorted_around_zero_with_the_best_on_top(higher: bool) -> None:  # noqa: FBT001
    mean = np.array([0.3, -0.2, 0.1])
    ax = plots.differences(
        ["a", "b", "c"], mean, mean - 0.1, mean + 0.1, axes(), baseline="old", min_effect=0.05, higher_is_better=higher
    )
    top_down = [label.get_text() for label in ax.get_yticklabels()][::-1]
    assert top_down == (["a", "c", "b"] if higher else ["b", "c", "a"])
    assert "within 0.05" in ax.get_xlabel().replace("\n", " ")
    assert [np.asarray(line.get_xdata())[0] for line in ax.lines if line.get_linestyle() == "--"] == [0.0]


def test_scale_use_says_what_is_fixed() -> None:
    ax = plots.scale_use(["crowd", "judge"], [1.0, 0.7], [1.0, 0.55], [1.0, 0.85], axes())
    assert {"1 (fixed)", "0.70  [0.55, 0.85]"} <= set(texts(ax))


def test_predicted_shares_count_every_bin() -> None:
    rng = np.random.default_rng(1)
    observed = np.append(rng.integers(1, 6, 300).astype(float), np.nan)
    predictions = rng.integers(0, 8, (50, 301)).astype(float)
    found = plots.predicted_shares(observed, predictions, ci_prob=0.8)
    assert found.ratings == 300
    np.testing.assert_allclose(found.edges, np.arange(-0.5, 8))
    np.testing.assert_allclose(found.observed[1:6], [(observed == step).sum() / 300 for step in range(1, 6)])
    np.testing.assert_allclose(found.observed[[0, 6, 7]], 0.0)
    three = (predictions[:, :300] == 3).mean(axis=1)
    np.testing.assert_allclose(
        [found.low[3], found.median[3], found.high[3]], np.quantile(three, [0.1, 0.5, 0.9]), atol=1e-12
    )


@pytest.mark.parametrize("observed", [np.full(5, 3.0), np.array([1.0, 1.5, 4.0]), np.array([0.0, 1e-9, 100.0])])
def test_predicted_shares_of_odd_scales_have_few_bins(observed: np.ndarray) -> None:
    found = plots.predicted_shares(observed, np.random.default_rng(1).normal(2, 1, (20, observed.size)))
    assert found.observed.sum() == pytest.approx(1.0)
    assert found.edges.size < 60
    assert all(a < b for a, b in pairwise(found.edges))


def test_predictive_check_draws_bars_and_bands() -> None:
    given = shares("continuous")
    ax = plots.predictive_check(given, axes())
    bars = next(container for container in ax.containers if isinstance(container, BarContainer))
    np.testing.assert_allclose([bar.get_height() for bar in bars], given.observed)
    np.testing.assert_allclose(np.asarray(lines(ax)[0].lines[0].get_ydata()), given.median)
    assert "400 ratings" in ax.get_xlabel().replace("\n", " ")


def test_learning_curves_are_logarithmic_and_labelled_at_their_ends() -> None:
    ax = plots.learning_curves(CURVES, axes(width=7, height=4), floor=0.82)
    assert ax.get_xscale() == "log"
    assert ax.get_ylim()[1] >= 1
    for line, given in zip(ax.get_lines(), CURVES.values(), strict=False):
        np.testing.assert_allclose(np.asarray(line.get_xdata()), given["usd"])
        np.testing.assert_allclose(np.asarray(line.get_ydata()), given["right"])
    notes = {text.get_text(): text for text in ax.texts if isinstance(text, Annotation)}
    assert set(notes) == {"judge only", "humans only", "both", "judge's limit, 82 %"}
    assert notes["humans only"].xy == (3000.0, 1.0)
    assert notes["judge only"].xy[0] == 10.0
    band = np.asarray(ax.collections[0].get_paths()[0].vertices)
    assert band[:, 1].min() == pytest.approx(0.6 - 0.02)
    assert ax.xaxis.get_major_formatter()(1000.0, 0) == "$1,000"


def test_free_money_and_own_labels_are_drawn() -> None:
    free = curve(0.9, 10.0)
    free["usd"].values[:] = 0.0
    ax = plots.learning_curves({"my $ judge": free, "other": curve(0.9, 5.0)}, axes())
    assert ax.get_xscale() == "linear"
    assert "my $ judge" in texts(ax)
    draw(ax)


def test_comparison_has_a_point_for_each_and_a_key() -> None:
    ax = plots.comparison(FOUND, axes(width=7, height=4))
    points = [(line.lines[0].get_xdata()[0], line.lines[0].get_ydata()[0]) for line in lines(ax)]  # type: ignore[index]
    assert sorted(points) == sorted((c.usd.value, c.right.value) for c in FOUND)
    assert {text.get_text() for text in ax.texts} == {"judge only", "humans only", "both"}
    assert "● A/B test, ◆ bandit, ▲ sequential test" in ax.get_xlabel().replace("\n", " ").replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_odd_names_are_drawn_as_they_are_and_never_as_formulas() -> None:
    n = len(ODD_NAMES)
    data = history(variants=n, names=ODD_NAMES)
    pictures = [
        plots.qualities(ODD_NAMES, *interval_arrays(n), axes(height=6), control=ODD_NAMES[0], title=ODD_NAMES[0]),
        plots.severity(ODD_NAMES, *interval_arrays(n), axes(height=6), evaluators=ODD_NAMES),
        plots.judge_shifts(ODD_NAMES, *interval_arrays(2, n), axes(height=6), evaluators=ODD_NAMES[:2]),
        plots.shift_map(ODD_NAMES, interval_arrays(2, n)[0], axes(height=6), evaluators=ODD_NAMES[:2]),
        plots.scale_use(ODD_NAMES, *interval_arrays(n), axes(height=6)),
        plots.quality_over_looks(data, axes(), control=ODD_NAMES[0], what="effect"),
        plots.prob_best_over_looks(data, axes(), title=ODD_NAMES[1]),
        plots.allocation_over_looks(data, axes()),
        plots.cost_over_looks(data.assign_coords(evaluator=list(ODD_NAMES[:2])), axes()),
    ]
    for ax in pictures:
        draw(ax)
        named = [text for text in (*ax.texts, *ax.get_yticklabels()) if "frac" in text.get_text()]
        for text in (*named, ax.title, ax.xaxis.label, ax.yaxis.label):
            assert isinstance(text, Text)
            assert not ("$" in text.get_text() and text.get_parse_math())


def test_long_titles_and_labels_stay_inside_the_picture() -> None:
    title = "A title that says at some length what was found and that a narrow picture cannot hold on one line"
    for width in (3.0, 7.0):
        ax = plots.comparison(FOUND, axes(width=width, height=4), title=title)
        draw(ax)
        fig = ax.get_figure(root=True)
        assert fig is not None
        for text in (ax.xaxis.label, *(t for t in ax.get_children() if isinstance(t, Text) and t.get_text())):
            assert text.get_window_extent().x1 <= fig.bbox.x1 + 1, text.get_text()


def test_shown_names_are_short_visible_and_distinct() -> None:
    labels = distinct([*ODD_NAMES, *ODD_NAMES, "x" * 9_999])
    assert len(set(labels)) == len(labels)
    assert all(0 < len(label) <= LONGEST + 5 and label.isprintable() for label in labels)
    assert shown("$\\frac{a}{b}$") == "$\\frac{a}{b}$"
    assert shown("a" * 500 + "b" * 500).startswith("aaa")
    assert shown("a" * 500 + "b" * 500).endswith("bbb")


def test_an_emoji_that_no_font_has_leaves_no_square(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "_has_glyph", lambda character: ord(character) < 0x2000)
    assert shown("\N{ROCKET} v2 \N{WOMAN}\u200d\N{GIRL}") == "v2"
    assert shown("\N{ROCKET}") == "rocket"
    assert shown("\N{CJK UNIFIED IDEOGRAPH-4E2D} a") == "\N{WHITE SQUARE} a"
    monkeypatch.setattr(labels, "_has_glyph", lambda _: True)
    assert shown("\N{ROCKET} v2") == "\N{ROCKET} v2"


def test_spread_keeps_order_and_gap_and_moves_nothing_without_need() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 40):
        wanted = rng.uniform(0, 1, size)
        placed = spread(wanted, 0.05, 0, 1)
        order = np.argsort(wanted)
        assert (np.diff(placed[order]) >= min(0.05, 1 / max(size - 1, 1)) - 1e-12).all()
        assert placed.min() >= -1e-12
        assert placed.max() <= 1 + 1e-12
    np.testing.assert_allclose(spread([0.9, 0.1, 0.5], 0.05, 0, 1), [0.9, 0.1, 0.5])
    np.testing.assert_allclose(spread([0.5, 0.5], 0.2, 0, 1), [0.4, 0.6])


def test_dollars_beside_an_axis_have_no_idle_cents() -> None:
    amounts = (0.0, 0.02, 0.5, 1.0, 20.0, 1_000.0, 25_000.0)
    assert [dollar_tick(amount) for amount in amounts] == ["$0", "$0.02", "$0.50", "$1", "$20", "$1,000", "$25,000"]


def test_files_are_what_their_ending_says(tmp_path: Any) -> None:
    fig, ax = plots.figure(3, 2)
    PICTURES["cost"](ax, plots.LIGHT)
    for ending, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        plots.save(fig, tmp_path / f"picture.{ending}")
        assert (tmp_path / f"picture.{ending}").read_bytes().startswith(start)
    with pytest.raises(SettingError, match=r"\.doc"):
        plots.save(fig, tmp_path / "picture.doc")
    assert len(list(tmp_path.iterdir())) == 3


def test_names_in_an_svg_are_inert() -> None:
    fig, ax = plots.figure(4, 2)
    plots.qualities(["<script>alert(1)</script>", "--><b>"], *interval_arrays(2), ax)
    picture = plots.render(fig, "svg")
    assert b"<script" not in picture
    assert b"--><b>" not in picture


def test_features_outside_their_band_stand_out_and_shares_are_in_per_cent() -> None:
    _, ax = plots.figure()
    plots.feature_check(["share of ties", "largest score"], [0.2, 90.0], [0.1, 10.0], [0.3, 20.0], ax)
    inside, outside = (line for line in ax.lines if line.get_linestyle() == "None")
    assert (np.asarray(inside.get_xdata())[0], outside.get_marker()) == (0.0, ">")
    assert inside.get_color() != outside.get_color()
    told = [text.get_text() for text in ax.texts]
    assert told == ["20.0 %  [10.0 %, 30.0 %]", "90  [10, 20]"]


def test_units_stand_beside_the_axes() -> None:
    _, ax = plots.figure()
    plots.qualities(["A", "B"], [60, 50], [55, 50], [65, 50], ax, unit="%", what="share that passes")
    assert "share that passes, %" in ax.get_xlabel().replace("\n", " ")
    assert "50 (fixed)" in [text.get_text() for text in ax.texts]
    _, ax = plots.figure()
    plots.judge_shifts(
        ["A"], [[1.0]], [[0.0]], [[2.0]], ax, evaluators=["j"], unit="percentage points", higher_is_better=False
    )
    assert "percentage points added" in ax.get_xlabel().replace("\n", " ")
    assert "left of 0 favoured" in ax.get_xlabel().replace("\n", " ")
