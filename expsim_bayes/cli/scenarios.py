"""`expsim scenario`: the experiments that come along, what one of them says, and whether a file of one's own is sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsim_bayes.amounts import count, dollars, gap, listed, points, quantity, rough
from expsim_bayes.cli.options import AsJson, ScenarioName
from expsim_bayes.cli.screen import Column, Screen, short
from expsim_bayes.outcomes import SIDE_BY_SIDE

if TYPE_CHECKING:
    from expsim_bayes.scenario import Scenario, StrategyName
    from expsim_bayes.stopping import Guardrail, Rule


def show_library(*, as_json: AsJson = False) -> None:
    """List the scenarios that come with expsim."""
    from expsim_bayes.scenario import library, load

    found = [load(name) for name in library()]
    screen = Screen(as_json=as_json)
    screen.table(
        [
            Column("Scenario", tuple(s.name for s in found), justify="left"),
            Column("What it is about", tuple(s.title for s in found), justify="left"),
            Column("Variants", tuple(count(len(s.variants)) for s in found)),
            Column("Budget", tuple("" if s.budget_usd is None else dollars(s.budget_usd) for s in found), spare=True),
        ]
    )
    quick = next(s.name for s in found if s.outcome == "score")  # the others are compiled at their first run
    screen.labelled([("", ""), ("Next:", f"expsim scenario show {quick}, or expsim simulate {quick}")])
    screen.emit({"scenarios": [{"name": s.name, "title": s.title, "variants": s.variant_names} for s in found]})


def show_prices(*, as_json: AsJson = False) -> None:
    """List the prices that scenarios may name, each with its source and the day on which it was read there."""
    from expsim_bayes.prices import priced

    found, screen = priced(), Screen(as_json=as_json)
    screen.table(
        [
            Column("Name", tuple(found), justify="left"),
            Column("Price", tuple(p.said() for p in found.values()), justify="left"),
            Column("As of", tuple(p.as_of for p in found.values()), justify="left"),
        ]
    )
    sources = dict.fromkeys(p.source for p in found.values())
    screen.listed(
        f"{listed([name for name, p in found.items() if p.source == source])}: {source}" for source in sources
    )
    screen.labelled(
        [("", ""), ("Another:", "any model that genai-prices knows, or [prices.NAME] in a scenario of your own")]
    )
    screen.emit({"prices": [{"name": name, **p.model_dump(exclude_none=True)} for name, p in found.items()]})


def show(
    scenario: ScenarioName,
    *,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print the TOML itself, to begin a scenario of your own: > mine.toml")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a scenario says: variants, who rates, how it is run, and where its figures come from."""
    from expsim_bayes.scenario import load, text_of

    if toml:
        Screen.text(text_of(scenario)[0])
        return
    found, screen = load(scenario), Screen(as_json=as_json)
    screen.heading(found.title)
    screen.say(found.story.strip())
    _tables(screen, found)
    screen.out.print()
    screen.labelled([*_design(found), ("Teaches", found.teaches), ("Right answer", found.right_answer)])
    if found.sources:
        screen.heading("Where the figures come from")
        screen.listed(found.sources, style="dim")
    screen.emit(found.model_dump(mode="json"))


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A scenario in TOML.")], *, as_json: AsJson = False
) -> None:
    """Check a scenario file: every key, and whether the parts fit together."""
    from expsim_bayes.experiment import refuse_a_first_look_beyond_the_limits
    from expsim_bayes.scenario import load

    found, screen = load(file), Screen(as_json=as_json)
    for strategy in found.strategies:
        refuse_a_first_look_beyond_the_limits(found, strategy)
    screen.say(f"{file} is sound: {found.title}.", style="green")
    screen.labelled(_design(found))
    screen.emit({"file": str(file), "sound": True, "name": found.name})


