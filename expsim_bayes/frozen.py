"""The base of every declared value: immutable, checked when made, unknown keys refused.

Scenarios, evaluators, rules, policies and priors are all written down by a person (in TOML or Python) and must not change afterwards.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A declared value: immutable, with no unknown keys, comparable by content."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
