"""How a fit went: the numbers are ArviZ's, of any DataTree, and the report says the verdict first in every form."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import arviz as az
import numpy as np
import pytest
import xarray as xr
from small_fit import tree
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.cli.folder import unfinished
from expsim_bayes.diagnosis import Diagnosed, diagnose
from expsim_bayes.diagnosis.checks import left_out
from expsim_bayes.errors import SettingError
from expsim_bayes.fits.written import write
from expsim_bayes.report.diagnosed import document
from expsim_bayes.report.diagnosed_forms import rendered

if TYPE_CHECKING:
    from pathlib import Path


def foreign() -> xr.DataTree:
    """A fit as another program leaves it: no attributes, names of its own, predictions of two kinds of data."""
    made = tree(quality="theta")
    rng = np.random.default_rng(3)
    made.attrs = {}
    made["posterior_predictive"] = xr.DataTree(
        xr.Dataset({"score": (("chain", "draw", "rating"), rng.normal(4.0, 1.0, (4, 200, 12)))})
    )
    return made


@pytest.fixture(scope="module")
def of_foreign() -> Diagnosed:
    return diagnose(foreign(), "<i>theirs</i>.nc")


def test_numbers_are_those_of_arviz(of_foreign: Diagnosed) -> None:
    posterior = foreign()["posterior"].to_dataset()
    for row in of_foreign.rows:
        name, _, label = row.name.partition("[")
        values = posterior[name].sel(variant=label[:-1]) if label else posterior[name]
        draws = values.transpose("chain", "draw").to_numpy()
        assert row.mean == pytest.approx(draws.mean())
        assert row.mcse == pytest.approx(float(az.mcse(draws, method="mean")))
        assert row.r_hat == pytest.approx(float(az.rhat(draws)))
        assert row.ess_tail == pytest.approx(float(az.ess(draws, method="tail", prob=(0.05, 0.95))))
    assert [row.r_hat for row in of_foreign.rows] == sorted((row.r_hat for row in of_foreign.rows), reverse=True)


def test_predictions_of_any_data_are_checked(of_foreign: Diagnosed) -> None:
    reproduced = {check.name: check.reproduced for check in of_foreign.checks}
    assert reproduced == {
        "mean of score": False,  # all are 0, predicted around 4
        "standard deviation of score": False,
        "smallest value of score": False,
        "largest value of score": False,
    }


def test_what_hangs_on_a_prior_is_found_in_any_fit() -> None:
    rng = np.random.default_rng(5)
    theta, free = rng.normal(size=(2, 4, 500))
    density = xr.Dataset({"theta": (("chain", "draw"), -0.5 * theta**2)})
    data = xr.Dataset({"y": (("chain", "draw", "obs"), -0.5 * (free[..., None] - np.zeros(3)) ** 2)})
    posterior = xr.Dataset({"theta": (("chain", "draw"), theta), "free": (("chain", "draw"), free)})
    found = diagnose(xr.DataTree.from_dict({"posterior": posterior, "log_prior": density, "log_likelihood": data}))
    told = {row.name: row for row in found.hangs}
    assert told["theta"].diagnosis == "rests on its prior"
    assert told["free"].diagnosis == ""
    assert told["free"].likelihood > 0.05 > told["theta"].likelihood


def test_what_a_fit_does_not_hold_is_said_and_not_made_up() -> None:
    found = diagnose(xr.DataTree.from_dict({"posterior": tree()["posterior"].to_dataset()}))
    assert (found.divergences, found.energies, found.checks, found.hangs, found.scored) == (None, None, (), (), None)
    assert len(found.lacking) == 3
    page = rendered("md", found).decode()
    assert "| draws that diverged | not told | none |" in page
    assert "What could not be told" in page
    with pytest.raises(SettingError, match="cannot be judged"):
        diagnose(xr.DataTree.from_dict({"prior": xr.Dataset()}))


@pytest.mark.parametrize(
    ("apart", "headline"), [(0.0, "OK: this fit may be believed"), (1.5, "Refuse: this fit is not to be trusted")]
)
def test_the_verdict_comes_first_in_every_form(apart: float, headline: str) -> None:
    found = diagnose(tree(apart=apart, draws=500), "fit.nc")
    assert rendered("md", found).decode().splitlines()[2] == f"## Verdict: {headline}"
    told = json.loads(rendered("json", found))
    assert told["document"]["headline"] == headline
    assert told["diagnostics"]["verdict"]["level"] == found.verdict.level


def test_a_page_holds_the_verdict_and_the_chains() -> None:
    found = diagnose(tree(), "fit.nc")
    html = rendered("html", found, length="brief").decode()
    assert re.search(r"<h1>.*OK: this fit", html)
    assert html.count("data:image/svg+xml") == 2  # chains, light and dark
    assert rendered("pdf", found, length="brief").startswith(b"%PDF-")


def test_no_name_becomes_markup_and_every_picture_has_its_words(of_foreign: Diagnosed) -> None:
    page = rendered("html", of_foreign).decode()
    assert "<b>B</b>" not in page
    assert "<i>theirs" not in page
    assert "theta[&lt;b&gt;B&lt;/b&gt;]" in page
    pictures = [block for block in document(of_foreign).blocks() if block.kind == "picture"]
    assert [p.file for p in pictures] == ["figures/chains.png", "figures/energy.png", "figures/checks.png"]
    assert all(len(p.alternative) > len(p.caption) for p in pictures)


def test_strange_fits_are_judged_and_never_break_the_report() -> None:
    both = ("chain", "draw")
    rng = np.random.default_rng(0)
    strange = {
        "switches": {"x": (both, rng.integers(0, 2, (4, 100)).astype(bool))},
        "one chain": {"x": (both, rng.normal(size=(1, 100)))},
        "still": {"x": (both, np.ones((4, 100)))},
        "holes": {"x": (both, np.full((4, 100), np.nan))},
    }
    for name, variables in strange.items():
        made = xr.DataTree.from_dict({"posterior": xr.Dataset(variables)})
        made["sample_stats"] = xr.DataTree(
            xr.Dataset({"energy": (both, np.full(made["posterior"]["x"].shape, np.inf))})
        )
        made["log_likelihood"] = xr.DataTree(
            xr.Dataset({"y": ((*both, "obs"), np.full((*made["posterior"]["x"].shape, 3), np.nan))})
        )
        found = diagnose(made, name)
        assert found.energies is None
        assert json.loads(rendered("json", found))["diagnostics"]["name"] == name
        assert "## Verdict: Refuse" in rendered("md", found).decode()


def told(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["diagnose", *arguments])
    return done.exit_code, done.output


def test_the_command_judges_a_fit_of_any_program(tmp_path: Path) -> None:
    zipped = write(foreign(), tmp_path / "theirs.zarr.zip")
    code, said = told(str(zipped))
    assert code == 0
    assert "OK: this fit may be believed" in said
    assert "does not reproduce the mean of score" in said
    code, said = told(str(zipped), "--format", "md")
    assert code == 2
    assert "--out" in said
    code, said = told(str(zipped), "--format", "md,json", "--out", str(tmp_path / "out"))
    assert code == 0
    assert {path.name for path in (tmp_path / "out" / "figures").iterdir()} == {
        "chains.png",
        "energy.png",
        "checks.png",
    }
    assert told(str(tmp_path / "none.nc"))[0] == 2


def test_reports_lie_beside_the_fit_and_a_refused_one_has_its_exit_code(tmp_path: Path) -> None:
    write(tree(apart=1.5), tmp_path / "posterior.nc")
    (tmp_path / "facts.json").write_text("{}", encoding="utf-8")
    code, said = told(str(tmp_path), "--format", "html", "--length", "brief", "--json")
    assert code == 3
    assert json.loads(said[said.index("{") :])["verdict"]["level"] == "refuse"
    assert (tmp_path / "diagnostics-brief.html").is_file()
    assert unfinished(tmp_path) == ""


def test_remedies_speak_of_the_program_that_made_the_fit() -> None:
    mine, theirs = tree(apart=1.5), tree(apart=1.5)
    theirs.attrs = {}
    for made in (mine, theirs):
        made["sample_stats"] = xr.DataTree(made["sample_stats"].to_dataset() + 1)
    own, other = " ".join(diagnose(mine).reasons), " ".join(diagnose(theirs).reasons)
    assert "--target-accept" in own
    assert "--draws" in own
    assert "--" not in other
    assert "twice the draws" in other
    theirs["log_likelihood"] = xr.DataTree(xr.Dataset({"y": ("obs", np.zeros(3))}))
    with pytest.raises(SettingError, match="log-likelihoods in this fit cannot be used") as refused:
        left_out("theirs", theirs)
    assert "expsim" not in str(refused.value)
