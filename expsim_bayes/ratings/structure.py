"""Who rated what: kinds and evaluators, one criterion at a time, repeated rows, users in several variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.ratings.contract import IDS, KINDS
from expsim_bayes.ratings.names import require_filled
from expsim_bayes.ratings.wording import count, listing, quote, rows

if TYPE_CHECKING:
    from collections.abc import Collection

Duplicates = Literal["ask", "keep", "drop"]
"""What to do with rows that are equal in every column."""

CrossedUsers = Literal["keep", "drop"]
"""What to do with users who met more than one variant."""


def settle_evaluators(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    """The frame with `kind` and `evaluator` in every row.

    Without `kind` everybody is human. Without `evaluator` people form one pool named "human", and every judge or
    metric is an evaluator named after its rater.
    """
    notices: list[str] = []
    if "kind" not in frame.columns or bool((frame["kind"] == "").all()):
        frame = frame.assign(kind=pd.Series("human", index=frame.index, dtype="str"))
        notices.append(
            "no column 'kind': all raters taken as human; where judges rated, add one that says human, llm or metric"
        )
    require_filled(frame, ("kind",), source)
    frame, renamed = _known_kinds(frame, source)
    pool = frame["rater"].mask(frame["kind"] == "human", "human")
    declared = frame["evaluator"] if "evaluator" in frame.columns else pd.Series("", index=frame.index, dtype="str")
    empty = declared == ""
    if empty.any() and not empty.all():
        notices.append(
            f"{count(int(empty.sum()), 'row')} without an evaluator: people joined the pool 'human', judges "
            "took their rater's name"
        )
    frame = frame.assign(evaluator=declared.mask(empty, pool))
    _one_kind_each(frame, source)
    return frame, notices + renamed + _raters_of_two_kinds(frame, source, declared=not empty.any())


def settle_outputs(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """The frame with `output` in every row; without it there is one generation, "1", a variant and item."""
    if "output" not in frame.columns or bool((frame["output"] == "").all()):
        return frame.assign(output=pd.Series("1", index=frame.index, dtype="str"))
    require_filled(frame, ("output",), source)
    return frame


def _known_kinds(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    tidy = frame["kind"].str.strip().str.lower()
    unknown = ~tidy.isin(KINDS)
    if unknown.any():
        raise RatingsError(
            f"unknown kind {listing(frame['kind'][unknown].unique())}",
            where=f"{source}, column 'kind', {rows(frame.index[unknown])}",
            remedy=f"a kind is one of {listing(KINDS)}",
        )
    changed = int((tidy != frame["kind"]).sum())
    return frame.assign(kind=tidy), [f"column 'kind': {count(changed, 'cell')} put in lower case"] if changed else []


def _one_kind_each(frame: pd.DataFrame, source: str) -> None:
    pairs = frame[["evaluator", "kind"]].drop_duplicates()
    torn = pairs["evaluator"][pairs["evaluator"].duplicated()]
    if len(torn):
        kinds = sorted(pairs["kind"][pairs["evaluator"] == torn.iloc[0]])
        at = frame.index[(frame["evaluator"] == torn.iloc[0]) & (frame["kind"] == kinds[-1])]
        raise RatingsError(
            f"the evaluator {quote(torn.iloc[0])} appears under two kinds: {listing(kinds)}",
            where=f"{source}, column 'kind', {rows(at)}",
            remedy="an evaluator is of one kind: correct the kind, or give the judge a name of its own",
        )


def _raters_of_two_kinds(frame: pd.DataFrame, source: str, *, declared: bool) -> list[str]:
    pairs = frame[["rater", "kind"]].drop_duplicates()
    torn = sorted(pairs["rater"][pairs["rater"].duplicated()].unique())
    if not torn:
        return []
    kinds = sorted(pairs["kind"][pairs["rater"] == torn[0]])
    problem = f"{count(len(torn), 'rater')} under two kinds: {quote(torn[0])} is {listing(kinds)}"
    if declared:
        return [f"warning: {problem}; taken as different raters, because they belong to different evaluators"]
    raise RatingsError(
        problem,
        where=(
            f"{source}, column 'kind', {rows(frame.index[(frame['rater'] == torn[0]) & (frame['kind'] == kinds[-1])])}"
        ),
        remedy="correct the kind, or name the evaluator of every row in a column 'evaluator'",
    )


def require_one_criterion(frame: pd.DataFrame, source: str) -> None:
    """Raise when several criteria would be mixed in one analysis."""
    criteria = sorted(frame["criterion"].unique()) if "criterion" in frame.columns else []
    if len(criteria) > 1:
        raise RatingsError(
            f"{len(criteria):,} criteria in one table: {listing(criteria)}",
            where=f"{source}, column 'criterion'",
            remedy=f"choose one, for example --where criterion={criteria[0]}",
        )


def settle_duplicates(
    frame: pd.DataFrame, duplicates: Duplicates, anonymous_kinds: Collection[str], source: str
) -> tuple[pd.DataFrame, list[str]]:
    """The frame with exact duplicate rows kept or dropped as asked, and a count of repeated ratings.

    Duplicates are kept without asking where they are to be expected: beside a column `repeat`, and among anonymous
    raters.
    """
    check_duplicates_choice(duplicates)
    key = [name for name in IDS if name not in ("kind", "criterion") and name in frame.columns]
    again = frame.duplicated(key).to_numpy(dtype=bool)
    if not again.any():
        return frame, []
    same = frame.duplicated().to_numpy(dtype=bool)
    expected = frame["kind"].isin(anonymous_kinds).to_numpy(dtype=bool) | ("repeat" in frame.columns)
    if duplicates == "ask" and (same & ~expected).any():
        doubtful = same & ~expected
        raise RatingsError(
            f"{count(int(doubtful.sum()), 'row')} equal to an earlier one in every column",
            where=f"{source}, {rows(frame.index[doubtful])}",
            remedy=(
                "say --duplicates drop if a rating was stored twice, --duplicates keep if it was given twice, "
                "or number them in a column 'repeat'"
            ),
        )
    notices: list[str] = []
    if same.any():
        notices.append(
            f"warning: {count(int(same.sum()), 'exact duplicate row')} {'dropped' if duplicates == 'drop' else 'kept'}"
        )
    if (again & ~same).any():
        notices.append(
            f"{count(int((again & ~same).sum()), 'rating')} of an output by a rater who had rated it "
            "already, taken as repeated ratings"
        )
    return (frame[~same] if duplicates == "drop" else frame), notices


def check_duplicates_choice(duplicates: str) -> None:
    """Raise when the choice is none of the known ones."""
    if duplicates not in ("ask", "keep", "drop"):
        raise SettingError(
            f"duplicates={duplicates!r} has no meaning", where="duplicates", remedy="choose 'ask', 'keep' or 'drop'"
        )


def settle_users(frame: pd.DataFrame, crossed_users: CrossedUsers) -> tuple[pd.DataFrame, list[str]]:
    """The frame with users (column `user`) who met several variants kept with a warning, or dropped when asked."""
    if crossed_users not in ("keep", "drop"):
        raise SettingError(
            f"crossed_users={crossed_users!r} has no meaning", where="crossed_users", remedy="choose 'keep' or 'drop'"
        )
    if "user" not in frame.columns:
        return frame, []
    pairs = frame.loc[frame["user"] != "", ["user", "variant"]].drop_duplicates()
    crossed = pairs["user"][pairs["user"].duplicated()].unique()
    if not len(crossed):
        return frame, []
    affected = frame["user"].isin(crossed).to_numpy(dtype=bool)
    words = f"{count(len(crossed), 'user')} met more than one variant ({count(int(np.sum(affected)), 'row')})"
    if crossed_users == "drop":
        if affected.all():
            raise RatingsError(f"{words}, which leaves none", where="crossed_users", remedy="keep them")
        return frame[~affected], [f"warning: {words}; these rows are dropped"]
    return frame, [f"warning: {words}; they are kept, exclude them with --crossed-users drop"]
