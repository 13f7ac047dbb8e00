"""How often following the rules ends right: every scenario of the library, run to a decision or the end of its looks.

Prints the table of docs/decisions.md: `.venv/bin/python benchmarks/decisions.py 1000 > docs/decisions.md`; scenarios that are named after
the number are run alone.
"""

from __future__ import annotations

import sys

from expsim_bayes.operating_characteristics import Estimate, compare, false_launch_rate
from expsim_bayes.scenario import STRATEGY_TITLES, library, load

SEED = 20_261
HEAD = """# How often the rules end right

Each scenario of the library, run {replications:,} times to a decision or to the end of its looks or budget, by judges and people
together (seed {seed}). *Right*: a variant is launched that is better than the control and within `min_effect` of the best that the
guardrails allow, or none where none beats the control by `min_effect`. *False launches when equal*: how often the same rules launch
something when every variant is as good as the control. Errors are Monte-Carlo standard errors. The strategy in bold is the one that
`expsim simulate` runs unless told otherwise.

| scenario | strategy | right | wrong | undecided | false launches when equal | dollars | days | looks |
|---|---|---:|---:|---:|---:|---:|---:|---:|"""
FOOT = """
With two variants a bandit has nothing to choose while items are paired, so there it splits the traffic, one variant an item. It then
loses what pairing gains, and takes more looks for the same certainty; of comparisons both are all there is to compare, and it changes
nothing.

Reproduce with `.venv/bin/python benchmarks/decisions.py {replications}`; a single scenario with `expsim compare NAME`."""


def share(estimate: Estimate) -> str:
    """A share in per cent with its error."""
    return f"{100 * estimate.value:.1f} % ± {100 * estimate.mcse:.1f}"


def main() -> None:
    """Print the page."""
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(HEAD.format(replications=replications, seed=SEED))
    for name in sys.argv[2:] or library():
        scenario = load(name)
        for row in compare(scenario, evaluators=("both",), random_seed=SEED, replications=replications):
            title = STRATEGY_TITLES[row.strategy]
            title = f"**{title}**" if row.strategy == scenario.default_strategy else title
            equal = false_launch_rate(scenario, strategy=row.strategy, random_seed=SEED + 1, replications=replications)
            print(
                f"| {name} | {title} | {share(row.right)} | {share(row.wrong_stop)} | {share(row.undecided)} | {share(equal)} | "
                f"${row.usd.value:.0f} ± {row.usd.mcse:.1f} | {row.days.value:.2f} | {row.looks.value:.1f} |",
                flush=True,
            )
    print(FOOT.format(replications=replications))


if __name__ == "__main__":
    main()
