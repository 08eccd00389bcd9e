"""SEG and RTSTRUCT land on their scan voxel by voxel: written by highdicom, or drawn as shapes known in closed form."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medcore.errors import CorruptFileError, GeometryError, NoPixelsError
from medcore.imaging.markup import Layer, even_odd, layer_of, place, place_facts
from medcore.intake import Reading, Source, read_sources
from medcore.readers._answer import pack_markup
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Geometry, Scale, Volume
from tests.readers.factory import picture, saved, zipped
from tests.readers.regions_factory import OBLIQUE, ct_slices, rtstruct, seg

SHAPE = (8, 20, 24)
Curve = Callable[[np.ndarray, np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, memory_mb=2048, seconds=30, output_mb=512) as sandbox:
        yield sandbox


def read(sandbox: Sandbox, files: Sequence[bytes]) -> Reading:
    sources = [Source(f"{k}.dcm", data=data) for k, data in enumerate(files)]
    return read_sources(sources, sandbox=sandbox, settings=Settings(), key=b"key")


def laid(sandbox: Sandbox, slices: Sequence[Dataset], drawn: bytes) -> tuple[Volume, tuple[Layer, ...]]:
    """The scan, and the regions laid onto its grid."""
    reading = read(sandbox, [drawn, *map(saved, slices)])
    (found,), (markup,) = reading.found, reading.markups
    assert not reading.refused and found.series_key in markup.markup.series
    assert markup.markup.frame_of_reference == found.volume.geometry.frame_of_reference
    return found.volume, place(markup.markup, found.volume.geometry, found.volume.shape)


def blobs(seed: int = 3, regions: int = 2) -> np.ndarray:
    """(S, R, C, regions) without overlap, irregular, never symmetric, on slices 1 to 6."""
    labels = np.random.default_rng(seed).integers(0, regions + 1, SHAPE)
    labels[[0, 7]] = 0
    return np.stack([labels == region for region in range(1, regions + 1)], axis=3).astype(np.uint8)


@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], OBLIQUE])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_segmentation_lands_on_its_own_voxels(sandbox: Sandbox, kind: str, orientation: list[float]) -> None:
    slices, masks = ct_slices(SHAPE, orientation), blobs()
    labels = masks[..., 0] + 2 * masks[..., 1]
    written = masks.astype(np.float32) if kind == "FRACTIONAL" else labels if kind == "LABELMAP" else masks
    volume, (layer,) = laid(sandbox, slices, seg(slices, written, ["Liver", "Spleen left"], kind))
    order = np.argsort(
        [float(np.dot(np.cross(orientation[:3], orientation[3:]), s.ImagePositionPatient)) for s in slices]
    )
    assert np.array_equal(layer.mask.labels, labels[order])
    assert dict(layer.mask.names) == {1: "Liver", 2: "Spleen left"} and layer.name == "Liver, Spleen left"
    assert layer.mask.geometry is volume.geometry
    assert [issue.code for issue in layer.issues] == (["fractional_regions"] if kind == "FRACTIONAL" else [])


def test_overlapping_segments_become_masks_of_their_own(sandbox: Sandbox) -> None:
    slices, masks = ct_slices(SHAPE), np.zeros((*SHAPE, 3), np.uint8)
    masks[2:6, 4:15, 4:15, 0] = masks[3:5, 6:9, 6:9, 1] = masks[6, 16:19, 16:22, 2] = 1
    _, layers = laid(sandbox, slices, seg(slices, masks, ["Liver", "Tumour", "Spleen"]))
    assert [dict(layer.mask.names) for layer in layers] == [{1: "Liver", 3: "Spleen"}, {2: "Tumour"}]
    assert np.array_equal(layers[0].mask.labels == 1, masks[..., 0]) and layers[1].name == "Tumour (2/2)"
    assert np.array_equal(layers[1].mask.labels == 2, masks[..., 1])


def test_fractions_below_one_half_are_outside(sandbox: Sandbox) -> None:
    slices, masks = ct_slices(SHAPE), np.zeros(SHAPE, np.float32)
    masks[3, 5, 5:9] = 0.2, 0.49, 0.51, 1.0
    _, (layer,) = laid(sandbox, slices, seg(slices, masks, ["Liver"], "FRACTIONAL"))
    assert layer.mask.labels[3, 5, 4:10].tolist() == [0, 0, 0, 1, 1, 0]


def test_a_segmentation_on_a_coarser_grid_fills_its_slabs(sandbox: Sandbox) -> None:
    """Drawn on every second slice of 2.5 mm and on pixels twice as large: each voxel takes the nearest pixel."""
    fine = ct_slices(SHAPE, spacing=(0.8, 0.8))
    coarse = ct_slices((4, 10, 12), step=5.0, spacing=(1.6, 1.6))
    for ds in coarse:  # its first pixel's centre lies between the first four of the scan
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x + 0.4, y + 0.4, z + 1.25]
    masks = np.random.default_rng(5).integers(0, 2, (4, 10, 12)).astype(np.uint8)
    drawn = seg(coarse, masks, ["Liver"], omit_empty_frames=False)
    _, (layer,) = laid(sandbox, fine, drawn)
    assert np.array_equal(layer.mask.labels, masks.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    assert [issue.code for issue in layer.issues] == ["regions_resampled"]


def lattice(geometry: Geometry, shape: tuple[int, int, int]) -> np.ndarray:
    """LPS mm of every voxel centre."""
    return geometry.to_lps(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))


def in_slices(slices: Sequence[Dataset], curve: Curve, along: Sequence[int], points: int = 720) -> list[np.ndarray]:
    """A closed curve (mm from the slice's first pixel, along its row and column) drawn on the given slices."""
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    row, column = np.array(slices[0].ImageOrientationPatient[:3]), np.array(slices[0].ImageOrientationPatient[3:])
    x, y = curve(np.cos(turn), np.sin(turn))
    return [np.array(slices[k].ImagePositionPatient) + np.outer(x, row) + np.outer(y, column) for k in along]


def ellipse(x: float, y: float, a: float, b: float) -> Curve:
    return lambda cos, sin: np.array([x + a * cos, y + b * sin])


@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], OBLIQUE])
def test_contours_with_a_hole_are_the_ellipse_minus_its_hole_at_every_voxel(
    sandbox: Sandbox, orientation: list[float]
) -> None:
    slices = ct_slices((8, 64, 72), orientation)
    outer, hole = ellipse(24.3, 26.1, 17.7, 13.2), ellipse(22.05, 27.4, 6.1, 4.3)
    drawn = rtstruct({"Lung left": [*in_slices(slices, outer, [2, 3, 4]), *in_slices(slices, hole, [3, 4])]})
    volume, (layer,) = laid(sandbox, slices, drawn)
    x, y = np.arange(72) * 0.7, (np.arange(64) * 0.8)[:, None]
    outside = ((x - 24.3) / 17.7) ** 2 + ((y - 26.1) / 13.2) ** 2
    inner = ((x - 22.05) / 6.1) ** 2 + ((y - 27.4) / 4.3) ** 2
    sure = (np.abs(outside - 1) > 2e-3) & (np.abs(inner - 1) > 2e-3)  # the polygon cuts the curve by less
    for k in range(8):
        assert volume.geometry.to_lps(np.array([k, 0, 0])) == pytest.approx(slices[k].ImagePositionPatient)
        expected = (outside < 1) & ~((inner < 1) & (k in (3, 4))) & (k in (2, 3, 4))
        assert np.array_equal((layer.mask.labels[k] == 1)[sure], expected[sure]), k
    assert not layer.issues and dict(layer.mask.names) == {1: "Lung left"}


