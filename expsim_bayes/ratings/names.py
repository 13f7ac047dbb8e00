"""Names that look the same, and names that must be known: variants, raters, evaluators, the control."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.wording import close_to, count, listing, quote, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMED = {"variant": ("variant", "variant_left", "variant_right"), "rater": ("rater",), "evaluator": ("evaluator",)}
"""Things whose look-alike names are reported, and the columns that name them."""


def look(name: str) -> str:
    r"""What a name looks like to a reader: without case, width, stray spaces and invisible characters.

    Examples
    --------
    >>> look("Prompt\u200b  A ") == look("prompt a")
    True
    """
    if name.isascii():
        return " ".join(name.split()).casefold()
    visible = "".join(char for char in unicodedata.normalize("NFKC", name) if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", " ".join(visible.split()).casefold())


def look_alikes(column: pd.Series) -> list[list[str]]:
    """Groups of names that look the same, the most frequent name of each group first."""
    counts = Counter(column.tolist())
    groups: dict[str, list[str]] = {}
    for name in counts:
        groups.setdefault(look(name), []).append(name)
    return [sorted(group, key=lambda name: (-counts[name], name)) for group in groups.values() if len(group) > 1]


def merge_look_alikes(frame: pd.DataFrame, *, merge: bool) -> tuple[pd.DataFrame, list[str]]:
    """The frame with look-alike names merged into the most frequent one when asked, else a warning for each group."""
    notices: list[str] = []
    for name, columns in NAMED.items():
        present = [column for column in columns if column in frame.columns]
        for group in look_alikes(pd.concat([frame[column] for column in present])) if present else []:
            shown = ", ".join(ascii(variant) if not variant.isascii() else repr(variant) for variant in group)
            if not merge:
                notices.append(
                    f"warning: the {name}s {shown} look the same and are kept apart; merge them with --merge-names"
                )
                continue
            others = frame[present].isin(group[1:])
            frame = frame.assign(**{column: frame[column].mask(others[column], group[0]) for column in present})
            notices.append(
                f"the {name}s {shown} merged into {quote(group[0])}: {count(int(others.any(axis=1).sum()), 'row')} renamed"
            )
    return frame, notices


def require_filled(frame: pd.DataFrame, names: Sequence[str], source: str) -> None:
    """Raise when an identifier is empty."""
    for name in names:
        empty = (
            (frame[name].str.strip() == "").to_numpy(dtype=bool) if name in frame.columns else np.zeros(0, dtype=bool)
        )
        if empty.any():
            raise RatingsError(
                f"{count(int(empty.sum()), 'row')} without a {name}",
                where=f"{source}, column {quote(name)}, {rows(frame.index[empty])}",
                remedy=f"fill in the {name} or remove the rows",
            )


def settle_variants(
    column: pd.Series, declared: Sequence[str] | None, source: str
) -> tuple[tuple[str, ...], list[str]]:
    """Names of the variants, sorted or as declared, and a notice of declared ones without ratings."""
    found = tuple(sorted(column.unique()))
    if declared is None:
        return found, []
    names = tuple(str(name) for name in declared)
    if len(set(names)) < len(names):
        raise RatingsError(
            f"a variant is declared twice in {listing(names)}", where="variants", remedy="name each variant once"
        )
    unknown = [name for name in found if name not in names]
    if unknown:
        raise RatingsError(
            f"{count(len(unknown), 'variant')} rated but not declared: {listing(unknown)}",
            where=f"{source}, column 'variant', {rows(dict.fromkeys(column.index[column.isin(unknown)]))}",
            remedy=f"declare it too, or correct the name: {close_to(unknown[0], names)}",
        )
    absent = [name for name in names if name not in found]
    words = f"warning: {count(len(absent), 'declared variant')} without a rating: {listing(absent)}"
    return names, [words] if absent else []


def require_control(control: str | None, variants: Sequence[str], source: str) -> None:
    """Raise when the control is not one of the variants."""
    if control is not None and control not in variants:
        raise RatingsError(
            f"the control {quote(control)} is not a variant", where=source, remedy=close_to(control, variants)
        )
