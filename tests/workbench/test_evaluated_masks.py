"""Masks of an evaluation: figures by kind and column and the agreement of areas, by hand."""

import pytest

from medcore.evaluation.kept_answers import PictureAnswer, Pixels
from medcore.workbench.evaluated_masks import areas, has_masks, mask_parts

DRAWN = (*((10, 10, 10), (10, 5, 5), (10, 0, 0), (10, 20, 10)) * 5, *((0, 0, 0), (0, 5, 0)) * 5)
ANSWERS = tuple(
    PictureAnswer(
        "test",
        "heads",
        f"{number}.png",
        number,
        truth=(drawn > 0, drawn == 0),
        probability=(0.5, 0.5),
        columns={"plane": ("axial", "sagittal")[number % 2]},
        pixels=Pixels(drawn, found, both, 100),
    )
    for number, (drawn, found, both) in enumerate(DRAWN)
)


def test_masks_have_figures_of_all_of_each_kind_and_of_each_column() -> None:
    assert has_masks(ANSWERS) and not has_masks(())
    found = mask_parts(ANSWERS, ("glioma", "none"))
    assert [(part.name, part.value, part.n, part.drawn) for part in found] == [
        ("", "", 30, 20), ("kind", "glioma", 20, 20), ("kind", "none", 10, 0),
        ("plane", "axial", 15, 10), ("plane", "sagittal", 15, 10),
    ]  # fmt: skip
    assert found[0].metrics["dice_mean"].value == pytest.approx((1 + 2 / 3 + 0 + 2 / 3) / 4)
    assert found[0].metrics["missed_rate"].value == pytest.approx(1 / 4)
    assert found[0].metrics["false_region_rate"].value == pytest.approx(1 / 2)
    assert set(found[2].metrics) == {"false_region_rate"}  # where nothing was drawn there is no overlap


def test_areas_agree_within_limits_and_pictures_without_any_mask_do_not_count() -> None:
    found = areas(ANSWERS)
    assert found is not None and len(found.names) == 25
    gaps = [f - d for f, d in zip(found.found, found.drawn, strict=True)]
    assert sorted(set(gaps)) == [-10, -5, 0, 5, 10]
    assert found.agreement.bias.value == pytest.approx(0.0)
    spread = 1.96 * (sum(gap**2 for gap in gaps) / 24) ** 0.5
    assert (found.agreement.lower, found.agreement.upper) == pytest.approx((-spread, spread))
    assert areas(ANSWERS[:1]) is None