def test_the_volume_of_a_drawn_cylinder_is_right_to_one_percent(sandbox: Sandbox) -> None:
    slices = ct_slices((8, 64, 72), OBLIQUE)
    drawn = rtstruct({"Aorta": in_slices(slices, ellipse(25.0, 25.0, 15.0, 15.0), range(1, 7))})
    _, (layer,) = laid(sandbox, slices, drawn)
    assert layer.mask.volume_ml(1) == pytest.approx(np.pi * 15**2 * 6 * 2.5 / 1000, rel=0.01)


def test_contours_across_the_slices_of_the_scan_are_right_within_half_a_voxel(sandbox: Sandbox) -> None:
    """Axial contours of a ball on a sagittal scan of the same frame: every voxel farther than half a voxel is right."""
    slices = ct_slices((32, 40, 40), [0, 1, 0, 0, 0, -1], step=1.0, spacing=(1.0, 1.0))
    reading = read(sandbox, list(map(saved, slices)))
    volume = reading.found[0].volume
    points = lattice(volume.geometry, volume.shape)
    centre, radius = points.reshape(-1, 3).mean(axis=0) + np.array([0.3, -0.2, 0.1]), 11.0
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    polygons = []
    for z in np.arange(-10.5, 11, 1.0):
        r = np.sqrt(radius**2 - z**2)
        polygons.append(centre + np.stack([r * np.cos(turn), r * np.sin(turn), np.full(400, z)], axis=1))
    markup = read(sandbox, [rtstruct({"Ball": polygons})]).markups[0].markup
    (layer,) = place(markup, volume.geometry, volume.shape)
    away = np.linalg.norm(points - centre, axis=-1) - radius
    wrong = (layer.mask.labels > 0) != (away < 0)
    assert not wrong[np.abs(away) > 0.87].any() and wrong.sum() < 0.05 * (away < 0).sum()
    assert layer.mask.volume_ml(1) == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.02)


def test_a_key_hole_contour_keeps_its_hole_open() -> None:
    """A square with a hole, drawn as one loop whose seam lies on pixel centres."""
    loop = [(1, 1), (1, 9), (9, 9), (9, 1), (5, 1), (5, 4), (6, 4), (6, 6), (4, 6), (4, 4), (5, 4), (5, 1)]
    inside = even_odd([np.array(loop, float) + np.array([0.0, 0.25])], (11, 11))
    expected = np.zeros((11, 11), bool)
    expected[1:9, 2:10] = True
    expected[4:6, 5:7] = False
    assert np.array_equal(inside, expected)


