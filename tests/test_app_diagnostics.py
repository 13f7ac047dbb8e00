"""The page that says whether a fit may be believed: the verdict of any fit, and files that must not be trusted."""

from __future__ import annotations

import io
import json
import pickle
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import xarray as xr
from small_fit import tree
from streamlit.testing.v1 import AppTest

from expsim_bayes.apps import chain_handed, chain_pictures
from expsim_bayes.apps.question import Question
from expsim_bayes.diagnosis import chains, checks
from expsim_bayes.diagnosis.chains import Draws
from expsim_bayes.diagnostics import gate
from expsim_bayes.errors import SettingError
from expsim_bayes.fits import opened
from expsim_bayes.model_comparison import compared, predicted

if TYPE_CHECKING:
    from collections.abc import Callable

APPS = Path(__file__).resolve().parents[1] / "apps"


def netcdf(made: xr.DataTree, folder: Path) -> Path:
    made.to_netcdf(folder / "posterior.nc", engine="h5netcdf")
    return folder / "posterior.nc"


def zipped(made: xr.DataTree, folder: Path, zarr_format: Any = 3) -> Path:
    made.to_zarr(folder / "fit.zarr", zarr_format=zarr_format, consolidated=zarr_format == 2)
    with zipfile.ZipFile(folder / "fit.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "fit.zarr").rglob("*")):
            archive.write(path, path.relative_to(folder))
    return folder / "fit.zip"


def page(path: Path) -> AppTest:
    """The page after an upload."""
    at = AppTest.from_file(str(APPS / "views" / "diagnostics.py"), default_timeout=60).run()
    return (
        at.file_uploader(key="fit_to_open").set_value((path.name, path.read_bytes(), "application/octet-stream")).run()
    )


def said(at: AppTest) -> str:
    shown = [e.value for e in (*at.text, *at.warning, *at.error, *at.info, *at.success, *at.caption, *at.markdown)]
    return "\n".join(str(text).replace("\\", "") for text in shown)


# ------------------------------------------------------------------------------------------------------------- the page


def test_empty_page_says_what_to_do() -> None:
    at = AppTest.from_file(str(APPS / "views" / "diagnostics.py"), default_timeout=60).run().run()
    assert not at.exception
    assert "Open a fit to see whether it may be believed" in said(at)


def test_a_fit_is_judged_and_every_part_opens(tmp_path: Path) -> None:
    at = page(netcdf(tree(draws=500), tmp_path)).run()
    assert not at.exception
    assert "OK: this fit may be believed" in said(at)
    assert [(m.label, m.value) for m in at.metric][:1] == [("Draws", "4 × 500")]
    names = at.selectbox(key="chain_number").options
    assert set(names) == {"quality of A", "quality of <b>B</b>", "spread between items (sd_item)"}
    for name in names:
        at.selectbox(key="chain_number").set_value(name).run()
        assert not at.exception
    at.button(key="chain_ask_sensitivity").click().run()
    assert not at.exception
    assert "half as strong its square root" in said(at)
    at.button(key="chain_ask_left_out").click().run()
    assert not at.exception
    assert "Log predictive density -12" in said(at)
    other = netcdf(tree(draws=400), tmp_path).read_bytes()
    at.file_uploader(key="chain_other").set_value(("other.nc", other, "")).run()
    assert not at.exception
    assert "in expected log predictive density" in said(at)


def test_predictions_are_checked_and_everything_can_be_taken_away(tmp_path: Path) -> None:
    made = tree(quality="theta", draws=500)
    made.attrs = {}
    rng = np.random.default_rng(3)
    made["posterior_predictive"] = xr.DataTree(
        xr.Dataset({"score": (("chain", "draw", "rating"), rng.normal(4.0, 1.0, (4, 500, 12)))})
    )
    at = page(netcdf(made, tmp_path))
    assert not at.exception
    assert "The model itself misses 4 of 4 features of the data" in said(at)
    assert "4 of 4 features of the data lie outside" in said(at)
    assert {e.proto.label for e in at.get("download_button")} == {
        "One page (PDF)", "Report (HTML)", "Report (PDF)", "Report (Markdown)", "Tables (CSV)", "Fit (netCDF)", "Fit (zipped Zarr)",
    }  # fmt: skip
    assert "expsim diagnose posterior.nc --format md,html,pdf,csv --out diagnostics" in [code.value for code in at.code]
    files = at.session_state["chain_handed"][1]
    told = files.report("md").content.decode()
    assert "misses 4 of 4 features" in told
    with zipfile.ZipFile(io.BytesIO(files.tables().content)) as archive:
        assert {"diagnostics-verdict.csv", "diagnostics-numbers.csv", "diagnostics-checks.csv"} <= set(
            archive.namelist()
        )
    (tmp_path / "again").mkdir()
    for name in ("posterior.nc", "posterior.zarr.zip"):
        again = tmp_path / "again" / name
        again.write_bytes(files.fit(name).content)
        assert opened.opened(again).tree["posterior"].to_dataset().equals(made["posterior"].to_dataset())


def test_the_fit_of_this_session_is_handed_out_whole(tmp_path: Path) -> None:
    made = tree()
    made["effects"] = xr.DataTree(xr.Dataset({"item": ("n", np.arange(3.0))}))
    whole = netcdf(made, tmp_path)
    files = chain_handed.Handed(opened.opened(whole), whole)
    assert files.fit("posterior.nc").content == whole.read_bytes()
    packed = tmp_path / "packed.zarr.zip"
    packed.write_bytes(files.fit("posterior.zarr.zip").content)
    with zipfile.ZipFile(packed) as archive:
        assert any(name.startswith("effects/") for name in archive.namelist())
    lines = chain_handed.of_ratings(Question(seed=3), "a b.csv").splitlines()
    assert [line.split()[1] for line in lines] == ["fit", "diagnose", "export"]
    compile(chain_handed.python("it's.nc"), "shown", "exec")


@pytest.mark.parametrize(("apart", "level"), [(0.0, "Caution"), (1.5, "Refuse")])
def test_the_verdict_rests_on_the_draws_and_not_on_the_file(apart: float, level: str, tmp_path: Path) -> None:
    made = tree(apart=apart, stats=apart > 0)
    made.attrs["verdict"] = '{"level": "ok"}'
    at = page(netcdf(made, tmp_path))
    assert not at.exception
    assert f"{level}:" in said(at)
    assert ("R-hat is" if apart else "does not say which draws diverged") in said(at)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_draws_of_other_programs_are_opened_too(zarr_format: int, tmp_path: Path) -> None:
    made = tree(quality="theta", stats=False)
    made.attrs = {}
    at = page(zipped(made, tmp_path, zarr_format))
    assert not at.exception
    at.button(key="chain_ask_hangs").click().run()
    assert not at.exception
    assert ".05 counts" in said(at)
    assert "half and twice" not in said(at)
    assert set(at.selectbox(key="chain_number").options) == {"theta[A]", "theta[<b>B</b>]", "sd_item"}


def test_what_is_no_fit_is_refused_in_words_and_the_next_one_opens(tmp_path: Path) -> None:
    bad = tmp_path / "bad.nc"
    bad.write_bytes(b"\x89HDF\r\n\x1a\n" + b"junk" * 50)
    at = page(bad)
    assert not at.exception
    assert "is damaged" in said(at)
    good = netcdf(tree(), tmp_path)
    at.file_uploader(key="fit_to_open").set_value((good.name, good.read_bytes(), "")).run()
    assert "OK: this fit" in said(at)
    assert "is damaged" not in said(at)


# --------------------------------------------------------------------------------------------------- what is not trusted


def archive(entries: dict[str, bytes], *, link: str = "") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for name, data in entries.items():
                made.writestr(name, data)
            if link:
                entry = zipfile.ZipInfo(link)
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                made.writestr(entry, b"/etc/passwd")

    return write


def hdf(change: Callable[[Any, Path], None]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            change(file, path.parent)

    return write


def outside(file: Any, folder: Path) -> None:
    with h5py.File(folder / "secret.h5", "w") as other:
        other["x"] = np.zeros(3)
    file["posterior"] = h5py.ExternalLink("secret.h5", "/")


def external(file: Any, folder: Path) -> None:
    file.create_group("posterior").create_dataset("x", (3,), "f8", external=[(str(folder / "raw"), 0, 24)])


def virtual(file: Any, folder: Path) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "x", (3,))
    file.create_group("posterior").create_virtual_dataset("x", layout)


class Canary:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


GROUP = json.dumps({"zarr_format": 2}).encode()
ARRAY = {
    "zarr_format": 2,
    "shape": [1],
    "chunks": [1],
    "dtype": "|O",
    "compressor": None,
    "fill_value": None,
    "order": "C",
}
PICKLED = json.dumps({**ARRAY, "filters": [{"id": "pickle"}]}).encode()
HUGE = json.dumps({**ARRAY, "chunks": [10**12], "dtype": "<f8", "filters": None}).encode()
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "table": (lambda path: path.write_bytes(b"variant,score\n"), "the page Analyse"),
    "old netCDF": (lambda path: path.write_bytes(b"CDF\x01xxxx"), "netCDF 3"),
    "link out": (hdf(outside), "link to somewhere else"),
    "soft link": (hdf(lambda file, _: file.__setitem__("posterior", h5py.SoftLink("/x"))), "link to somewhere else"),
    "external bytes": (hdf(external), "lies in another file"),
    "virtual": (hdf(virtual), "lies in another file"),
    "no posterior": (hdf(lambda file, _: file.create_group("prior")), "no group 'posterior'"),
    "zip slip": (archive({".zgroup": GROUP, "../../evil": b"x"}), "outside of it"),
    "absolute": (archive({".zgroup": GROUP, "/etc/evil": b"x"}), "outside of it"),
    "device": (archive({".zgroup": GROUP, "C:\\evil": b"x"}), "outside of it"),
    "symlink": (archive({".zgroup": GROUP}, link="posterior"), "outside of it"),
    "bomb": (archive({".zgroup": GROUP, "x": bytes(20_000_000)}), "100 times as large"),
    "no zarr": (archive({"xl/workbook.xml": b"<x/>"}), "no Zarr group"),
    "pickled": (archive({".zgroup": GROUP, "posterior/.zgroup": GROUP, "posterior/x/.zarray": PICKLED}), "packed by pickle"),
    "huge chunk": (archive({".zgroup": GROUP, "posterior/.zgroup": GROUP, "posterior/x/.zarray": HUGE}), "chunk is larger"),
    "broken metadata": (archive({".zgroup": GROUP, "posterior/.zarray": b"[1"}), "damaged"),
    "broken archive": (lambda path: path.write_bytes(b"PK\x03\x04junk"), "archive is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    write, words = HOSTILE[name]
    path = tmp_path / "upload"
    write(path)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(SettingError, match=words):
        opened.opened(path)
    assert set(tmp_path.rglob("*")) == before


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "fit.nc"
    path.write_bytes(pickle.dumps(Canary(mark)))
    with pytest.raises(SettingError, match="can run code"):
        opened.opened(path)
    inside = {
        ".zgroup": GROUP, "posterior/.zgroup": GROUP, "posterior/x/.zarray": PICKLED, "posterior/x/0": path.read_bytes(),
        "posterior/x/.zattrs": b'{"_ARRAY_DIMENSIONS": ["chain"]}',
    }  # fmt: skip
    archive(inside)(path)
    with pytest.raises(SettingError, match="packed by pickle"):
        opened.opened(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Canary(mark)))
    assert mark.exists()  # the canary sings


def test_sizes_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = netcdf(tree(), tmp_path)
    monkeypatch.setattr(opened, "UNPACKED", 1_000)
    with pytest.raises(SettingError, match="at most 1,000 are read"):
        opened.opened(path)
    monkeypatch.setattr(opened, "LIMIT", 100)
    with pytest.raises(SettingError, match="at most 100 are taken"):
        opened.opened(path)
    monkeypatch.undo()
    monkeypatch.setattr(opened, "MOST_PARTS", 3)
    with pytest.raises(SettingError, match="more than 3 parts"):
        opened.opened(path)


def test_what_is_no_draw_is_left_out_with_a_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree()
    made["posterior"] = xr.DataTree(
        made["posterior"].to_dataset().assign(label=("variant", ["x", "y"]), odd=("variant", [1.0, 2.0]))
    )
    found = opened.opened(netcdf(made, tmp_path))
    assert set(found.tree["posterior"].data_vars) == {"quality", "sd_item"}
    assert found.notes == ("2 variables that are no draws of numbers are left out.",)
    monkeypatch.setattr(opened, "MOST_NUMBERS", 1)
    assert "not judged: quality" in opened.opened(tmp_path / "posterior.nc").notes[1]
    with pytest.raises(SettingError, match="5 draws a chain"):
        opened.opened(netcdf(tree(draws=5), tmp_path))


# ---------------------------------------------------------------------------------------------------- what it says


def test_the_gate_says_what_it_was_not_told() -> None:
    whole, part = gate(tree(draws=500)), gate(tree(draws=500, stats=False))
    assert (whole.level, part.level) == ("ok", "caution")
    assert part.reasons == (
        "The fit does not say which draws diverged or the sampler's energy: what the draws never reached cannot be seen.",
    )
    assert part.quantities == whole.quantities


def test_one_fit_alone_predicts_as_it_does_beside_another() -> None:
    one, other = tree(), tree(apart=0.5)
    both = compared({"one": one, "other": other})
    assert predicted("one", one).elpd == next(row.elpd for row in both.scored if row.name == "one")
    with pytest.raises(SettingError, match="no log-likelihoods"):
        predicted("bare", xr.DataTree.from_dict({"posterior": one["posterior"].to_dataset()}))


def test_pictures_show_whether_chains_agree() -> None:
    rng = np.random.default_rng(2)
    alike = Draws("x", rng.normal(size=(4, 1000)), None)
    apart = Draws("x", alike.values + np.array([0, 0, 0, 3])[:, None], np.eye(4, 1000, dtype=bool))
    assert "100 of 100 do" in chain_pictures.ranks(alike).words or "99 of 100 do" in chain_pictures.ranks(alike).words
    inside = int(chain_pictures.ranks(apart).words.split("band; ")[1].split()[0])
    assert inside < 60
    assert chain_pictures.trace(alike).words.endswith("One draw of 3 is shown.")
    assert "4 draws that diverged" in chain_pictures.trace(apart).words
    walk = np.cumsum(rng.normal(size=(2, 1000)), axis=1)
    assert chain_pictures.energies(walk).words.startswith("BFMI of the chains: 0.0")
    white = float(chain_pictures.energies(rng.normal(size=(2, 1000))).words.split(": ")[1].split()[0])
    assert 1.7 < white < 2.3  # successive independent draws: twice the variance


def test_draws_are_found_by_their_names() -> None:
    made = tree()
    names = chains.numbers(made, gate(made))
    assert len(names) == 3
    found = chains.draws(made, "quality[<b>B</b>]")
    assert np.array_equal(found.values, made["posterior"]["quality"].sel(variant="<b>B</b>"))
    assert chains.energy(tree(stats=False)) is None
    assert dict(checks.about(made))["versions"] == "pymc 6"
