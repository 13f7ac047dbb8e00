"""A small monitored experiment for tests: its scenario, and batches of made-up ratings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from expsim_bayes.live import Settings, begin

if TYPE_CHECKING:
    from pathlib import Path

    from expsim_bayes.live import Opened

SCENARIO = """
name = "two-prompts"
title = "Two prompts"
score_range = [0, 10]
control = "A"
min_effect = 0.2
looks = 6
outputs_per_look = 40
overlap = 0.5
budget_usd = 1000

[[variants]]
name = "A"
quality = 5
usd_per_call = 0.01

[[variants]]
name = "B"
quality = 5.5
usd_per_call = 0.02

[[evaluators]]
name = "judge"
kind = "llm"
usd_per_rating = 0.1
noise_sd = 0.5
seconds_per_rating = 2

[[evaluators]]
name = "crowd"
kind = "human"
raters = 3
usd_per_rating = 1.0
noise_sd = 1.0
severity_sd = 0.4
seconds_per_rating = 36
hours_per_day = 8

[strategies.sequential]
stopping = [{ rule = "superiority", threshold = 0.999 }]

[strategies.ab]
decide = "end"
stopping = [{ rule = "superiority", threshold = 0.6 }]

[strategies.bandit]
assignment = "split"
allocation = { policy = "probability_matching", floor = 0.1 }
stopping = [{ rule = "superiority", threshold = 0.999 }]
"""
"""A scenario whose rule is hard to please."""


def batch(
    look: int, *, items: int = 20, gap: float = 0.1, people: bool = True, variants: str = "AB", **more: Any
) -> pd.DataFrame:
    """Ratings of one look: every item answered by all variants, rated by a judge and on request by a person."""
    rng = np.random.default_rng(look)
    rows = []
    for n in range(items):
        for v, name in enumerate(variants):
            level = 5.0 + gap * v
            who = [("judge", "judge", "llm"), *([(f"p{n % 3}", "crowd", "human")] if people else [])]
            for rater, evaluator, kind in who:
                score = round(float(np.clip(level + rng.normal(0, 1), 0, 10)), 3)
                rows.append(
                    {
                        "variant": name,
                        "item": f"i{look}-{n}",
                        "rater": rater,
                        "evaluator": evaluator,
                        "kind": kind,
                        "score": score,
                    }
                )
    return pd.DataFrame(rows).assign(**more)


def write(path: Path, frame: pd.DataFrame) -> Path:
    """A CSV file of ratings."""
    frame.to_csv(path, index=False)
    return path


def batches(folder: Path, n: int, **traits: Any) -> list[Path]:
    """Files of some batches."""
    folder.mkdir(exist_ok=True, parents=True)
    return [write(folder / f"batch {look}.csv", batch(look, **traits)) for look in range(1, n + 1)]


def experiment(folder: Path, text: str = SCENARIO, **changes: Any) -> Opened:
    """A new experiment."""
    return begin(folder, text, Settings(**{"strategy": "sequential", **changes}))


def content(folder: Path) -> dict[str, Any]:
    """All that an experiment holds, without times: two that hold the same are the same."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for key in ("begun_utc",):
        manifest.pop(key)
    for entry in (*manifest["batches"], *manifest["looks"]):
        for key in ("received_utc", "fitted_utc"):
            entry.pop(key, None)
    parts = {
        entry["file"]: (folder / entry["file"]).read_bytes() for entry in (*manifest["batches"], *manifest["looks"])
    }
    return {"manifest": manifest, "parts": parts}