def test_contours_on_every_second_slice_fill_the_slices_between(sandbox: Sandbox) -> None:
    slices = ct_slices((16, 40, 40), step=1.0)
    drawn = rtstruct({"Liver": in_slices(slices, ellipse(14.0, 15.0, 8.0, 8.0), [2, 4, 6, 8, 10])})
    _, (layer,) = laid(sandbox, slices, drawn)
    assert np.flatnonzero(layer.mask.labels.any(axis=(1, 2))).tolist() == list(range(1, 11)) and layer.issues


def test_two_contours_far_apart_do_not_fill_what_lies_between(sandbox: Sandbox) -> None:
    slices = ct_slices((16, 40, 40), step=1.0)
    drawn = rtstruct({"Node": in_slices(slices, ellipse(14.0, 15.0, 5.0, 5.0), [3, 12])})
    _, (layer,) = laid(sandbox, slices, drawn)
    assert np.flatnonzero(layer.mask.labels.any(axis=(1, 2))).tolist() == [3, 12]


def test_names_that_may_be_a_persons_give_way(sandbox: Sandbox) -> None:
    slices, masks = ct_slices(SHAPE), blobs(regions=3)
    names = ["Liver of Doe", "HOSP-4711", "GTV 1"]
    _, (layer,) = laid(sandbox, slices, seg(slices, masks, names))
    assert list(layer.mask.names.values()) == ["Liver", "Liver", "GTV 1"]  # the coded meaning of the first two
    markup = read(sandbox, [rtstruct({"Doe^John": in_slices(slices, ellipse(8, 8, 3, 3), [3])})]).markups[0].markup
    assert list(markup.names.values()) == ["region 1"]


def test_identifiers_leave_the_intake_only_as_pseudonyms(sandbox: Sandbox) -> None:
    slices = ct_slices(SHAPE)
    shown = str(read(sandbox, [seg(slices, blobs(), ["A", "B"])]).markups) + str(
        read(sandbox, [rtstruct({"A": in_slices(slices, ellipse(8, 8, 3, 3), [3])})]).markups
    )
    assert "1.2.826" not in shown and "4711" not in shown and "DOE" not in shown


def test_the_child_gives_the_same_masks_as_plain_facts(sandbox: Sandbox) -> None:
    slices = ct_slices(SHAPE)
    reading = read(sandbox, [seg(slices, blobs(), ["A", "B"]), *map(saved, slices)])
    markup, geometry = reading.markups[0].markup, reading.found[0].volume.geometry
    (here,) = place(markup, geometry, SHAPE)
    arguments = pack_markup(markup), geometry.affine.ravel().tolist(), geometry.frame_of_reference, list(SHAPE)
    answer = sandbox.run("medcore.imaging.markup:place_facts", *arguments)
    assert isinstance(answer, list) and len(answer) == len(place_facts(*arguments)) == 1
    there = layer_of(answer[0], geometry)
    assert np.array_equal(here.mask.labels, there.mask.labels) and here.name == there.name


def test_regions_off_the_scan_or_without_patient_coordinates_are_refused(sandbox: Sandbox) -> None:
    slices = ct_slices(SHAPE)
    markup = read(sandbox, [rtstruct({"A": in_slices(slices, ellipse(8, 8, 3, 3), [3])})]).markups[0].markup
    far = Geometry.from_spacing((1, 1, 1), origin_mm=(500, 500, 500))
    with pytest.raises(GeometryError, match="inside"):
        place(markup, far, SHAPE)
    with pytest.raises(GeometryError, match="patient coordinates"):
        place(markup, replace(far, scale=Scale.NONE), SHAPE)


def test_broken_regions_are_refused_by_name(sandbox: Sandbox) -> None:
    line = [np.array([[0.0, 0, 0], [1, 1, 0]])]
    endless = [np.array([[0.0, 0, 0], [1e9, 0, 0], [0, 1, 0]])]
    point = rtstruct({"A": [np.array([[0.0, 0, 0]] * 3)]}, kind="POINT")
    reading = read(sandbox, [rtstruct({"A": line}), rtstruct({"A": endless}), point, rtstruct({})])
    kinds = [type(refusal.error) for refusal in reading.refused]
    assert kinds == [CorruptFileError, CorruptFileError, NoPixelsError, NoPixelsError] and not reading.markups


def test_a_zip_of_scan_and_segmentation_beside_a_picture(sandbox: Sandbox) -> None:
    slices = ct_slices(SHAPE)
    files = {f"{k}.dcm": saved(ds) for k, ds in enumerate(slices)} | {"seg.dcm": seg(slices, blobs(), ["A", "B"])}
    files["note.png"] = picture(np.zeros((4, 4), np.uint8))
    reading = read_sources([Source("a.zip", data=zipped(files))], sandbox=sandbox, settings=Settings())
    assert len(reading.found) == 2 and [markup.name for markup in reading.markups] == ["a.zip/seg.dcm"]
