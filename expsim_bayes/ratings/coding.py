"""Ratings as arrays of integer codes: what every model and every posterior takes.

Rows come in one canonical order, so results do not depend on the order of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.wording import close_to, quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from expsim_bayes.ratings.contract import Ratings

    Codes = NDArray[np.intp]


class Coded(NamedTuple):
    """Ratings without the missing ones, as codes into tuples of names; R ratings, O outputs.

    Sorted by item, variant, output, evaluator, rater, repeat and score.
    """

    score: NDArray[np.float64]
    """Scores, (R,), none missing."""
    variant: Codes
    """(R,) codes into `variants`."""
    item: Codes
    """(R,) codes into `items`."""
    output: Codes
    """(R,) codes into `outputs`."""
    rater: Codes
    """(R,) codes into `raters`."""
    evaluator: Codes
    """(R,) codes into `evaluators`."""
    variants: tuple[str, ...]
    """All variants, those without a rating included."""
    items: tuple[str, ...]
    """Items with a rating, sorted."""
    outputs: tuple[str, ...]
    """Outputs with a rating: the name of the file where it is unique, else variant/item (and /output)."""
    raters: tuple[str, ...]
    """Raters with a rating, by evaluator; "evaluator/rater" where two evaluators share a rater's name."""
    evaluators: tuple[str, ...]
    """Evaluators with a rating, sorted."""
    output_item: Codes
    """(O,) code of the item of each output."""
    output_variant: Codes
    """(O,) code of the variant of each output."""
    rater_evaluator: Codes
    """(rater,) code of the evaluator of each rater."""
    kinds: tuple[str, ...]
    """Kind of each evaluator."""
    reference: int
    """Code of the evaluator that defines quality: the declared one, else the human pool with most ratings, else -1."""
    anonymous: NDArray[np.bool_]
    """(evaluator,) whether rater names are slots, so that severity is not estimable."""
    n_missing: int
    """Number of missing scores, left out here."""

    def only(self, kept: NDArray[np.bool_]) -> Coded:
        """Some of the ratings, (R,) flags, under the same codes."""
        rows = ("score", "variant", "item", "output", "rater", "evaluator")
        return self._replace(**{name: getattr(self, name)[kept] for name in rows})


def code(ratings: Ratings) -> Coded:
    """The ratings as codes, in canonical order.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import code, validate
    >>> frame = pd.DataFrame({"variant": ["B", "A"], "item": "1", "rater": "ann", "score": [4, None]})
    >>> coded = code(validate(frame))
    >>> coded.variants, coded.score.tolist(), coded.variant.tolist(), coded.n_missing
    (('A', 'B'), [4.0], [1], 1)
    """
    return encode(ratings.table, ratings.variants, ratings.anonymous_kinds, ratings.reference)


def coded_rows(ratings: Ratings) -> Codes:
    """(R,) row of the table, from 0, of each rating of `code`: other columns of the table are taken with it.

    Examples
    --------
    >>> import pandas as pd
    >>> from expsim_bayes.ratings import validate
    >>> frame = pd.DataFrame({"variant": ["B", "A", "A"], "item": "1", "rater": ["ann", "ann", "bob"], "score": [4, None, 2]})
    >>> coded_rows(validate(frame)).tolist()
    [2, 0]
    """
    return _encode(ratings.table, ratings.variants, ratings.anonymous_kinds, ratings.reference)[1]


def encode(
    table: pd.DataFrame, variants: tuple[str, ...], anonymous_kinds: Collection[str], reference: str | None
) -> Coded:
    """Code a validated table; see `code`."""
    return _encode(table, variants, anonymous_kinds, reference)[0]


