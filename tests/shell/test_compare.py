"""The verb compare as a program sees it: masks beside scans, JSON of the contract, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pypdf import PdfReader

from medcore.__main__ import main
from medcore.imaging.itk import to_image
from medcore.imaging.phantoms.truth import Phantom
from medcore.volume import Geometry, Mask, Unit, Volume
from medcore.workbench.compare import mask_of
from tests.comparison.test_compare import head

Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in [*arguments, "--json"]])
        out = capfd.readouterr().out
        return (stop.value.code if isinstance(stop.value.code, int) else 0), json.loads(out)

    return run


def nifti(path: Path, phantom: Phantom, *, labels: bool = False) -> Path:
    geometry = phantom.volume.geometry
    voxels = (phantom.mask.labels > 0).astype(np.uint8) if labels else phantom.volume.voxels
    image = to_image(voxels, geometry)
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    nibabel.save(nibabel.Nifti1Image(voxels.transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine), path)
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    before, after = head(24.0, 18.0, later=False), head(14.0, 11.0, later=True)
    return [
        nifti(tmp_path / f"{name}{'-mask' * labels}.nii.gz", phantom, labels=labels)
        for labels in (False, True)
        for name, phantom in (("before", before), ("after", after))
    ]


def test_a_response_from_two_files_and_their_masks(call: Call, files: list[Path], tmp_path: Path) -> None:
    before, after, before_mask, after_mask = files
    masks = ["--mask", before_mask, "--mask", after_mask]
    code, answer = call("compare", before, after, *masks, "--criterion", "recist11", "--out", tmp_path / "o")
    assert code == 0
    (registration,) = answer["registration"]
    assert registration["trusted"] and np.array(registration["affine"]).shape == (4, 4)
    assert answer["response"]["timepoints"][1]["overall"] == "PR"
    true = 100 * ((14.0**3 + 11.0**3) / (24.0**3 + 18.0**3) - 1)
    assert answer["volume_change_percent"] == pytest.approx(true, abs=5.0)
    chances = answer["response"]["chances"][1]["chances"]
    assert chances["PR"] > 0.9 and sum(chances.values()) == pytest.approx(1.0)
    sizes = answer["lesions"][0]["per_timepoint"][1]
    for name in ("longest_mm", "short_axis_mm", "volume_ml"):
        assert sizes["intervals"][name]["low"] < sizes[name] < sizes["intervals"][name]["high"]
    assert sizes["changes_from_baseline"]["longest_mm"]["value"] == pytest.approx(-10.0, abs=1.2)
    assert sizes["changes_from_baseline"]["volume_percent"]["high"] < 0
    assert [len(lesion["per_timepoint"]) for lesion in answer["lesions"]] == [2, 2]
    aligned = np.load(tmp_path / "o" / "T1-mask-on-baseline.npy")
    first = np.asarray(head(24.0, 18.0, later=False).mask.labels > 0)
    assert aligned.shape == first.shape and (aligned.astype(bool) & first).sum() / aligned.astype(bool).sum() > 0.95
    html = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    paper = "\n".join(page.extract_text() for page in PdfReader(tmp_path / "o" / "report.pdf").pages)
    for text in ("RECIST 1.1: PR", "Draft: not signed off", "P(PR)", "All criteria side by side"):
        assert text in html and text in paper
    assert before.name not in html + paper and str(tmp_path) not in html + paper, "files may be called like a patient"
    assert {str(tmp_path / "o" / name) for name in ("report.html", "report.pdf")} <= set(answer["files"])
    tables = {path.name for path in (tmp_path / "o" / "tables").iterdir()}
    assert {"lesions.csv", "measurements.csv", "response.csv", "alignment.csv", "scans.csv"} <= tables


def test_one_mask_for_two_studies_is_refused(call: Call, files: list[Path]) -> None:
    code, answer = call("compare", files[0], files[1], "--mask", files[2])
    assert code == 2 and "1 masks for 2 studies" in answer["error"]["message"]


def test_a_scan_given_as_a_mask_is_refused(call: Call, files: list[Path]) -> None:
    code, answer = call("compare", files[0], files[1], "--mask", files[0], "--mask", files[1])
    assert code == 2 and "is not a mask" in answer["error"]["message"]


def test_a_mask_on_another_grid_is_laid_onto_the_scan() -> None:
    coarse, fine = (
        Geometry.from_spacing((4.0, 4.0, 4.0)),
        Geometry.from_spacing((2.0, 2.0, 2.0), origin_mm=(-1, -1, -1)),
    )
    labels = np.zeros((6, 6, 6), dtype=np.int16)
    labels[2:4, 2:4, 2:4] = 7
    scan = Volume(np.zeros((12, 12, 12), dtype=np.int16), Unit.HU, "CT", fine)
    mask = mask_of(Volume(labels, Unit.GREY, "", coarse, name="m"), scan)
    assert mask.names == {1: "7"} and mask.labels.shape == scan.shape
    assert mask.volume_ml(1) == pytest.approx(Mask(np.uint8(labels > 0), {1: "x"}, coarse).volume_ml(1))
    away = replace(coarse, affine=coarse.affine + np.array([[0, 0, 0, 900.0], [0] * 4, [0] * 4, [0] * 4]))
    with pytest.raises(Exception, match="outside the scan"):
        mask_of(Volume(labels, Unit.GREY, "", away, name="m"), scan)
