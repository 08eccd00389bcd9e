"""Stored masks are measured piece by piece, and a click finds its piece."""

import numpy as np
import pytest

from medcore.volume import Geometry, Mask, MaskOrigin, Scale
from medcore.workbench.masks import Piece, pieces_of
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.pages.conftest import picture


def two_blocks(geometry: Geometry) -> Mask:
    labels = np.zeros((6, 20, 20), np.uint8)
    labels[1:4, 2:8, 2:8] = 1
    labels[3, 12:14, 12:16] = 2
    return Mask(labels, {1: "mass", 2: "node"}, geometry)


def test_each_piece_has_its_name_volume_and_diameters_the_largest_first() -> None:
    mass, node = pieces_of(two_blocks(Geometry.from_spacing((2.0, 1.0, 1.0))))
    assert (mass.number, mass.name, mass.value, mass.unit) == (1, "mass", 1, "mm")
    assert mass.volume_ml == pytest.approx(3 * 6 * 6 * 2 / 1000)
    assert (node.number, node.name, node.size) == (2, "node", (1, 2, 4))
    assert node.centre == pytest.approx((13.5, 12.5, 6.0))
    assert 3.0 < node.longest < 5.0


@pytest.mark.parametrize(("scale", "unit"), [(Scale.NONE, "px"), (Scale.DETECTOR, "mm detector")])
def test_without_a_patients_scale_there_is_no_volume(scale: Scale, unit: str) -> None:
    mass, _ = pieces_of(two_blocks(Geometry.from_spacing((2.0, 1.0, 1.0), scale=scale)))
    assert (mass.volume_ml, mass.unit) == (None, unit)


def test_where_the_headers_millimetres_are_placeholders_lengths_are_in_voxels() -> None:
    labels = np.zeros((4, 32, 32), dtype=np.uint8)
    labels[1:3, 4:8, 4:8] = 1
    (piece,) = pieces_of(Mask(labels, {1: "tumour"}, Geometry.from_spacing((1.0, 1.0, 1.0))))
    assert (piece.volume_ml, piece.unit) == (None, "px")


@pytest.mark.parametrize(
    ("at", "found"), [((4.0, 4.0, 4.0), 1), ((13.0, 12.0, 6.2), 2), ((0.0, 0.0, 0.0), None), ((-9.0, 0.0, 0.0), None)]
)
def test_a_point_finds_the_piece_it_lies_in(
    workbench: Workbench, at: tuple[float, float, float], found: int | None
) -> None:
    mask = two_blocks(Geometry.from_spacing((2.0, 1.0, 1.0)))
    piece = workbench.masks.piece_at(mask, pieces_of(mask), at)
    assert (piece.number if isinstance(piece, Piece) else None) == found


def test_a_stored_mask_is_measured(workbench: Workbench) -> None:
    scan = workbench.studies.add([uploaded("x.png", picture())]).added[0].scans[0]
    volume = workbench.studies.volume(scan.id)
    labels = np.zeros(volume.shape, np.uint8)
    labels[0, 10:20, 10:20] = 1
    facts = workbench.studies.save_mask(
        scan.id, Mask(labels, {1: "patch"}, volume.geometry), name="a", origin=MaskOrigin.DRAWN
    )
    (piece,) = workbench.masks.pieces(facts.id)
    assert (piece.name, piece.size, piece.volume_ml) == ("patch", (1, 10, 10), None)