def _encode(
    table: pd.DataFrame, variants: tuple[str, ...], anonymous_kinds: Collection[str], reference: str | None
) -> tuple[Coded, Codes]:
    """A validated table as codes, and the row of each rating."""
    present = table["score"].notna().to_numpy(dtype=bool)
    rated = table if present.all() else table[present]
    score = rated["score"].to_numpy(np.float64)
    variant = pd.Index(variants, dtype="str").get_indexer(pd.Index(rated["variant"])).astype(np.intp)
    item, items = sorted_codes(rated["item"])
    generation, generations = sorted_codes(rated["output"])
    evaluator, evaluators = sorted_codes(rated["evaluator"])
    person, people = sorted_codes(rated["rater"])
    output, first_output = _combine((item * len(variants) + variant) * len(generations) + generation)
    rater, first_rater = _combine(evaluator * len(people) + person)
    repeat = sorted_codes(rated["repeat"])[0] if "repeat" in rated.columns else np.zeros(len(rated), dtype=np.intp)
    order = np.lexsort((score, repeat, rater, output))
    kinds = rated["kind"].to_numpy(dtype=object)
    first_evaluator = np.unique(evaluator, return_index=True)[1]
    kind_of = tuple(str(kinds[at]) for at in first_evaluator)
    coded = Coded(
        score=score[order],
        variant=variant[order],
        item=item[order],
        output=output[order],
        rater=rater[order],
        evaluator=evaluator[order],
        variants=variants,
        items=items,
        outputs=_output_names(rated.iloc[first_output]),
        raters=rater_names(evaluator[first_rater], person[first_rater], evaluators, people),
        evaluators=evaluators,
        output_item=item[first_output],
        output_variant=variant[first_output],
        rater_evaluator=evaluator[first_rater],
        kinds=kind_of,
        reference=reference_of(evaluators, kind_of, np.bincount(evaluator, minlength=len(evaluators)), reference),
        anonymous=np.array([kind in anonymous_kinds for kind in kind_of], dtype=bool),
        n_missing=int((~present).sum()),
    )
    return coded, np.flatnonzero(present)[order]


def sorted_codes(column: pd.Series) -> tuple[Codes, tuple[str, ...]]:
    """Codes of the cells of a column into its sorted names."""
    codes, names = pd.factorize(column, sort=True)
    return codes.astype(np.intp), tuple(names.tolist())


def _combine(key: Codes) -> tuple[Codes, Codes]:
    """Codes of the distinct keys in ascending order, and the position of the first of each."""
    _, first, codes = np.unique(key, return_index=True, return_inverse=True)
    return codes.astype(np.intp), first.astype(np.intp)


def _output_names(outputs: pd.DataFrame) -> tuple[str, ...]:
    """Names of the outputs, one row each: their own where unique, else with their variant and item."""
    if outputs["output"].is_unique:
        return tuple(outputs["output"].tolist())
    one_each = len(outputs["output"].unique()) == 1
    parts = ["variant", "item"] if one_each else ["variant", "item", "output"]
    return tuple("/".join(names) for names in zip(*(outputs[part].tolist() for part in parts), strict=True))


def rater_names(
    evaluator: Codes, person: Codes, evaluators: tuple[str, ...], people: tuple[str, ...]
) -> tuple[str, ...]:
    """Names of raters; "evaluator/rater" where two evaluators share a rater's name."""
    shared = np.bincount(person, minlength=len(people)) > 1
    return tuple(
        f"{evaluators[k]}/{people[r]}" if shared[r] else people[r] for k, r in zip(evaluator, person, strict=True)
    )


def reference_of(
    evaluators: tuple[str, ...],
    kinds: tuple[str, ...],
    n_ratings: NDArray[np.integer | np.floating],
    declared: str | None,
) -> int:
    """Code of the evaluator that defines quality: the declared one, else the human pool with most ratings, else -1."""
    if declared is not None:
        if declared not in evaluators:
            raise RatingsError(
                f"the reference {quote(declared)} is not an evaluator with ratings",
                where="reference",
                remedy=close_to(declared, evaluators),
            )
        return evaluators.index(declared)
    pools = [k for k, kind in enumerate(kinds) if kind == "human"]
    return max(pools, key=lambda k: n_ratings[k], default=-1)
