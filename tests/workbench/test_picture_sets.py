"""Labelled pictures are found by what they are, uploads are unpacked within limits, and phantoms are made once."""

import csv
import io
import zipfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.errors import CancelledError, DataSetError, UnknownNameError
from medcore.exports.phantom_pictures import write_phantom_pictures
from medcore.settings import Settings
from medcore.workbench import picture_sets
from medcore.workbench.picture_sets import PHANTOMS, PictureSets, source_of

PNG = cv2.imencode(".png", np.zeros((8, 8), dtype=np.uint8))[1].tobytes()


def sets(tmp_path: Path, **settings: int) -> PictureSets:
    return PictureSets(Settings(data_dir=tmp_path / "data", pictures_dir=tmp_path / "pictures", **settings))  # type: ignore[arg-type]


def folder_with(path: Path, *names: str) -> None:
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(PNG)


def table(path: Path, rows: list[dict[str, str]]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    with (path / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def zipped(tmp_path: Path, *names: str) -> Path:
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        for name in names:
            archive.writestr(name, PNG)
    return tmp_path / "up.zip"


def test_each_form_is_known_by_its_files(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    folder_with(root / "classes", "ill/a.png", "well/b.png")
    folder_with(root / "split", "train/ill/a.png", "train/well/b.png", "test/ill/c.png", "test/well/d.png")
    folder_with(root / "deep" / "masks", "images/a.png", "masks/a.png")
    folder_with(root / "yolo", "images/a.png", "labels/a.txt")
    folder_with(root / "nothing", "a.png")
    table(root / "table", [{"file": "a.png", "label": "ill"}])
    table(root / "dicom", [{"file": "a.dcm", "label": "ill"}])
    assert {one.id: one.format for one in sets(tmp_path).list()} == {
        "classes": "folders",
        "split": "folders",
        "deep/masks": "masks",
        "yolo": "yolo",
        "table": "table",
        "dicom": "dicom",
    }


def test_a_table_suggests_its_columns_and_what_means_present(tmp_path: Path) -> None:
    rows = [{"file": f"{i}.png", "fractured": str(i % 2), "region": "hand", "patient_id": f"p{i}"} for i in range(4)]
    table(tmp_path / "pictures" / "bones", rows)
    found = sets(tmp_path)
    facts = found.facts(found.get("bones"))
    assert (facts.label, facts.patient, facts.reported, facts.positive) == (
        "fractured",
        "patient_id",
        ("region",),
        ("1",),
    )
    source = source_of(found.get("bones"), facts, positive=("1",))
    assert (source.folder, source.column, source.group, source.positive) == (
        "bones",
        "fractured",
        "patient_id",
        {"": ("1",)},
    )


def test_an_uploaded_zip_becomes_a_set_of_its_own_that_can_be_deleted(tmp_path: Path) -> None:
    found = sets(tmp_path)
    added = found.add("My chests (1).zip", zipped(tmp_path, "top/ill/a.png", "top/well/b.png"))
    assert (added.id, added.format, added.own) == ("My-chests-1", "folders", True)
    assert dict(found.facts(added).values) == {"ill": 1, "well": 1}
    assert found.add("My chests (1).zip", tmp_path / "up.zip").id == "My-chests-1-2"
    found.delete(added)
    assert [one.id for one in found.list()] == ["My-chests-1-2"]


def test_names_that_lead_out_of_the_folder_are_left_out(tmp_path: Path) -> None:
    found = sets(tmp_path)
    found.add("x.zip", zipped(tmp_path, "../../evil.png", "/abs.png", "ill/a.png", "well/b.png"))
    assert not list(tmp_path.rglob("evil.png")) and not Path("/abs.png").exists()


@pytest.mark.parametrize(("names", "words"), [((), "no labelled"), (("a.png",), "no labelled")])
def test_an_upload_without_labels_is_refused_and_leaves_nothing(
    tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    found = sets(tmp_path)
    with pytest.raises(DataSetError, match=words):
        found.add("x.zip", zipped(tmp_path, *names))
    assert list(found.own_root.iterdir()) == []


def test_too_many_files_and_a_broken_zip_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="more than is allowed"):
        sets(tmp_path, zip_max_entries=1).add("x.zip", zipped(tmp_path, "ill/a.png", "well/b.png"))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(DataSetError, match="cannot be unpacked"):
        sets(tmp_path).add("x.zip", tmp_path / "broken.zip")


def test_a_medmnist_file_is_a_set(tmp_path: Path) -> None:
    arrays = {f"{part}_images": np.zeros((4, 28, 28), np.uint8) for part in ("train", "val", "test")}
    arrays |= {f"{part}_labels": np.array([[0], [1], [1], [1]]) for part in ("train", "val", "test")}
    file = io.BytesIO()
    np.savez(file, **arrays)
    (tmp_path / "m.npz").write_bytes(file.getvalue())
    found = sets(tmp_path)
    assert dict(found.facts(found.add("pneumoniamnist.npz", tmp_path / "m.npz")).values) == {"0": 3, "1": 9}


def test_phantoms_are_made_once_and_a_stop_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_sets, "write_phantom_pictures", partial(write_phantom_pictures, patients=2))
    found = sets(tmp_path)
    with pytest.raises(CancelledError):
        found.make_phantoms(lambda fraction, stage: None, cancelled=lambda: True)
    assert found.list() == ()
    made = found.make_phantoms(lambda fraction, stage: None)
    facts = found.facts(made)
    assert dict(facts.values) == {"clear": 2, "opacity": 2} and facts.positive == ("opacity",)
    before = {path: path.stat().st_mtime_ns for path in (found.own_root / PHANTOMS).iterdir()}
    found.make_phantoms(lambda fraction, stage: pytest.fail("made again"))
    assert before == {path: path.stat().st_mtime_ns for path in (found.own_root / PHANTOMS).iterdir()}


def test_an_unknown_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="nowhere"):
        sets(tmp_path).get("nowhere")


def test_sets_of_several_roots_are_below_one_folder_of_links(tmp_path: Path) -> None:
    found = sets(tmp_path)
    for place in (
        tmp_path / "pictures" / "a",
        tmp_path / "pictures" / "deep" / "b",
        tmp_path / "data" / "pictures" / "c",
    ):
        folder_with(place, "ill/1.png", "well/2.png")
    one, other, own = found.list()
    assert found.together([one, other]) == tmp_path / "pictures", "no links where they share a root"
    root = found.together([one, other, own])
    assert root == found.together([own, one, other])
    for chosen in (one, other, own):
        assert (root / chosen.id / "ill" / "1.png").is_file()
        assert (root / chosen.id).resolve() == (chosen.root / chosen.id).resolve()
