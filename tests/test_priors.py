"""What a report says of a fit's priors: all that was believed, in words, and what was asked for."""

from __future__ import annotations

import json

import pytest
import xarray as xr

from expsim_bayes import models
from expsim_bayes.models._told import priors_of
from expsim_bayes.recommend.priors import priors


def fit_of(model: str, **told: object) -> xr.DataTree:
    """A fit that holds nothing but its spreads, and what its priors were."""
    spreads = {name: 0.0 for name in priors_of(model).model_fields if name.startswith("sd_")}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(spreads), "constant_data": xr.Dataset()})
    tree.attrs = {"model": model, "priors": json.dumps(json.loads(priors_of(model)().model_dump_json()) | told)}
    return tree


@pytest.mark.parametrize("model", models.NAMES)
def test_every_prior_of_every_model_is_told_with_its_form_and_unit(model: str) -> None:
    fields, rows = priors_of(model).model_fields, priors(fit_of(model))
    numbers = [name for name, field in fields.items() if type(field.default) in (int, float) and name != "least_noise"]
    assert [row.name for row in rows] == numbers
    for row in rows:
        assert row.unit.removesuffix("s") in row.form
        assert not row.asked
        if row.name != "similarity":  # the one that is a number of pretend outputs and nothing else
            assert row.form[0].isalpha(), row
        described = fields[row.name].description or ""
        assert row.form.startswith("half-normal") == described.startswith("Scale of the half-normal")
        assert bool(row.likely) or not row.name.startswith("sd_")


def test_scores_tell_points_and_only_spreads_that_were_learnt() -> None:
    tree = fit_of("continuous", sd_rater=0.3, tastes=False)
    tree.attrs["scale"] = json.dumps({"width": 4.0})
    tree["posterior"] = xr.Dataset({"sd_item": 0.0, "sd_noise": 0.0})
    tree["constant_data"] = xr.Dataset({"sd_item_estimated": False, "sd_noise_estimated": ("evaluator", [True, False])})
    rows = {row.name: row for row in priors(tree)}
    assert set(rows) == {"sd_variant", "level_sd", "log_scale_use_sd", "sd_rater", "sd_noise", "tastes"}
    assert (rows["sd_noise"].form, rows["sd_noise"].likely) == ("half-normal, scale 1 point", "up to 2 points")
    assert (rows["sd_rater"].value, rows["sd_rater"].chosen) == (
        1.2,
        "whoever fitted (unless told: half-normal, scale 0.6 points)",
    )
    assert (rows["tastes"].form, rows["tastes"].chosen) == ("no", "whoever fitted (unless told: yes)")
    assert rows["log_scale_use_sd"].likely == "a factor of 2.7 either way"
