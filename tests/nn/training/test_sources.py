"""Each form of labelled data becomes the same cases, and what is wrong with it is named."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.errors import DataSetError, NotFoundError
from medcore.nn.training.cache import read_case
from medcore.nn.training.pictures import refuse_one_class
from medcore.nn.training.recipe import source_from
from medcore.nn.training.sources import load_formats
from medcore.nn.training.splits import refuse_leaks

FORMATS = load_formats()


def picture(path: Path, grey: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 80), grey, np.uint8))


def cases(form: str, folder: Path, **options: object):  # type: ignore[no-untyped-def]
    source = source_from({"name": "s", "folder": ".", "format": form, "positive": ["ill"], **options})
    return FORMATS[form].cases(source, folder, ["finding"])


def test_the_catalogue_holds_the_promised_forms() -> None:
    assert set(FORMATS) == {
        "table",
        "folders",
        "medmnist",
        "coco",
        "yolo",
        "masks",
        "dicom",
        "candidates",
        "mask_volumes",
    }


def test_a_table_with_boxes_and_columns(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("file,label,who,region\na.png,ill,p1,hand\nb.png,well,p2,leg\n")
    (tmp_path / "boxes.csv").write_text("file,cx,cy,w,h\na.png,0.5,0.25,0.2,0.1\n")
    found = cases("table", tmp_path, group="who", columns=["region"])
    assert [c.truth for c in found] == [(True,), (False,)]
    assert found[0].boxes == (pytest.approx((0.2, 0.4, 0.3, 0.6)),)
    assert found[1].boxes == ()
    assert (found[0].patient, found[0].columns["region"]) == ("p1", "hand")
    assert len(cases("table", tmp_path, exclude=[["region", "leg"]])) == 1


def test_candidates_are_split_in_long_blocks_with_a_gap_between(tmp_path: Path) -> None:
    rows = [(7, 0), (7299, 1), (7300, 1), (7999, 0), (8000, 0), (16001, 1)]
    text = "".join(f"{n}.jpg,{n},{'ill' if truth else 'well'}\n" for n, truth in rows)
    (tmp_path / "index.csv").write_text("file,candidate_row,label\n" + text)
    found = cases("candidates", tmp_path)
    assert [(c.name, c.patient) for c in found] == [
        ("7.jpg", "block 0"), ("7299.jpg", "block 0"), ("8000.jpg", "block 1"), ("16001.jpg", "block 2"),
    ]  # fmt: skip
    assert [c.truth for c in found] == [(False,), (True,), (False,), (True,)]
    (tmp_path / "index.csv").write_text("file,candidate_row,label\na.jpg,x,ill\n")
    with pytest.raises(DataSetError, match="whole numbers"):
        cases("candidates", tmp_path)


def test_a_folder_per_class_and_split(tmp_path: Path) -> None:
    for name in ("train/ill/1.png", "train/well/2.png", "val/ill/3.png"):
        picture(tmp_path / name)
    found = cases("folders", tmp_path)
    assert [(c.truth[0], c.split) for c in found] == [(True, "train"), (False, "train"), (True, "validation")]


def test_a_medmnist_file(tmp_path: Path) -> None:
    arrays = {}
    for n, part in enumerate(("train", "val", "test"), start=1):
        arrays[f"{part}_images"] = np.full((n, 28, 28), 10 * n, np.uint8)
        arrays[f"{part}_labels"] = np.arange(n)[:, None] % 2
    np.savez(tmp_path / "chest.npz", **arrays)
    found = cases("medmnist", tmp_path, positive=["1"])
    assert [c.split for c in found] == ["train"] + ["validation"] * 2 + ["test"] * 3
    assert [c.truth[0] for c in found] == [False, False, True, False, True, False]
    assert read_case(found[-1]).voxels.max() == 30


def test_coco_boxes_of_one_category(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    book = {
        "images": [{"id": 1, "file_name": "a.png", "height": 40, "width": 80}],
        "categories": [{"id": 1, "name": "ill"}, {"id": 2, "name": "plate"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [8, 4, 16, 8]},
            {"id": 2, "image_id": 1, "category_id": 2, "bbox": [0, 0, 80, 40]},
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(book))
    (found,) = cases("coco", tmp_path)
    assert found.boxes == (pytest.approx((0.1, 0.1, 0.3, 0.3)),)
    with pytest.raises(DataSetError, match="il"):
        cases("coco", tmp_path, positive=["il"])


def test_yolo_boxes(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "images" / "b.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.25 0.2 0.1\n")
    found = cases("yolo", tmp_path, positive=["0"])
    assert [c.truth[0] for c in found] == [True, False]
    assert found[0].boxes == (pytest.approx((0.2, 0.4, 0.3, 0.6)),)
    (tmp_path / "labels" / "b.txt").write_text("0 half\n")
    with pytest.raises(DataSetError, match=r"b\.txt"):
        cases("yolo", tmp_path, positive=["0"])


def test_mask_pairs_give_a_box_for_each_part(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    mask = np.zeros((40, 80), np.uint8)
    mask[4:8, 8:16], mask[20:30, 40:60] = 255, 255
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), mask)
    (found,) = cases("masks", tmp_path)
    assert found.boxes == ((0.1, 0.1, 0.2, 0.2), (0.5, 0.5, 0.75, 0.75))
    picture(tmp_path / "images" / "b.png")
    with pytest.raises(DataSetError, match=r"b\.png has no mask"):
        cases("masks", tmp_path)


def test_dicom_files_and_folders_of_a_table(tmp_path: Path, shared_data: Path) -> None:
    import zipfile

    with zipfile.ZipFile(shared_data / "dicom" / "pydicom_data.zip") as archive:
        name = next(n for n in archive.namelist() if n.endswith("JPEG2000_UNC.dcm"))
        (tmp_path / "p1").mkdir()
        (tmp_path / "p1" / "one.dcm").write_bytes(archive.read(name))
    (tmp_path / "index.csv").write_text("file,label\np1,ill\np1/one.dcm,well\n")
    found = cases("dicom", tmp_path)
    assert [(c.name, c.truth[0]) for c in found] == [("p1/one.dcm", True), ("p1/one.dcm", False)]
    assert read_case(found[0]).voxels.max() > 0


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("file,lable\na,ill\n", "label"),
        ("file,label\n", "no rows"),
        ("file,label\na,well\n", "“ill” does not occur"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(tmp_path: Path, table: str, words: str) -> None:
    (tmp_path / "index.csv").write_text(table)
    with pytest.raises(DataSetError, match=words):
        cases("table", tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, form: str) -> None:
    with pytest.raises(NotFoundError):
        cases(form, tmp_path / "nowhere")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="holds no picture"):
        cases("folders", tmp_path)


def test_one_class_alone_is_named() -> None:
    with pytest.raises(DataSetError, match="finding"):
        refuse_one_class(np.ones((5, 1), bool), ["finding"])


def test_a_leak_between_splits_is_named() -> None:
    with pytest.raises(DataSetError, match=r"b \(train\) and d \(test\)"):
        refuse_leaks(np.array([0, 1, 2, 1]), np.array([0, 0, 1, 2]), ["a", "b", "c", "d"])
