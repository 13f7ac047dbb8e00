"""The widgets of a fit: what a file holds, what is asked of it, and by which model; each choice begins at a sensible guess."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from expsim_bayes.apps import guesses, shown
from expsim_bayes.apps.labels import CROSSED, DUPLICATES, NAMES, on_page
from expsim_bayes.apps.question import Question
from expsim_bayes.apps.uploads import LIMIT, UNPACKED
from expsim_bayes.errors import ExpsimError
from expsim_bayes.ratings.contract import ALIASES, KINDS
from expsim_bayes.readers import Cells
from expsim_bayes.readers import cells as read_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from expsim_bayes.apps.uploads import File
    from expsim_bayes.ratings import Ratings

ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16", "shift_jis", "gb18030")
"""Encodings that are offered."""
MOST_WORDS = 12
"""Words for a score or a verdict whose meaning is asked for one by one."""
EVERY = "every row"
MISSING = "missing"


class Checked(NamedTuple):
    """Ratings that were read, or why they cannot be."""

    ratings: Ratings | None
    words: tuple[str, ...] = ()
    """What they hold."""
    warnings: tuple[str, ...] = ()
    """What they cannot tell."""
    error: ExpsimError | None = None


def problem(error: ExpsimError | Any) -> None:
    """What is wrong, where, and what to do about it, in the words of the page."""
    where = f"\n\n{shown.plain(on_page(error.where))}" if error.where else ""
    st.error(
        f"**{shown.sentence(on_page(error.problem))}**{where}\n\n{shown.sentence(on_page(error.remedy))}",
        icon=":material/report:",
    )


def cells_of(file: File) -> Cells | None:
    """The cells of a file; None where they cannot be read, which is said, with what may help."""
    encoding, quoting = _state(file, "encoding"), not _state(file, "no_quotes")
    found = _once("cells", (file.token, encoding, quoting), lambda: _cells(file, encoding, quoting=quoting))
    if isinstance(found, Cells):
        return found
    problem(found)
    _how_read(file, expanded=True)
    return None


def _how_read(file: File, *, expanded: bool) -> None:
    """How text becomes cells; what is chosen counts from the next run on."""
    with st.expander("How the file is read", expanded=expanded, icon=":material/description:"):
        st.selectbox("Encoding", ENCODINGS, index=None, placeholder="told by the file", **widget(file, "encoding"))
        st.toggle("Double quotes are text", help="For files with stray quotes.", **widget(file, "no_quotes"))


def _cells(file: File, encoding: str | None, *, quoting: bool) -> Cells | ExpsimError:
    from expsim_bayes.ratings.columns import tidy_header

    try:
        with file.path.open("rb") as opened:
            largest = UNPACKED if opened.read(4) == b"PAR1" else LIMIT
        found = read_cells(file.path, encoding=encoding, quoting=quoting, max_bytes=largest)
        rows = range(found.first_row, found.first_row + len(found.frame))  # as the user knows them
        frame, notices = tidy_header(found.frame.set_axis(rows), file.name)
        return Cells(frame, (*found.notices, *notices), found.first_row)
    except ExpsimError as error:
        return error


def reading(file: File, cells: Cells) -> Question:
    """How the file is read: what a row is, which column is which, which rows, and what words mean."""
    names = [str(name) for name in cells.frame.columns]
    found = guesses.guess(names, cells.frame)
    kinds = list(guesses.ROWS)
    left, right = st.columns(2)
    outcome = left.selectbox(
        "One row is",
        kinds,
        index=kinds.index(found.outcome),
        format_func=guesses.ROWS.__getitem__,
        **widget(file, "outcome"),
    )
    with right:
        where = _filter(file, cells.frame, names, found)
    required, optional = guesses.fields(outcome)
    columns: dict[str, str] = {}
    missing = [ours for ours in required if ours not in found.columns]
    with st.expander("Columns", expanded=bool(missing), icon=":material/view_column:"):
        st.caption("Which column of the file is which. What is not needed may stay empty.")
        grid = st.columns(4)
        for n, ours in enumerate((*required, *optional)):
            theirs = grid[n % 4].selectbox(
                NAMES[ours],
                names,
                index=names.index(found.columns[ours]) if ours in found.columns else None,
                placeholder="none",
                **widget(file, f"column.{outcome}.{ours}"),
            )
            if theirs is not None:
                columns[ours] = theirs
    asked = Question(
        columns=tuple(
            (ours, theirs) for ours, theirs in columns.items() if ours != theirs and ALIASES.get(theirs) != ours
        ),
        where=where,
        encoding=_state(file, "encoding"),
        quoting=not _state(file, "no_quotes"),
    )
    if outcome == "score":
        asked = replace(asked, score_map=_words(file, cells.frame, columns))
    if outcome == "comparison":
        asked = replace(asked, outcome_map=_verdicts(file, cells.frame, columns))
    asked = _more(file, cells.frame, columns, asked, scores=outcome == "score")
    _how_read(file, expanded=False)
    return asked


def _filter(file: File, frame: pd.DataFrame, names: Sequence[str], found: guesses.Guess) -> tuple[tuple[str, str], ...]:
    """Which rows are used; of several criteria one is chosen from the beginning."""
    criterion = found.columns.get("criterion")
    several = len(guesses.values(frame, criterion)) > 1
    a, b = st.columns(2)
    column = a.selectbox(
        "Only rows where",
        names,
        index=names.index(criterion) if several and criterion is not None else None,
        placeholder=EVERY,
        help="One criterion is analysed at a time.",
        **widget(file, "where.column"),
    )
    if column is None:
        return ()
    values = guesses.values(frame, column)
    value = b.selectbox("is", values, disabled=not values, **widget(file, f"where.value.{column}"))
    return () if value is None else ((column, value),)


def _words(file: File, frame: pd.DataFrame, columns: dict[str, str]) -> tuple[tuple[str, float], ...]:
    """What words in the place of scores are worth."""
    words = guesses.words_without_number(guesses.values(frame, columns.get("score")))
    if not 0 < len(words) <= MOST_WORDS:
        return ()
    st.caption("What words are worth, in points (for pass or fail 1 and 0).")
    grid, told = st.columns(4), []
    for n, word in enumerate(words):
        value = grid[n % 4].number_input(
            shown.plain(word[:40]), value=guesses.worth(word), placeholder="a number", **widget(file, f"word.{word}")
        )
        if value is not None:
            told.append((word, float(value)))
    return tuple(told)


def _verdicts(file: File, frame: pd.DataFrame, columns: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """What words for a verdict mean, where the reader does not know them."""
    variants = [v for side in ("variant_left", "variant_right") for v in guesses.values(frame, columns.get(side))]
    guessed = {word: guesses.side(word, variants) for word in guesses.values(frame, columns.get("outcome"))}
    unknown = {word: side for word, side in guessed.items() if side != ""}
    if not 0 < len(unknown) <= MOST_WORDS:
        return ()
    st.caption("What verdicts mean.")
    sides = ["left", "tie", "right", MISSING]
    grid, told = st.columns(4), []
    for n, (word, side) in enumerate(unknown.items()):
        chosen = grid[n % 4].selectbox(
            shown.plain(word[:40]),
            sides,
            index=None if side is None else sides.index(side),
            placeholder="choose",
            **widget(file, f"verdict.{word}"),
        )
        if chosen is not None:
            told.append((word, chosen))
    return tuple(told)


def _more(file: File, frame: pd.DataFrame, columns: dict[str, str], asked: Question, *, scores: bool) -> Question:
    """What is rarely needed."""
    with st.expander("More about the ratings", icon=":material/tune:"):
        a, b = st.columns(2)
        slots = ["human"] if guesses.slots(frame, columns.get("rater")) else []
        anonymous = a.multiselect(
            "Names are slots",
            list(KINDS),
            default=slots,
            help="Kinds whose rater names, such as slot 1, stand for changing persons: their severity cannot be told.",
            **widget(file, "anonymous"),
        )
        duplicates = b.selectbox(
            "Rows that are equal in every column",
            list(DUPLICATES),
            format_func=DUPLICATES.__getitem__,
            **widget(file, "duplicates"),
        )
        crossed = b.selectbox(
            "Users who met several variants",
            list(CROSSED),
            format_func=CROSSED.__getitem__,
            **widget(file, "crossed"),
        )
        merge = a.toggle("Names that differ by case or spaces are one", **widget(file, "merge"))
        asked = replace(
            asked, anonymous_kinds=tuple(anonymous), duplicates=duplicates, crossed_users=crossed, merge_names=merge
        )
        return _scale(file, asked, a, b) if scores else asked


def _scale(file: File, asked: Question, a: Any, b: Any) -> Question:
    """The scale of scores."""
    low = a.number_input("Possible scores from", value=None, placeholder="not told", **widget(file, "low"))
    high = b.number_input("Possible scores to", value=None, placeholder="not told", **widget(file, "high"))
    outside = b.selectbox(
        "A score outside is", ["a mistake", MISSING], disabled=low is None or high is None, **widget(file, "outside")
    )
    rounded = a.toggle("Round averages to whole points", **widget(file, "rounded"))
    nothing = a.toggle(
        "Nothing is compared", help="The file has no variants: only raters are looked at.", **widget(file, "nothing")
    )
    ends = None if low is None or high is None else (float(low), float(high))
    return replace(
        asked,
        score_range=ends if outside == "a mistake" else None,
        valid_range=ends if outside == MISSING else None,
        round_scores=rounded,
        compare=not nothing,
    )


def checked(file: File, cells: Cells, asked: Question) -> Checked:
    """The ratings, checked, and what they hold in words; the last answer is kept in the session."""
    return _once("checked", (file.token, asked.to_json()), lambda: _check(file, cells, asked))  # type: ignore[no-any-return]


def _check(file: File, cells: Cells, asked: Question) -> Checked:
    from expsim_bayes.ratings import describe, validate

    try:
        made = validate(cells.frame, source=file.name, first_row=cells.first_row, **asked.checking())
        found = describe(made)
    except ExpsimError as error:
        return Checked(None, error=error)
    held, *more = found.sentences()[: -len(found.warnings) or None]
    told = [on_page(word) for word in (held, *cells.notices, *made.notices, *more)]
    plain = tuple(word for word in told if not word.startswith("warning"))
    warned = (*(word for word in told if word.startswith("warning")), *map(on_page, found.warnings))
    return Checked(made, plain, tuple(word.removeprefix("warning: ") for word in warned))


def widget(file: File, name: str) -> dict[str, Any]:
    """What every widget is given: a key of its file, so that another file begins with its own guesses, kept in the page's address."""
    return {"key": f"fit.{file.token}.{name}", "persist_state": "session", "bind": "query-params"}


def _state(file: File, name: str) -> Any:
    """What a widget holds that is drawn later; None before it was drawn once."""
    return st.session_state.get(f"fit.{file.token}.{name}")


def _once(name: str, key: tuple[Any, ...], make: Any) -> Any:
    """An answer that is worked out anew only where the question is another one; it stays in its session."""
    place = f"fit_{name}"
    if place not in st.session_state or st.session_state[place][0] != key:
        st.session_state[place] = (key, make())
    return st.session_state[place][1]
