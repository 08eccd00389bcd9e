"""The table of Fleischner 2017, row by row."""

import pytest

from medcore.criteria import load_criterion
from medcore.records import LesionReading, LesionRole, Timepoint


def advised(*nodules: tuple[str, float], **options: str) -> str:
    lesions = tuple(
        LesionReading(f"N{k}", LesionRole.TARGET, longest_mm=size, kind=kind) for k, (kind, size) in enumerate(nodules)
    )
    criterion = load_criterion("fleischner").configured(options)
    return criterion.assess([Timepoint("0", None, lesions)]).timepoints[0].overall


@pytest.mark.parametrize(
    ("kind", "size", "one", "two"),
    [
        ("solid", 5.9, "NONE", "NONE"),
        ("solid", 6.0, "6_12_MONTHS", "3_6_MONTHS"),
        ("solid", 8.0, "6_12_MONTHS", "3_6_MONTHS"),
        ("solid", 8.1, "3_MONTHS", "3_6_MONTHS"),
        ("ground_glass", 5.9, "NONE", "3_6_MONTHS"),
        ("ground_glass", 6.0, "6_12_MONTHS", "3_6_MONTHS"),
        ("part_solid", 5.9, "NONE", "3_6_MONTHS"),
        ("part_solid", 6.0, "3_6_MONTHS", "3_6_MONTHS"),
        ("", 7.0, "NE", "NE"),
    ],
)
def test_the_advice_for_one_and_for_two_nodules(kind: str, size: float, one: str, two: str) -> None:
    assert advised((kind, size)) == one
    assert advised((kind, size), (kind, size)) == two


def test_a_high_risk_makes_a_small_solid_nodule_worth_another_look() -> None:
    assert advised(("solid", 5), high_risk="1") == "OPTIONAL_12_MONTHS"
    assert advised() == "NONE"
