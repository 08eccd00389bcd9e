"""The verb prepare: what it writes is what the page would keep, to the bit."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest

from medcore.__main__ import main
from medcore.exports.nifti_images import write_nifti
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.preparing import content_sha256
from medcore.recipes import Recipe, RecipeStep, as_toml
from medcore.settings import Settings
from medcore.shell.read import read_paths
from medcore.volume import Geometry, Unit, Volume
from medcore.workbench.studies import Source
from medcore.workbench.workbench import Workbench

SHAPE = (24, 96, 96)
RECIPE = Recipe((RecipeStep("resample", {"in_plane": 5.0, "between": 12.0}), RecipeStep("clahe")), "Coarse")
Call = Callable[..., tuple[int, dict]]  # type: ignore[type-arg]


@pytest.fixture(scope="module")
def scan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scan = chest_ct([], axial(SHAPE, (11.0, 3.6, 3.6), centre_mm=(0.0, 5.0, -22.0)), SHAPE).volume
    return write_nifti(scan, tmp_path_factory.mktemp("scan") / "chest.nii.gz")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    monkeypatch.setenv("MEDCORE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEDCORE_DECODE_WORKERS", "1")
    monkeypatch.setenv("MEDCORE_LANGUAGE", "en")

    def run(*arguments: object) -> tuple[int, dict]:  # type: ignore[type-arg]
        code: object = 0
        try:
            main(["prepare", *map(str, arguments), "--json"])
        except SystemExit as stop:
            code = stop.code
        return int(code or 0), json.loads(capfd.readouterr().out)  # type: ignore[call-overload]

    return run


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "r.toml"
    path.write_text(as_toml(RECIPE), encoding="utf-8")
    return path


def test_the_verb_writes_what_the_page_keeps_to_the_bit(
    call: Call, scan_file: Path, recipe: Path, tmp_path: Path
) -> None:
    code, answer = call(scan_file, "--recipe", recipe, "--out", tmp_path / "out")
    assert code == 0
    bench = Workbench.open(Settings(data_dir=tmp_path / "page", decode_workers=1))
    (study,) = bench.studies.add([Source(scan_file.name, path=scan_file)]).added
    kept = bench.prepare.save(study.id, study.scans[0].id, RECIPE)
    assert answer["volume"]["sha256"] == kept.scan.sha256
    voxels = bench.studies.volume(kept.scan.id).voxels
    bench.close()
    written = nibabel.load(answer["volume"]["path"])
    np.testing.assert_array_equal(np.asarray(written.dataobj).transpose(2, 1, 0), voxels)
    assert answer["volume"]["spacing_mm"] == [12.0, 5.0, 5.0]
    assert {note["code"] for note in answer["notes"]} >= {"detail_lost"}


def test_recipe_and_provenance_are_written_beside_it(call: Call, scan_file: Path, recipe: Path, tmp_path: Path) -> None:
    _, answer = call(scan_file, "--recipe", recipe, "--out", tmp_path / "out", "--format", "npy")
    made = json.loads(Path(answer["provenance"]).read_text(encoding="utf-8"))
    assert "not a medical device" in made["stamp"]
    assert made["recipe_sha256"] == answer["recipe"]["sha256"]
    assert made["result_sha256"] == answer["volume"]["sha256"]
    assert made["source_sha256"] == answer["source"]["sha256"]
    (found,) = read_paths([scan_file], Settings(decode_workers=1)).found
    assert made["source_sha256"] == found.volume.sha256
    again, repeated = call(
        scan_file, "--recipe", answer["recipe"]["path"], "--out", tmp_path / "again", "--format", "npy"
    )
    assert again == 0
    assert repeated["volume"]["sha256"] == answer["volume"]["sha256"]
    voxels = np.load(repeated["volume"]["path"], allow_pickle=False)
    placed = Volume(voxels, Unit(answer["volume"]["unit"]), "CT", Geometry(np.array(made["affine"])))
    assert content_sha256(placed) == made["result_sha256"]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("[[steps]]", "RecipeError", "not a MedCore recipe"),
        (as_toml(Recipe((RecipeStep("polish"),))), "RecipeError", "no step “polish”"),
        (as_toml(Recipe((RecipeStep("gamma", {"gamma": 50.0}),))), "RecipeError", "gamma"),
        (as_toml(Recipe((RecipeStep("crop", {"rows_start": 95, "rows_end": 9}),))), "RecipeError", "leaves nothing"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_named_and_nothing_is_written(
    call: Call, scan_file: Path, tmp_path: Path, *, text: str, kind: str, said: str
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(text, encoding="utf-8")
    code, answer = call(scan_file, "--recipe", bad, "--out", tmp_path / "out")
    assert (code, answer["error"]["type"]) == (2, kind)
    assert said in answer["error"]["message"]
    assert answer["error"]["hint"]
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_is_not_there_is_named(call: Call, scan_file: Path, tmp_path: Path) -> None:
    code, answer = call(scan_file, "--recipe", tmp_path / "none.toml", "--out", tmp_path / "out")
    assert (code, answer["error"]["type"]) == (2, "RecipeError")


def test_a_step_for_another_kind_of_scan_is_refused(call: Call, tmp_path: Path) -> None:
    picture, bad = tmp_path / "p.png", tmp_path / "n4.toml"
    cv2.imwrite(str(picture), np.arange(4096, dtype=np.uint8).reshape(64, 64))
    bad.write_text(as_toml(Recipe((RecipeStep("n4"),))), encoding="utf-8")
    code, answer = call(picture, "--recipe", bad, "--out", tmp_path / "out")
    assert (code, answer["error"]["type"]) == (2, "UnfitInputError")
    assert "made for MR" in answer["error"]["message"]


def test_a_region_is_written_as_a_mask_with_volume_and_quality(call: Call, scan_file: Path, tmp_path: Path) -> None:
    code, answer = call(scan_file, "--region", "body", "--out", tmp_path / "out")
    assert code == 0
    (region,) = answer["regions"]
    labels = np.asarray(nibabel.load(region["mask"]).dataobj)
    assert labels.sum() * 11.0 * 3.6 * 3.6 / 1000 == pytest.approx(region["volumes_ml"]["Body"], rel=1e-3)
    assert 0 < region["quality"] <= 1
