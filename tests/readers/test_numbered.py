"""Numbered pictures become one volume with the spacing that is stated, in natural order, and missing ones are named."""

import io
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from PIL import Image

from medcore.intake import Reading, Source, read_sources
from medcore.readers._numbered import missing_numbers, natural
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Scale, Unit
from tests.readers.factory import dx, picture, zipped

SPACING = (2.0, 0.5, 0.4)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, memory_mb=2048, seconds=30, output_mb=512) as sandbox:
        yield sandbox


def page(number: int, size: tuple[int, int] = (20, 30)) -> bytes:
    return picture(np.full(size, number, np.uint8) + np.arange(size[1], dtype=np.uint8))


def read(sandbox: Sandbox, files: Mapping[str, bytes], spacing: tuple[float, float, float] | None = SPACING) -> Reading:
    sources = [Source(name, data=data) for name, data in files.items()]
    return read_sources(sources, sandbox=sandbox, settings=Settings(), stack_mm=spacing)


def test_numbered_pictures_are_one_volume_in_natural_order(sandbox: Sandbox) -> None:
    reading = read(sandbox, {f"head/img{k}.png": page(k) for k in (10, 9, 11, 8)})
    (found,) = reading.found
    assert found.volume.voxels[:, 0, 0].tolist() == [8, 9, 10, 11] and found.volume.spacing_mm == SPACING
    assert found.volume.geometry.scale is Scale.PATIENT and found.volume.name == "img, 4 slices"
    assert [issue.code for issue in found.issues] == ["spacing_stated", "picture"] and not reading.refused


def test_without_a_spacing_they_stay_single_pictures(sandbox: Sandbox) -> None:
    reading = read(sandbox, {f"img{k}.png": page(k) for k in range(3)}, spacing=None)
    assert [found.volume.shape[0] for found in reading.found] == [1, 1, 1]
    assert all(found.volume.spacing_mm is None for found in reading.found)


def test_missing_numbers_are_named_and_block(sandbox: Sandbox) -> None:
    (found,) = read(sandbox, {f"img{k:03}.png": page(k) for k in (1, 2, 3, 6, 7)}).found
    (issue,) = [issue for issue in found.issues if issue.code == "missing_slice"]
    assert issue.severity.value == "BLOCK" and issue.measured == 2 and "4, 5" in str(issue.message)


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [([1, 2, 3], []), ([10, 20, 30], []), ([10, 20, 40], [30]), ([5], []), ([], []), ([1, 900_000], [])],
)
def test_the_smallest_step_is_the_rule_for_missing_numbers(numbers: list[int], missing: list[int]) -> None:
    assert missing_numbers(numbers) == missing


def test_names_sort_as_people_count() -> None:
    names = ["b2.png", "b10.png", "a10.png", "a9.png", "B1.png"]
    assert sorted(names, key=natural) == ["a9.png", "a10.png", "B1.png", "b2.png", "b10.png"]


def test_other_sizes_other_names_and_other_folders_stay_apart(sandbox: Sandbox) -> None:
    files = {f"a/img{k}.png": page(k) for k in range(3)} | {f"b/img{k}.png": page(k) for k in range(2)}
    files |= {"a/img9.png": page(9, (8, 8)), "a/note.png": page(1)}
    shapes = sorted(found.volume.shape for found in read(sandbox, {"all.zip": zipped(files)}).found)
    assert shapes == [(1, 8, 8), (1, 20, 30), (2, 20, 30), (3, 20, 30)]


def test_a_black_page_in_a_stack_of_colour_stays_in_it(sandbox: Sandbox) -> None:
    colour = np.zeros((6, 6, 3), np.uint8)
    colour[..., 0] = 200
    files = {"p1.png": picture(colour), "p2.png": picture(np.zeros((6, 6, 3), np.uint8)), "p3.png": picture(colour)}
    (found,) = read(sandbox, files).found
    assert found.volume.unit is Unit.RGB and found.volume.voxels[:, 0, 0, 0].tolist() == [200, 0, 200]


def test_pages_of_a_tiff_take_the_stated_spacing(sandbox: Sandbox) -> None:
    pages = [Image.fromarray(np.full((5, 7), k, np.uint8)) for k in range(4)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    (found,) = read(sandbox, {"stack.tif": out.getvalue()}).found
    assert found.volume.shape == (4, 5, 7) and found.volume.spacing_mm == SPACING
    assert found.volume.geometry.voxel_ml == pytest.approx(0.4e-3)


def test_a_scan_with_its_own_scale_keeps_it(sandbox: Sandbox) -> None:
    reading = read(sandbox, {"x-ray.dcm": dx(), "img1.png": page(1), "img2.png": page(2)})
    scales = {found.volume.modality: found.volume.geometry.scale for found in reading.found}
    assert scales == {"DX": Scale.DETECTOR, "": Scale.PATIENT}
