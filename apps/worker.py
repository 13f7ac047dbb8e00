"""One fit in a process of its own: a task comes in as JSON, progress and the end of it go out as lines of JSON, results into a folder.

A fit can take minutes and much memory, and may be killed; the dashboard lives on. The process ends when whoever started it does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expsim_bayes.errors import ExpsimError

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.apps.question import Question
    from expsim_bayes.facts import Facts

    Tell = Callable[[float, str], None]

AGREEMENT = "agreement.json"
"""File with how far the raters agree, beside the report."""
POLITE = 5
"""How much this process stands back for others, such as the pages of the dashboard."""


def solve(file: Path, question: Question, folder: Path, tell: Tell) -> Facts:
    """Ratings of a file fitted, and everything that is to be shown of it written into a folder.

    Parameters
    ----------
    file : Path
        The ratings.
    question : Question
        How they are read, what is asked, and by which model.
    folder : Path
        Where posterior, report, figures and agreement go.
    tell : callable
        Called with the share done and a few words.

    Raises
    ------
    ExpsimError
        The ratings cannot be read or fitted like this.
    """
    from expsim_bayes.readers import read

    tell(0.0, "reading the ratings")
    ratings = read(file, **question.reading())
    tell(0.01, "measuring how far raters agree")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / AGREEMENT).write_text(_agreement(ratings), encoding="utf-8")
    tell(0.02, "loading the model")
    from expsim_bayes.fit import fit
    from expsim_bayes.recommend.fit import of_fit
    from expsim_bayes.report import write_fit

    name, why, priors = question.chosen(ratings)
    tree = fit(
        ratings,
        model=name,
        priors=priors,
        **question.sampling(),
        min_effect=question.min_effect,
        progress=lambda share, words: tell(0.03 + 0.9 * share, words),
    )
    tell(0.94, "weighing the decision")
    facts = of_fit(
        tree,
        ratings,
        min_effect=question.min_effect,
        threshold=question.threshold,
        prices=dict(question.prices),
        why_model=why,
    )
    tell(0.97, "writing the report")
    write_fit(tree, ratings, facts, folder)
    return facts


def _agreement(ratings: Any) -> str:
    """Agreement as JSON; why there is none, where there is none."""
    from expsim_bayes.agreement import agreement

    try:
        return json.dumps(agreement(ratings))
    except ExpsimError as error:
        return json.dumps({"none": error.problem})


def main() -> int:
    """A task from standard input, one line; what happens to standard output, a line each."""
    from expsim_bayes.apps.question import Question

    with suppress(OSError, AttributeError):
        os.nice(POLITE)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print is no message
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def say(**message: Any) -> None:
        out.write(json.dumps(message) + "\n")

    try:
        solve(
            Path(task["file"]),
            Question.from_json(task["question"]),
            Path(task["folder"]),
            lambda share, words: say(share=share, words=words),
        )
    except ExpsimError as error:
        say(problem=error.problem, where=error.where, remedy=error.remedy)
    except MemoryError:
        say(problem="there was not enough memory", where="", remedy="use fewer rows, or a machine with more memory")
    except OSError as error:
        say(**_of_system(error))
    else:
        say(done=True)
    return 0


def _of_system(error: OSError) -> dict[str, str]:
    """What the system refused, in words without paths."""
    return {
        "problem": f"the results cannot be written ({error.strerror or 'the disk refused'})",
        "where": "",
        "remedy": "make room on the disk of the dashboard, then fit again",
    }


def _end_with_parent() -> None:
    """End when standard input does: nobody is left to look at the result."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
