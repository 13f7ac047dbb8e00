"""The threshold that would hold the false-launch rate of a monitored experiment: searched on request, kept, and nobody else's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from live_experiment import SCENARIO, batch, batches, experiment, write
from plain_posterior import plain_means
from typer.testing import CliRunner, Result

from expsim_bayes.cli import exits
from expsim_bayes.cli.app import app
from expsim_bayes.errors import SettingError
from expsim_bayes.live import add, calibrated, opened, peeking, posterior, story, words
from expsim_bayes.live.peeking import Peeking
from expsim_bayes.live.simulated import SEED
from expsim_bayes.operating_characteristics import Estimate
from expsim_bayes.planning import calibrate, calibration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from expsim_bayes.live import Opened
    from expsim_bayes.planning import Found

LOOSE = SCENARIO.replace("threshold = 0.999", "threshold = 0.9")
"""A scenario whose rule launches far too often when nothing differs."""


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posterior, "posterior_of", plain_means)
    monkeypatch.setattr(peeking, "REPLICATIONS", 200)
    monkeypatch.setattr(calibrated, "REPLICATIONS", 300)
    monkeypatch.setattr(calibrated, "REACH", 0.03)
    monkeypatch.setattr(calibrated, "LONGEST", 3_000)


@pytest.fixture
def here(tmp_path: Path) -> Opened:
    experiment(tmp_path / "e", LOOSE)
    (first,) = batches(tmp_path / "in", 1)
    found, _ = add(tmp_path / "e", first, engine=plain_means)
    return found


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Looks of every search that was begun."""
    begun: list[int] = []
    real = calibration.calibrate

    def counted(scenario: Any, **options: Any) -> Any:
        begun.append(scenario.looks)
        return real(scenario, **options)

    monkeypatch.setattr(calibrated, "calibrate", counted)
    return begun


def status(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["monitor", "status", str(folder), *arguments], env={"COLUMNS": "100", "NO_COLOR": "1"}
    )


def flat(text: str) -> str:
    return " ".join(text.split())


def cached(folder: Path) -> list[str]:
    """Names of what is kept of thresholds, whole or not."""
    return [path.name for path in (folder / "cache").glob("*") if "calibrated" in path.name]


def test_the_threshold_is_that_of_the_scenario_and_kept(here: Opened, searches: list[int]) -> None:
    played: list[int] = []
    found = calibrated.calibrated(here, progress=played.append)
    of_scenario = calibrate(
        here.scenario, strategy="sequential", evaluators="both", tolerance=0.03, replications=300, random_seed=SEED, most=3_000
    )  # fmt: skip
    assert (found.threshold, found.checked, found.declared) == (
        of_scenario.threshold,
        of_scenario.checked,
        of_scenario.declared,
    )
    assert found.threshold > 0.9
    assert found.declared.value > 0.05 + 3 * found.declared.mcse
    assert abs(found.checked.value - 0.05) <= 0.03 + 4 * found.checked.mcse
    assert played == sorted(played)
    assert calibrated.calibrated(here) == calibrated.known(here) == found
    assert searches == [6]


def test_what_is_lost_or_damaged_is_searched_again(here: Opened, searches: list[int]) -> None:
    found = calibrated.calibrated(here)
    (name,) = cached(here.folder)
    file = here.folder / "cache" / name
    whole = json.loads(file.read_bytes())
    for content in (
        b"",
        b"{",
        b"[]",
        json.dumps(whole | {"found": {}}).encode(),
        json.dumps(whole | {"key": {}}).encode(),
    ):
        file.write_bytes(content)
        assert calibrated.known(here) is None
    assert calibrated.calibrated(here) == found
    assert searches == [6, 6]


def test_what_was_found_for_another_scenario_or_other_looks_is_not_taken(
    here: Opened, tmp_path: Path, searches: list[int]
) -> None:
    calibrated.calibrated(here)
    (name,) = cached(here.folder)
    other = experiment(tmp_path / "other", LOOSE.replace("outputs_per_look = 40", "outputs_per_look = 30"))
    (other.folder / "cache").mkdir()
    (other.folder / "cache" / name).write_bytes((here.folder / "cache" / name).read_bytes())
    assert calibrated.known(other) is None
    one_more = here._replace(manifest=here.manifest.model_copy(update={"batches": here.manifest.batches * 7}))
    assert calibrated.known(one_more) is None
    assert searches == [6]


def test_a_changed_scenario_is_refused(here: Opened, searches: list[int]) -> None:
    calibrated.calibrated(here)
    file = here.folder / "scenario.toml"
    file.write_text(SCENARIO, encoding="utf-8")
    result = status(here.folder, "--calibrate")
    assert result.exit_code == exits.BAD_INPUT
    assert "was changed since the experiment began" in flat(result.stderr)
    assert "Threshold" not in result.stdout
    assert searches == [6]


