"""Treatments: what is refused, in which order they stand, and that they and the patient's state are kept."""

from datetime import date

import pytest

from medcore.errors import HistoryError
from medcore.records import PatientState, Steroids, Trend
from medcore.workbench.comparison_draft import Chosen, Draft, from_draft, to_draft
from medcore.workbench.treatments import Treatment, checked, ordered

MAY, JUNE = date(2021, 5, 1), date(2021, 6, 1)


def test_a_treatment_without_a_name_a_first_day_or_with_days_in_the_wrong_order_is_refused() -> None:
    assert checked("  60   Gy ", MAY, None) == Treatment("60 Gy", MAY)
    for name, start, end, said in (
        (" ", MAY, None, "no name"),
        ("A", None, None, "first day"),
        ("A", JUNE, MAY, "ends"),
    ):
        with pytest.raises(HistoryError, match=said):
            checked(name, start, end)


def test_treatments_stand_by_their_first_day_and_one_that_goes_on_after_one_that_ended() -> None:
    late, ongoing, short = Treatment("C", JUNE, JUNE), Treatment("A", MAY), Treatment("B", MAY, MAY)
    assert ordered([late, ongoing, short, short]) == (short, ongoing, late)


def test_treatments_and_the_state_of_the_patient_are_kept_and_older_drafts_have_none() -> None:
    state = PatientState(Trend.STABLE, Steroids.LESS, 4, radiotherapy_ended_on=MAY)
    draft = Draft((Chosen("a", "b"),), treatments=(Treatment("A", MAY, JUNE),), states={"a": state})
    kept = from_draft(draft)
    assert to_draft(kept) == draft
    assert isinstance(kept, dict)
    older = to_draft({name: value for name, value in kept.items() if name not in ("treatments", "states")})
    assert older.treatments == () and not older.states
