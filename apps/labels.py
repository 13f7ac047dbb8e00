"""What the page Analyse calls columns, options of the command line and choices, so that a message there speaks of what is seen."""

from __future__ import annotations

import re

DUPLICATES = {"ask": "tell me", "keep": "keep", "drop": "count once"}
CROSSED = {"keep": "keep", "drop": "leave out"}
LABELS = {
    "column": "Columns", "where": "Only rows where", "encoding": "Encoding", "no-quotes": "Double quotes are text",
    "score-map": "What words are worth", "outcome-map": "What verdicts mean", "duplicates": "Rows that are equal in every column",
    "no-variants": "Nothing is compared", "merge-names": "Names that differ by case or spaces are one", "score-range": "Possible scores",
    "valid-range": "Possible scores", "round-scores": "Round averages to whole points", "crossed-users": "Users who met several variants",
    "anonymous-raters": "Names are slots", "control": "In use today", "reference": "Who defines quality", "model": "Model",
    "gold": "Whose verdicts are the truth", "domain": "Kinds of items", "covariate": "What a judge should ignore", "prior": "Model",
    "engine": "Engine", "draws": "Draws", "tune": "Tuning steps", "target-accept": "Acceptance rate", "seed": "Seed",
    "min-effect": "Smallest difference that matters", "threshold": "Certainty asked for", "lower-is-better": "Higher is better",
    "price": "Dollars a rating",
}  # fmt: skip
"""What an option of the command line is called on the page."""
NAMES = {
    "variant": "variant", "item": "item (what was answered)", "rater": "rater", "score": "score", "variant_left": "variant on the left",
    "variant_right": "variant on the right", "outcome": "verdict", "rank": "place", "kind": "kind (human, llm, metric)",
    "evaluator": "pool or judge", "criterion": "criterion", "output": "output", "repeat": "repeat", "user": "user", "weight": "times",
    "latency_s": "seconds", "cost": "dollars", "tokens_in": "tokens in", "tokens_out": "tokens out",
}  # fmt: skip
"""What a column is called on the page."""
_COLUMN = r"--column [a-z_]+=(?:'[^']*'|[^\s;,]+)"


def on_page(text: str) -> str:
    """A remedy in the words of the page: options of the command line by their labels.

    Examples
    --------
    >>> on_page("choose one, for example --where criterion=empathy")
    'choose one, for example “Only rows where” criterion=empathy'
    >>> on_page("name yours: --column variant=prompt --column score=YOURS")
    'name yours: “variant” under “Columns” (prompt), “score” under “Columns”'
    >>> on_page("say --duplicates drop if it was stored twice")
    'say “Rows that are equal in every column”: “count once” if it was stored twice'
    """
    text = re.sub(rf"({_COLUMN}) (?=--column )", r"\1, ", text.replace(" (repeat it)", ""))
    text = re.sub(_COLUMN, _chosen, text)
    text = re.sub(r"--(duplicates|crossed-users) (keep|drop)", _answered, text)
    return re.sub(r"--([a-z-]+)", lambda found: f"“{LABELS[found[1]]}”" if found[1] in LABELS else found[0], text)


def _chosen(found: re.Match[str]) -> str:
    """Where a column is chosen on the page."""
    ours, _, theirs = found[0].removeprefix("--column ").partition("=")
    theirs = theirs.strip("'")
    place = f"“{NAMES.get(ours, ours)}” under “{LABELS['column']}”"
    return place if theirs == "YOURS" else f"{place} ({theirs})"


def _answered(found: re.Match[str]) -> str:
    """A choice by its words on the page."""
    return f"“{LABELS[found[1]]}”: “{(DUPLICATES if found[1] == 'duplicates' else CROSSED)[found[2]]}”"
