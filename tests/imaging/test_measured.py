"""Lesions of a mask as records: sizes in native space, none where there are no millimetres."""

import numpy as np
import pytest

from medcore.imaging.lesions import lesions
from medcore.imaging.measured import measured
from medcore.volume import Geometry, Mask


def mask(geometry: Geometry) -> Mask:
    labels = np.zeros((6, 20, 20), np.uint8)
    labels[1:3, 2:6, 2:8] = 1
    labels[4, 10:12, 10:12] = 2
    return Mask(labels, {1: "tumour", 2: "cyst"}, geometry)


def test_by_hand_the_sizes_of_two_boxes_the_larger_first() -> None:
    of = mask(Geometry.from_spacing((3.0, 1.0, 1.0), origin_mm=(5.0, 6.0, 7.0)))
    tumour, cyst = measured(of)
    assert (tumour.id, tumour.label, tumour.voxels, cyst.id, cyst.label) == ("1", "tumour", 48, "2", "cyst")
    assert tumour.volume_ml == pytest.approx(48 * 3 / 1000)
    assert tumour.centre_index == pytest.approx((1.5, 3.5, 4.5))
    assert tumour.centre_lps_mm == pytest.approx((5 + 4.5, 6 + 3.5, 7 + 1.5 * 3))
    (extent, _) = lesions(of)
    assert tumour.longest_mm == extent.longest_mm
    assert tumour.product_mm2 == pytest.approx(extent.diameters.product)
    assert cyst.slice_index == 4
    assert len(measured(of, at_least_voxels=5)) == 1


def test_without_a_scale_there_are_voxels_and_places_but_no_millimetres() -> None:
    tumour, _ = measured(mask(Geometry.pixels()))
    assert (tumour.volume_ml, tumour.longest_mm, tumour.short_axis_mm, tumour.product_mm2) == (None,) * 4
    assert tumour.centre_lps_mm is None
    assert tumour.voxels == 48
    assert tumour.centre_index == pytest.approx((1.5, 3.5, 4.5))