def _tables(screen: Screen, scenario: Scenario) -> None:
    rows, who = scenario.variants, scenario.evaluators
    control = "control" if scenario.control else ""
    screen.table(
        [
            Column("Variant", tuple(short(v.name) for v in rows), justify="left"),
            Column("", tuple(control if v.name == scenario.control else "" for v in rows), justify="left"),
            Column(_quality(scenario), tuple(quantity(v.quality, _unit(scenario)) for v in rows)),
            Column("A call", tuple(dollars(v.usd_per_output) for v in rows)),
            Column("Takes", tuple(f"{v.latency_s:g} s" if v.latency_s else "" for v in rows)),
            Column("Faults", tuple(f"{100 * v.fault_rate:.3g} %" if v.fault_rate else "" for v in rows)),
            Column("Model", tuple(v.model or "" for v in rows), justify="left", spare=True),
        ]
    )
    screen.table(
        [
            Column("Evaluator", tuple(short(e.name) for e in who), justify="left"),
            Column("Kind", tuple(e.kind for e in who), justify="left"),
            Column("Raters", tuple(count(e.raters) for e in who)),
            Column(
                {"preference": "A comparison", "ranking": "A ranking"}.get(scenario.outcome, "A rating"),
                tuple(dollars(e.usd_per_rating_paid) for e in who),
            ),
            Column("Takes", tuple(f"{e.seconds_per_rating:g} s" for e in who)),
            *_traits(scenario),
        ]
    )


def _traits(scenario: Scenario) -> list[Column]:
    """What evaluators are like."""
    who = scenario.evaluators
    if scenario.outcome == "preference":
        from expsim_bayes.simulate.duels import TIES, won_by_equals

        ties = [TIES if e.ties is None else e.ties for e in who]
        return [
            Column("Ties between\nequals", tuple(rough(share) for share in ties)),
            Column("Left beats\nits equal", tuple(rough(won_by_equals(e, e.order)) for e in who)),
            Column("Taste (logits)", tuple(points(e.shift_sd) if e.shift_sd else "" for e in who), spare=True),
        ]
    if scenario.outcome == "ranking":
        return [
            Column("Tastes of its\npeople (logits)", tuple(points(e.taste_sd) if e.taste_sd else "" for e in who)),
            Column("Taste (logits)", tuple(points(e.shift_sd) if e.shift_sd else "" for e in who), spare=True),
        ]
    if scenario.outcome == "binary":
        right, wrong = ("passes", "failures") if scenario.higher_is_better else ("failures", "passes")
        return [
            Column(f"Sees\n{right}", tuple(rough(1.0 if e.sensitivity is None else e.sensitivity) for e in who)),
            Column(f"Sees\n{wrong}", tuple(rough(1.0 if e.specificity is None else e.specificity) for e in who)),
            Column("Taste (logits)", tuple(points(e.shift_sd) if e.shift_sd else "" for e in who), spare=True),
        ]
    from expsim_bayes.simulate.stars import shift_in_points

    taste = tuple(points(shift_in_points(scenario, e)) if e.shift_sd else "" for e in who)
    return [
        Column("Noise", tuple(points(e.noise_sd) if e.noise_sd else "" for e in who)),
        Column("Taste for a variant", taste, spare=True),
    ]


def _unit(scenario: Scenario) -> str:
    """Unit of quality, as `amounts` takes it."""
    return "share" if scenario.outcome == "binary" or scenario.outcome in SIDE_BY_SIDE else "points"


def _quality(scenario: Scenario) -> str:
    """What quality is, as a heading."""
    if scenario.outcome == "binary":
        return "Passes" if scenario.higher_is_better else "Fails"
    if scenario.outcome not in SIDE_BY_SIDE:
        return "True quality"
    return "Wins" if scenario.control is None else f"Beats {short(scenario.control, 14)}"