def test_an_interrupted_search_leaves_nothing_and_shows_the_rest(here: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    real = calibration.search

    def interrupted(*args: Any, **options: Any) -> Iterator[Found]:
        yield next(real(*args, **options))
        raise KeyboardInterrupt

    assert status(here.folder).exit_code == 0
    before = sorted(path.name for path in here.folder.rglob("*"))
    monkeypatch.setattr(calibration, "search", interrupted)
    result = status(here.folder, "--calibrate")
    assert result.exit_code == exits.INTERRUPTED
    assert "Stopped early: no threshold was found, and nothing of the search is kept." in flat(result.stderr)
    assert "Were all variants equal" in flat(result.stdout)
    assert sorted(path.name for path in here.folder.rglob("*")) == before
    assert calibrated.known(here) is None
    monkeypatch.setattr(calibration, "search", real)
    assert "Threshold" in status(here.folder, "--calibrate").stdout


def test_a_disk_without_room_is_told_and_leaves_nothing_half_written(
    here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    told: list[str] = []
    found = calibrated.calibrated(here, notice=told.append)
    assert found.threshold > 0.9
    assert "the threshold is not kept: " in told[0]
    assert "No space left on device" in told[0]
    assert not cached(here.folder)


def test_status_searches_on_request_and_shows_it_from_then_on(
    here: Opened, tmp_path: Path, searches: list[int]
) -> None:
    first = status(here.folder)
    assert f"expsim monitor status {here.folder} --calibrate" in flat(first.stdout).replace("/ ", "/")
    assert "Threshold" not in first.stdout
    assert json.loads(status(here.folder, "--json").stdout)["calibrated"] is None
    assert searches == []
    asked = status(here.folder, "--calibrate")
    assert asked.exit_code == 0, asked.output
    assert "searching for the threshold: about" in flat(asked.stderr)
    later = status(here.folder)
    assert later.stdout == asked.stdout
    said = flat(later.stdout)
    told = json.loads(status(here.folder, "--json").stdout)["calibrated"]
    for part in (
        f"Threshold With this schedule of 6 looks, ask for {100 * told['threshold']:.6g} % instead of 90 %.",
        f"launches one that is no better than the control in {100 * told['checked']['value']:.1f} %",
        f"and 90 % in {100 * told['declared']['value']:.1f} %",
        "(300 experiments each, which the search has not seen)",
        "It is for the next experiment.",
    ):
        assert part in said
    assert "--calibrate" not in said
    assert (told["threshold_declared"], told["target"], told["replications"]) == (0.9, 0.05, 300)
    assert told["checked"].keys() == told["declared"].keys() == {"value", "mcse"}
    assert searches == [6]
    arguments = ["monitor", "report", str(here.folder), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    page = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert f"**Threshold.** With this schedule of 6 looks, ask for {100 * told['threshold']:.6g} %" in page
    assert page.index("## Peeking") < page.index("**Threshold.**") < page.index("## What to rate next")
    assert searches == [6]


def test_a_search_that_is_not_sure_says_so(here: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrated, "LONGEST", 600)
    found = calibrated.calibrated(here)
    assert not found.found.settled
    said = dict(words.calibration(found))
    assert said["Beware"].startswith("The search ended before the rate was known to within 3 percentage points")
    page = story.page(here, peeking=Peeking(Estimate(0.2, 0.01), 6), plan=None, calibrated=found)
    assert "**Beware.** The search ended" in page


@pytest.mark.parametrize("kind", ["late", "no rule"])
def test_where_nothing_can_be_searched_it_is_told_why(kind: str, tmp_path: Path, searches: list[int]) -> None:
    folder = tmp_path / "e"
    if kind == "late":
        experiment(folder, LOOSE)
        add(folder, write(tmp_path / "c.csv", batch(1, variants="ABC")), new_variants=["C"], engine=plain_means)
        why = "the scenario does not know C"
    else:
        rule = '{ rule = "superiority", threshold = 0.9 }'
        experiment(folder, LOOSE.replace(rule, '{ rule = "expected_loss", threshold = 0.01 }', 1))
        why = "no rule launches by a probability"
    result = status(folder, "--calibrate")
    assert result.exit_code == 0, result.output
    assert f"No threshold can be searched for: {why}" in flat(result.stderr)
    assert "Threshold" not in result.stdout
    with pytest.raises(SettingError, match=why):
        calibrated.calibrated(opened(folder))
    assert searches == []


def test_a_rule_that_holds_is_shown_without_a_word_of_a_search(here: Opened) -> None:
    assert "--calibrate" not in words.peeked(here, Peeking(Estimate(0.05, 0.01), 6))
    assert words.calibration(None) == []
