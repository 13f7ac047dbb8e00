"""A page for every model of the family: its model section, its priors, its graph. `make docs` writes them anew.

What a page says comes from the module itself, so that page and model cannot differ; `tests/test_docs.py` holds all but the graph to it.
"""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from expsim_bayes import models
from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings import validate

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings

DOCS = Path(__file__).resolve().parent
PAGES = DOCS / "models"
EDGES, PLATES = "%% Edges:", "%% Plates:"
"""Headings within a drawn graph."""
GRAPH = "## Graph"
"""Heading of the part that takes a model to be built."""
SCORES = ("continuous", "ordinal")
"""Models of which a few scores from 1 to 5 are a small design."""
TITLES = {"continuous": "scores on a continuous scale"}
"""What a model without a recipe is for."""


class Prior(NamedTuple):
    """One field of a model's priors."""

    name: str
    default: str
    sentence: str
    unit: str


def priors(declared: type[Frozen]) -> list[Prior]:
    """Fields, those of its bases first, their defaults, and the sentence and unit that stand below each.

    Examples
    --------
    >>> from expsim_bayes.models.continuous import Priors
    >>> priors(Priors)[0]
    Prior(name='sd_variant', default='0.1', sentence='SD of quality between variants, ...', unit='range widths')
    """
    rows = []
    for base in declared.__bases__:
        if base is not Frozen and issubclass(base, Frozen):
            rows += priors(base)
    body = ast.parse(dedent(inspect.getsource(declared))).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, below in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        said = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
        whole = " ".join(str(said).split()).rstrip(".")
        sentence, _, unit = (whole, "", "") if whole.startswith("A setting:") else whole.rpartition(";")
        default = ast.unparse(field.value) if field.value is not None else ""
        rows.append(Prior(field.target.id, default, sentence.strip() or unit.strip(), unit.strip() if sentence else ""))
    return rows


def markdown(text: str) -> str:
    r"""A docstring as Markdown: formulas, literal blocks and names.

    Examples
    --------
    >>> print(markdown("One :math:`x`:\n\n.. math::\n\n    y = 2 x\n\nas ``f`` says::\n\n    y <- x\n"))
    One $x$:
    <BLANKLINE>
    $$
    y = 2 x
    $$
    <BLANKLINE>
    as `f` says:
    <BLANKLINE>
    ```
    y <- x
    ```
    """
    told, formula = [], False
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if re.fullmatch(r" {4}.*", block, re.DOTALL):  # a formula with blank lines is several
            told.append(_formula(dedent(block)) if formula else f"```\n{dedent(block)}\n```")
            continue
        formula = block.endswith(".. math::")
        words = block.removesuffix(".. math::").strip("\n")
        if words:
            told.append(re.sub(r"::$", ":", re.sub(r":math:`([^`]+)`", r"$\1$", words).replace("``", "`")))
    return "\n\n".join(told)


def _formula(text: str) -> str:
    aligned = "&" in text or r"\\" in text
    inside = f"\\begin{{aligned}}\n{text}\n\\end{{aligned}}" if aligned else text
    return f"$$\n{inside}\n$$"


def design(name: str) -> Ratings | None:
    """The small design of a model's simulator, or for scores a few by two people and a judge; None where there is none."""
    if find_spec(f"expsim_bayes.simulate.{name}") is not None:
        found: Ratings = import_module(f"expsim_bayes.simulate.{name}").small()
        return found
    if name not in SCORES:
        return None
    rows = [
        (variant, item, rater, "llm" if rater == "judge" else "human", 1 + (n + m + k) % 5)
        for n, variant in enumerate("AB")
        for m, item in enumerate("1234")
        for k, rater in enumerate(("ann", "bob", "judge"))
    ]
    return validate(pd.DataFrame(rows, columns=["variant", "item", "rater", "kind", "score"]), score_range=(1, 5))


def story(name: str) -> str:
    """All of a page but the graph."""
    module = import_module(f"expsim_bayes.models.{name}")
    title = models.recipe(name).title if name in models.RECIPES else TITLES[name]
    rows = [
        f"| `{p.name}` | {p.default} | {p.sentence.replace('|', chr(92) + '|')} | {p.unit} |"
        for p in priors(module.Priors)
    ]
    links = [f"[models/{name}.py](../../models/{name}.py)"]
    simulator = "scores" if name == "continuous" else name
    if find_spec(f"expsim_bayes.simulate.{simulator}") is not None:
        links.append(f"its simulator [simulate/{simulator}.py](../../expsim_bayes/simulate/{simulator}.py)")
    if (DOCS / "validation" / f"{name}.md").exists():
        links.append(f"its calibration [validation/{name}.md](../validation/{name}.md)")
    return "\n".join(
        [
            f"# {name}: {title}",
            "",
            markdown(inspect.getdoc(module) or ""),
            "",
            "## Priors",
            "",
            "| prior | unless told | what it is | unit |",
            "|---|---|---|---|",
            *rows,
            "",
            f"See {', '.join(links)}. Written by `make docs` from the module; change it there.",
            "",
        ]
    )


def graph(name: str) -> str:
    """The graph of the explicit model on a small design; empty where there is none."""
    import pymc as pm

    ratings = design(name)
    if ratings is None:
        return ""
    drawn = ordered(pm.model_to_mermaid(import_module(f"expsim_bayes.models.{name}").build_model(ratings)))
    words = "Of the explicit model on a small design; boxes are repeated along the dims that they name."
    return f"{GRAPH}\n\n{words}\n\n```mermaid\n{drawn}\n```\n"


def ordered(drawn: str) -> str:
    """A drawn graph whose edges, plates and what is in a plate stand in alphabetical order, so that a page changes only with its model."""
    head, _, rest = drawn.strip().partition(EDGES)
    edges, _, plates = rest.partition(PLATES)
    blocks = [block.strip().split("\n") for block in plates.split("\nend") if block.strip()]
    blocks = sorted([first, *sorted(inside), "end"] for first, *inside in blocks)
    arrows = sorted(filter(None, edges.split("\n")))
    return "\n".join([head.rstrip(), "", EDGES, *arrows, "", PLATES, *(line for block in blocks for line in block)])


def contents() -> str:
    """The page that lists the others."""
    titles = {name: models.recipe(name).title if name in models.RECIPES else TITLES[name] for name in models.NAMES}
    rows = [f"| [{name}]({name}.md) | {title} |" for name, title in titles.items()]
    return "\n".join(["# The model family", "", "| model | what it models |", "|---|---|", *rows, ""])


def main() -> None:
    """Write every page; pages of models that are gone are removed."""
    PAGES.mkdir(exist_ok=True)
    kept = {"README.md", *(f"{name}.md" for name in models.NAMES)}
    for old in PAGES.glob("*.md"):
        if old.name not in kept:
            old.unlink()
    (PAGES / "README.md").write_text(contents(), encoding="utf-8")
    for name in models.NAMES:
        (PAGES / f"{name}.md").write_text(f"{story(name)}\n{graph(name)}", encoding="utf-8")


if __name__ == "__main__":
    main()
