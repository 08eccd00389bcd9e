"""The Compare page: nothing there, one study, two with lesions through all steps, a typed table."""

from datetime import date

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr
from medcore.imaging.phantoms.chest_ct import axial
from medcore.records import LesionRole, Study
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Mask, MaskOrigin
from pages.ui import state
from tests.pages.conftest import finish_jobs, words

STEP_MM, SHAPE = 4.0, (44, 54, 54)


def put(mm: float, when: date | None, *, patient: str = "PSEUDONYM-1", masked: bool = True) -> Study:
    lesion = Lesion("lesion", (30.0, 10.0, 20.0), (mm / 2,) * 3)
    seed = 1 if when is None else when.month
    phantom = brain_mr([lesion], axial(SHAPE, (STEP_MM,) * 3), SHAPE, seed=seed, acquired_on=when)
    store = state.workbench().store
    (added,) = store.add_studies([NewStudy(f"Head {mm:g}", (NewScan(phantom.volume),), patient=patient)])
    if masked:
        labels = (phantom.mask.labels > 0).astype(np.uint8)
        mask = Mask(labels, {1: "lesion"}, phantom.mask.geometry)
        store.save_mask(added.study.scans[0].id, mask, name="Lesions", origin=MaskOrigin.DRAWN)
    return added.study


def open_compare(app: AppTest, step: str = "studies") -> AppTest:
    app.query_params["step"] = step
    app.run()
    return app.switch_page("../compare.py").run()


def step(app: AppTest, name: str) -> AppTest:
    app.query_params["step"] = name
    return app.run()


@pytest.fixture
def pair(app: AppTest) -> tuple[Study, Study]:
    return put(30.0, date(2021, 3, 1)), put(18.0, date(2021, 6, 1))


def test_an_empty_store_says_what_the_page_does(app: AppTest) -> None:
    open_compare(app)
    assert "follows each lesion over time" in words(app) and not app.exception


def test_one_study_alone_asks_for_a_second(app: AppTest) -> None:
    put(30.0, date(2021, 3, 1))
    open_compare(app)
    assert "one study only" in words(app) and app.button(key="compare-align").disabled and not app.exception
    step(app, "response")
    assert "Choose a baseline and at least one later study first" in words(app) and not app.exception


def test_two_studies_go_through_all_steps_to_a_response(app: AppTest, pair: tuple[Study, Study]) -> None:
    open_compare(app)
    assert app.multiselect[0].value == [pair[1].id], "the later study of the same patient is proposed"
    step(app, "lesions")
    assert "not been aligned yet" in words(app)
    step(app, "studies")
    app.button(key="compare-align").click().run()
    finish_jobs(app)
    step(app, "alignment")
    assert "well enough to tell change" in words(app) and not app.exception
    step(app, "lesions")
    assert "0 of 1 confirmed" in words(app) and not app.exception
    app.query_params["links"] = "table"
    app.run()
    assert app.dataframe[0].value.iloc[0, 0].endswith("L1") and not app.exception
    step(app, "response")
    assert "RECIST 1\\.1: PR" in words(app) and "P\\(PR\\)" in words(app) and not app.exception
    assert "The category flips at" in words(app)
    app.slider[0].set_value(15.0).run()
    assert any("PR → Sum" in str(one.value).replace("\\", "") for one in app.warning) and not app.exception


def test_what_a_reader_decides_is_kept_and_undone(app: AppTest, pair: tuple[Study, Study]) -> None:
    door = state.workbench().comparisons
    door.align(door.opened(pair[0]).draft)
    open_compare(app, "lesions")
    role = next(one for one in app.selectbox if one.label == "Role")
    role.set_value(LesionRole.NONTARGET).run()
    assert list(door.opened(pair[0]).draft.roles.values()) == [LesionRole.NONTARGET]
    undo = next(one for one in app.button if one.label == "Undo")
    undo.click().run()
    assert not door.opened(pair[0]).draft.roles and not app.exception


def test_a_study_of_another_patient_warns_and_one_without_lesions_is_named(app: AppTest) -> None:
    put(30.0, date(2021, 3, 1))
    stranger = put(18.0, date(2021, 6, 1), patient="PSEUDONYM-2", masked=False)
    app.query_params["study"] = state.workbench().studies.list(search="30")[0].id
    open_compare(app)
    app.multiselect[0].set_value([stranger.id]).run()
    assert "does not carry the pseudonym" in words(app) and "says nothing about treatment" in words(app)
    app.button(key="compare-align").click().run()
    finish_jobs(app)
    step(app, "lesions")
    assert "No lesions are marked in T1" in words(app) and not app.exception


def test_a_typed_table_gives_a_response_without_any_scan(app: AppTest) -> None:
    open_compare(app, "table")
    assert "RECIST 1\\.1: PR" in words(app) and not app.exception
    app.text_area[0].set_value("timepoint,lesion\nbaseline,A\n").run()
    assert "lacks the column role" in words(app) and not app.exception


def test_a_table_of_several_patients_becomes_a_cohort_and_one_of_them_can_be_read(app: AppTest) -> None:
    open_compare(app, "table")
    rows = ["P1,a,2024-01-01,L,target,50", "P1,b,2024-03-01,L,target,30", "P2,a,2024-01-01,L,target,20"]
    table = "\n".join(["patient,timepoint,date,lesion,role,longest_mm", *rows, "P2,b,2024-03-01,L,target,27"])
    app.text_area[0].set_value(table).run()
    assert list(app.dataframe[0].value["Best response"]) == ["PR", "PD"] and not app.exception
    app.query_params["cohort"] = "swimmer"
    app.text_area(key="cohort-treatments-text").set_value("patient,treatment,start,end\nP1,A,2024-01-05,\n").run()
    assert not app.exception and not app.error
    app.selectbox(key="table-patient").set_value("P2").run()
    assert "RECIST 1\\.1: PD" in words(app) and not app.exception
