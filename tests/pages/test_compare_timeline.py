"""The first step of a comparison: dates, treatments and the patient's state, studies without a lesion."""

from datetime import date

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr
from medcore.imaging.phantoms.chest_ct import axial
from medcore.records import PatientState, Steroids, Study
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Mask, MaskOrigin
from medcore.workbench.comparison_studies import no_lesion
from medcore.workbench.treatments import Treatment
from pages.ui import state
from pages.ui.compare_timeline import Stop, figure
from tests.pages.conftest import finish_jobs, words

STEP_MM, SHAPE = 6.0, (30, 36, 36)
MARCH, JUNE = date(2021, 3, 1), date(2021, 6, 1)


def put(title: str, when: date | None, mm: float | None = 30.0) -> Study:
    lesions = [] if mm is None else [Lesion("lesion", (30.0, 10.0, 20.0), (mm / 2,) * 3)]
    phantom = brain_mr(lesions, axial(SHAPE, (STEP_MM,) * 3), SHAPE, seed=len(title), acquired_on=when)
    store = state.workbench().store
    (added,) = store.add_studies([NewStudy(title, (NewScan(phantom.volume),), patient="PSEUDONYM-1")])
    if mm is not None:
        labels = (phantom.mask.labels > 0).astype(np.uint8)
        mask = Mask(labels, {1: "lesion"}, phantom.mask.geometry)
        store.save_mask(added.study.scans[0].id, mask, name="Lesions", origin=MaskOrigin.DRAWN)
    return added.study


def open_compare(app: AppTest, study: Study, step: str = "studies") -> AppTest:
    app.query_params["study"] = app.query_params["baseline"] = study.id
    app.query_params["step"] = step
    app.run()
    return app.switch_page("../compare.py").run()


@pytest.fixture
def pair(app: AppTest) -> tuple[Study, Study]:
    return put("first", MARCH), put("second", JUNE)


def test_a_treatment_is_entered_on_the_page_and_undone(app: AppTest, pair: tuple[Study, Study]) -> None:
    open_compare(app, pair[0])
    app.button(key=named(app, "treatment-add")).click().run()
    assert "The treatment has no name" in words(app) and not app.exception
    field(app.text_input, "treatment-new").set_value("Temozolomide")
    field(app.date_input, "treatment-new", "-start").set_value(date(2021, 3, 10))
    app.button(key=named(app, "treatment-add")).click().run()
    door = state.workbench().comparisons
    assert door.opened(pair[0]).draft.treatments == (Treatment("Temozolomide", date(2021, 3, 10)),)
    assert not app.exception
    app.button(key=named(app, "undotimeline")).click().run()
    assert not door.opened(pair[0]).draft.treatments and not app.exception


def test_the_state_of_the_patient_at_a_visit_is_kept(app: AppTest, pair: tuple[Study, Study]) -> None:
    open_compare(app, pair[0])
    field(app.selectbox, "steroids-1").set_value(Steroids.LESS).run()
    kept = state.workbench().comparisons.opened(pair[0]).draft
    assert kept.states == {pair[1].id: PatientState(steroids=Steroids.LESS)} and not app.exception


def test_a_study_without_a_date_asks_for_it_and_then_stands_in_its_order(app: AppTest) -> None:
    first, bare = put("first", MARCH), put("undated", None)
    put("the last", JUNE)
    open_compare(app, first)
    door = state.workbench().comparisons
    assert door.opened(first).draft.visits[-1].study == bare.id
    assert "Without a date: T2" in words(app) and "A study has no date" in words(app)
    field(app.date_input, bare.id).set_value(date(2021, 4, 1)).run()
    assert [one.study for one in door.opened(first).draft.visits][1] == bare.id
    assert "A study has no date" not in words(app) and not app.exception


def test_a_date_typed_while_the_page_still_keeps_the_one_before_is_not_lost(app: AppTest) -> None:
    first, one, other = put("first", MARCH), put("undated", None), put("undated too", None)
    open_compare(app, first)
    field(app.date_input, one.id).set_value(JUNE)
    field(app.date_input, other.id).set_value(date(2021, 4, 1))
    app.run()
    draft = state.workbench().comparisons.opened(first).draft
    assert draft.dates == {one.id: JUNE, other.id: date(2021, 4, 1)}
    assert [visit.study for visit in draft.visits] == [first.id, other.id, one.id] and not app.exception
    app.button(key=next(b.key for b in app.button if b.label == "Undo" and not b.disabled)).click().run()
    assert len(state.workbench().comparisons.opened(first).draft.dates) == 1 and not app.exception


def test_align_pressed_right_after_a_date_was_typed_keeps_the_date_and_aligns(app: AppTest) -> None:
    first, bare = put("first", MARCH), put("undated", None)
    open_compare(app, first)
    field(app.date_input, bare.id).set_value(JUNE)
    app.button(key="compare-align").click()
    app.run()
    finish_jobs(app)
    draft = state.workbench().comparisons.opened(first).draft
    assert draft.dates == {bare.id: JUNE} and state.workbench().comparisons.known(draft) is not None
    assert app.query_params["step"] in ("alignment", ["alignment"]) and not app.exception


def test_a_model_that_found_nothing_is_said_on_every_step_that_counts_it(app: AppTest) -> None:
    first, later = put("first", MARCH), put("later", JUNE, mm=None)
    scan = state.workbench().studies.volume(later.scans[0].id)
    state.workbench().store.save_mask(later.scans[0].id, no_lesion(scan), name="m", origin=MaskOrigin.DRAWN)
    door = state.workbench().comparisons
    door.align(door.opened(first).draft)
    for step in ("lesions", "response"):
        open_compare(app, first, step)
        assert "No lesion is marked in study 2" in words(app) and not app.exception


def test_a_study_in_which_the_reader_found_no_lesion_needs_no_mask(app: AppTest) -> None:
    first = put("first", MARCH)
    later = put("clear", JUNE, mm=None)
    door = state.workbench().comparisons
    assert not door.align(door.opened(first).draft).visits
    open_compare(app, first)
    field(app.checkbox, "clear-1").check().run()
    draft = door.opened(first).draft
    assert draft.clear == {later.id} and not app.exception
    aligned = door.known(draft)
    assert aligned is not None
    found = door.conclude(aligned, draft)
    assert [one.fate.value for one in found.tracks[0].sightings] == ["first_seen", "gone"]
    app.query_params["step"] = "lesions"
    app.run()
    assert "0 of 1 confirmed" in words(app) and not app.exception
    assert "No lesion is marked" not in words(app), "the reader said so"
    app.button(key="compare-confirm-next").click().run()
    assert "1 of 1 confirmed" in words(app) and len(door.opened(first).draft.confirmed) == 1


@pytest.mark.parametrize("days", [(MARCH, JUNE), (MARCH, None), (None, None)])
def test_the_timeline_shows_what_has_a_date_and_else_the_order(days: tuple[date | None, ...]) -> None:
    stops = [Stop(f"T{number}", "", day) for number, day in enumerate(days)]
    chart = figure(stops, [Treatment("A", MARCH), Treatment("B", MARCH, JUNE)])
    points = chart.data[-1]
    dated = [day.isoformat() for day in days if day]
    assert list(points.x) == (dated or [0, 1])
    assert len(chart.data) == (3 if dated else 1), "a bar for each treatment where there is a calendar"


def named(app: AppTest, part: str) -> str:
    return next(one.key for one in app.button if one.key and part in one.key)


def field(elements, part: str, end: str = ""):
    return next(one for one in elements if one.key and part in one.key and one.key.endswith(end))