def _scale(scenario: Scenario) -> str:
    """What quality is measured in, and how much of it matters."""
    unit = _unit(scenario)
    matters = (
        f"a difference of {points(scenario.min_effect) if unit == 'points' else gap(scenario.min_effect, unit)} matters"
    )
    if scenario.outcome == "preference":
        rival = "another variant" if scenario.control is None else f"the control, {scenario.control},"
        return f"share of comparisons in which {rival} is beaten, a tie counted half; {matters}"
    if scenario.outcome == "ranking":
        rival = "another variant" if scenario.control is None else f"the control, {scenario.control}"
        return f"share of rankings in which a variant stands before {rival}; {matters}"
    if scenario.outcome == "binary":
        return f"share of outputs that {'pass' if scenario.higher_is_better else 'fail'}; {matters}"
    low, high = scenario.score_range
    best = "higher is better" if scenario.higher_is_better else "lower is better"
    steps = " in whole points" if scenario.outcome == "ordinal" else ""
    return f"{low:g} to {high:g}{steps}, {best}; {matters}"


def _shown(scenario: Scenario) -> str:
    """How outputs are shown to those who rate."""
    if scenario.outcome == "ranking":
        shown = sorted({scenario.outputs_per_item(strategy) for strategy in scenario.strategies})
        return f"{' or '.join(map(str, shown))} outputs of an item put in order"
    return "two outputs of an item side by side" if scenario.outcome == "preference" else scenario.assignment


def _design(scenario: Scenario) -> list[tuple[str, str]]:
    people = [e for e in scenario.evaluators if e.kind == "human"]
    overlap = (
        f"; people rate {100 * scenario.overlap:.0f} % of the items"
        if people and len(people) < len(scenario.evaluators)
        else ""
    )
    limits = [
        "" if scenario.budget_usd is None else dollars(scenario.budget_usd),
        "" if scenario.max_ratings is None else f"{count(scenario.max_ratings)} ratings",
    ]
    return [
        ("Scale", _scale(scenario)),
        ("Design", f"{_shown(scenario)}, {scenario.looks} looks of {_outputs(scenario)}{overlap}"),
        ("Budget", listed([limit for limit in limits if limit])),
        ("Limits", listed([_guardrail(rule, scenario.fault) for rule in scenario.guardrails])),
        *((name, _rules(scenario, name)) for name in scenario.strategies),
    ]


def _outputs(scenario: Scenario) -> str:
    """Outputs of a look, with those before the first and those under way where they differ."""
    first, pending = scenario.first_look_outputs, scenario.pending_outputs
    more = [f"{count(first)} before the first"] if first not in (None, scenario.outputs_per_look) else []
    more += [f"{count(pending)} under way at each"] if pending else []
    return f"{count(scenario.outputs_per_look)} outputs" + (f" ({listed(more)})" if more else "")


def _guardrail(rule: Guardrail, fault: str) -> str:
    if rule.metric == "fault_rate":
        most = f"{100 * (rule.at_most or rule.at_most_more or 0.0):.3g}"
        limit = f"{most} %" if rule.at_most is not None else f"{most} points more than those of the control"
        cleared = f", and launched only where that is {100 * (1 - rule.clear_at):.3g} % sure" if rule.clear_at else ""
        return f"share of outputs in which a variant {fault} at most {limit}{cleared}"
    metric, unit = ("cost of a call", "$") if rule.metric == "cost_usd" else ("latency", "")
    if rule.at_most_ratio is not None:
        return f"{metric} at most {rule.at_most_ratio:g} times the control's"
    return f"{metric} at most {unit}{rule.at_most:g}{'' if unit else ' s'}"


def _rules(scenario: Scenario, name: StrategyName) -> str:
    from expsim_bayes.stopping import mirrored

    strategy = scenario.strategies[name]
    when = "at every look" if strategy.decide == "every look" else "after the last look"
    rules = [_rule(rule) for rule in mirrored(strategy.stopping)]
    return f"{strategy.allocation.policy.replace('_', ' ')} allocation; {when}: {listed(rules)}"


def _rule(rule: Rule) -> str:
    name: str = rule.rule.replace("_", " ")
    threshold = getattr(rule, "threshold", None)
    return name if threshold is None else f"{name} at {threshold:.7g}"
