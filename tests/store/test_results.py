"""Runs, predictions, heat maps and the audit trail come back as they were kept."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import numpy as np
import pytest

from medcore.errors import Message, NotFoundError, StoreError
from medcore.predictions import (
    Box,
    Classification,
    Detection,
    Explanation,
    Lesion,
    Prediction,
    Score,
    Segmentation,
    Suggestion,
)
from medcore.records import Issue, Run, Severity, Study
from medcore.settings import Settings
from medcore.store.audit import Action, Deed, Event, Outcome
from medcore.store.store import Store
from medcore.volume import Mask
from tests.store.conftest import Clock, scan, study

STARTED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def run(of: Study, number: int = 0, **changes: object) -> Run:
    facts: dict[str, object] = {
        "id": f"run{number}",
        "study": of.id,
        "scan": of.scans[0].id,
        "scan_sha256": of.scans[0].sha256,
        "task": "chest_xray",
        "model": "chest-xray-resnet18",
        "model_version": "1.0",
        "weights_sha256": "a" * 64,
        "preprocessing": {"size": 224, "mean": 0.25, "mode": "area"},
        "device": "cpu",
        "precision": "float32",
        "seconds": 0.125,
        "software": {"torch": "2.15.0"},
        "started_at": STARTED + timedelta(seconds=number),
        "warnings": (Issue("view", Severity.WARN, Message("The view is {view}.", {"view": "LL"})),),
    }
    return Run(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.fixture
def kept(store: Store) -> Study:
    return store.add_studies([study(patient="p1")])[0].study


def explanation(of: Run, seed: int = 0, **changes: object) -> Explanation:
    facts: dict[str, object] = {
        "run": of,
        "method": "grad_cam",
        "target": "pneumonia",
        "layer": "layer4",
        "heat": np.random.default_rng(seed).random((3, 4, 5), dtype=np.float32),
        "peak": 3.5,
        "seconds": 0.01,
        "checks": {"deletion": 0.7, "agreement": float("nan")},
    }
    return Explanation(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_classification_comes_back_with_its_whole_run(store: Store, kept: Study) -> None:
    given = Classification(run(kept), (Score("pneumonia", 0.1 + 0.2, 0.42), Score("normal", 1e-17, 0.5)))
    store.save_prediction(given)
    assert store.predictions(kept.id) == (given,)
    assert store.prediction("run0") == given


def test_a_run_may_carry_read_only_mappings_and_another_time_zone(store: Store, kept: Study) -> None:
    here = timezone(timedelta(hours=8))
    given = run(kept, software=MappingProxyType({"torch": "2"}), started_at=STARTED.astimezone(here))
    store.save_prediction(Classification(given, ()))
    back = store.prediction("run0").run
    assert (back.software, back.started_at, back.started_at.tzinfo) == ({"torch": "2"}, STARTED, UTC)


def test_a_segmentation_comes_back_with_its_mask_on_the_scans_grid(store: Store, kept: Study) -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 3] = 2
    lesion = Lesion("1", "tumour", 0.0014, 0.8, 0.7, (-10.0, 20.0, 33.0))
    given = Segmentation(run(kept), Mask(labels, {2: "tumour"}, scan().geometry), (lesion,))
    store.save_prediction(given)
    back = store.prediction("run0")
    assert isinstance(back, Segmentation)
    np.testing.assert_array_equal(back.mask.labels, labels)
    np.testing.assert_array_equal(back.mask.geometry.affine, scan().geometry.affine)
    assert (back.mask.names, back.lesions, back.run) == ({2: "tumour"}, (lesion,), given.run)
    assert back.mask.volume_ml(2) == pytest.approx(2.5 * 0.7 * 0.8 / 1000)


def test_a_segmentation_comes_back_whole_with_scores_presence_uncertainty_and_an_uncertain_volume(
    store: Store, kept: Study, settings: Settings
) -> None:
    labels, doubt = np.zeros((3, 4, 5), np.uint8), np.zeros((3, 4, 5), np.float16)
    labels[1, 2, 3:] = 1
    doubt[1, 1:, 2:] = 0.25
    lesion = Lesion("1", "tumour", 0.01, 5.0, 4.0, (1, 2, 3), 2, (1, 2, 3.5), 1, 20.0, 0.008, 0.012, 0.93)
    relative = Lesion("2", "tumour", None, None, None, None, 7, (1.0, 2.0, 3.0))
    given = Segmentation(
        run(kept),
        Mask(labels, {1: "tumour"}, scan().geometry),
        (lesion, relative),
        (Score("glioma", 0.7, 0.4),),
        (0.01, 0.98, 0.5),
        doubt,
    )
    store.save_prediction(given)
    back = store.prediction("run0")
    assert isinstance(back, Segmentation) and back.uncertainty is not None
    np.testing.assert_array_equal(back.mask.labels, labels)
    np.testing.assert_array_equal(back.uncertainty, doubt)
    assert (back.lesions, back.scores, back.presence) == (given.lesions, given.scores, given.presence)
    sizes = sorted(path.stat().st_size for path in (settings.data_dir / "objects").glob("??/*"))
    assert sizes[0] < 128 + 3, "of the mask only the box in use is on the disk"
    store.delete(kept.id)
    assert store.sweep(older_than_seconds=-1e10) == 0, "deleting the study took the arrays with it"


def test_an_empty_mask_comes_back_empty(store: Store, kept: Study) -> None:
    given = Segmentation(run(kept), Mask(np.zeros((3, 4, 5), np.uint8), {1: "tumour"}, scan().geometry), ())
    store.save_prediction(given)
    back = store.prediction("run0")
    assert isinstance(back, Segmentation)
    assert back.mask.labels.shape == (3, 4, 5) and not back.mask.labels.any()


def test_a_detection_comes_back_with_and_without_millimetres(store: Store, kept: Study) -> None:
    boxes = (
        Box((0, 1, 2, 0.5, 3, 4), (1.0, 2.0, 3.0), 8.5, "nodule", 0.9, 0.3),
        Box((0, 1, 2, 0, 3, 4), None, None, "fracture", 0.8),
    )
    given = Detection(run(kept), boxes)
    store.save_prediction(given)
    assert store.predictions(kept.id) == (given,)


def test_a_detection_keeps_its_outlines_measurements_and_suggestions(store: Store, kept: Study) -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 3:] = 1
    said = Message("{size:.1f} mm", {"size": 8.5})
    box = Box(
        (1, 2, 3, 1, 2, 4),
        (1.0, 2.0, 3.0),
        8.5,
        "nodule",
        0.9,
        0.3,
        1,
        9.0,
        8.0,
        0.3,
        "part_solid",
        4.0,
        -300.0,
        (said,),
    )
    rule = Suggestion("lung_rads", "3", "lung_rads.3", said, (said,))
    given = Detection(run(kept), (box,), Mask(labels, {1: "nodule 1"}, scan().geometry), (rule,))
    store.save_prediction(given)
    back = store.prediction("run0")
    assert isinstance(back, Detection) and back.mask is not None
    np.testing.assert_array_equal(back.mask.labels, labels)
    assert dict(back.mask.names) == {1: "nodule 1"}
    assert (back.boxes, back.suggestions) == (given.boxes, given.suggestions)


def test_results_come_newest_first(store: Store, kept: Study) -> None:
    for number in (1, 0, 2):
        store.save_prediction(Classification(run(kept, number), ()))
    assert [x.run.id for x in store.predictions(kept.id)] == ["run2", "run1", "run0"]


def test_what_the_network_saw_comes_back_if_it_was_kept(store: Store, kept: Study) -> None:
    seen = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    store.save_prediction(Classification(run(kept, 0), ()), seen=seen)
    store.save_prediction(Classification(run(kept, 1), ()))
    back = store.seen("run0")
    assert back is not None
    np.testing.assert_array_equal(back, seen)
    assert store.seen("run1") is None


def test_a_heat_map_comes_back_and_a_new_one_of_the_same_question_replaces_it(
    store: Store, kept: Study, settings: Settings
) -> None:
    of = run(kept)
    store.save_prediction(Classification(of, ()))
    store.save_explanation(explanation(of, 0))
    store.save_explanation(explanation(of, 1, peak=4.5))
    store.save_explanation(explanation(of, 2, target="normal"))
    newest, older = store.explanations("run0")
    assert (newest.target, older.target, older.peak, older.run) == ("normal", "pneumonia", 4.5, of)
    np.testing.assert_allclose(older.heat, explanation(of, 1).heat, atol=5e-4)
    assert older.heat.dtype == np.float32
    assert older.checks["deletion"] == 0.7
    assert np.isnan(older.checks["agreement"])
    assert store.sweep(older_than_seconds=-1e10) == 1, "the replaced map's file is no longer needed"
    assert store.damaged() == ()


def test_a_result_for_a_deleted_study_is_refused_and_leaves_nothing(
    store: Store, kept: Study, settings: Settings
) -> None:
    store.save_prediction(Classification(run(kept), ()), seen=np.ones((2, 2), np.float32))
    store.save_explanation(explanation(run(kept)))
    store.delete(kept.id)
    for save in (
        lambda: store.save_prediction(Classification(run(kept, 1), ())),
        lambda: store.save_explanation(explanation(run(kept))),
    ):
        with pytest.raises(NotFoundError):
            save()
    assert store.predictions(kept.id) == ()
    store.sweep(older_than_seconds=-1e10)
    assert list((settings.data_dir / "objects").glob("??/*")) == []


def test_a_run_is_kept_once(store: Store, kept: Study) -> None:
    store.save_prediction(Classification(run(kept), ()))
    with pytest.raises(StoreError, match="already"):
        store.save_prediction(Classification(run(kept), ()))


@pytest.mark.parametrize("ask", ["prediction", "seen", "explanations"])
def test_an_unknown_run_is_a_message(store: Store, ask: str) -> None:
    with pytest.raises(NotFoundError, match="not in the store"):
        getattr(store, ask)("nothing")


def test_lists_know_which_tasks_were_run_on_which_study(store: Store, kept: Study) -> None:
    (other,) = store.add_studies([study(1)])
    predictions: list[Prediction] = [Classification(run(kept, n, task=t), ()) for n, t in enumerate(("b", "a", "b"))]
    for prediction in predictions:
        store.save_prediction(prediction)
    assert store.tasks_run() == {kept.id: ("a", "b")}
    assert [s.id for s in store.studies(task="a")] == [kept.id]
    assert other.study in store.studies()


def test_every_change_of_patient_data_is_in_the_audit_trail_without_a_name(
    store: Store, kept: Study, clock: Clock
) -> None:
    store.rename(kept.id, "Jane Doe")
    store.save_prediction(Classification(run(kept), ()))
    store.save_explanation(explanation(run(kept)))
    store.save_annotations(kept.id, {"text": "Jane"}, version=0)
    store.delete(kept.id)
    trail = store.audit(study=kept.id)
    assert [entry.deed.event for entry in reversed(trail)] == [
        Event.IMPORTED, Event.CHANGED, Event.ANALYSED, Event.EXPLAINED, Event.CHANGED, Event.DELETED,
    ]  # fmt: skip
    assert {entry.deed.patient for entry in trail} == {"p1"}
    assert trail[0].deed.action is Action.DELETE
    assert trail[2].deed.model_sha256 == "a" * 64
    assert trail[0].recorded == clock()
    assert "Jane" not in str(trail)


def test_something_outside_the_store_can_be_recorded(store: Store) -> None:
    store.record(Deed(Event.EXPORTED, Action.READ, study="s", agent="dr", outcome=Outcome.SERIOUS_FAILURE))
    (entry,) = store.audit()
    assert (entry.number, entry.deed.agent, entry.deed.outcome) == (1, "dr", Outcome.SERIOUS_FAILURE)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit SET study = 'x' WHERE number = 3", 3),
        ("UPDATE audit SET recorded = '2020-01-01 00:00:00.000000' WHERE number = 1", 1),
        ("UPDATE audit SET detail = detail || ' ' WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 5", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET number = 6 WHERE number = 5", 5),
        ("SELECT 1", None),
    ],
)
def test_an_edited_or_missing_audit_entry_is_found(
    store: Store, settings: Settings, change: str, broken: int | None
) -> None:
    store.add_studies([study(seed) for seed in range(5)])
    with sqlite3.connect(settings.data_dir / "medcore.db") as connection:
        connection.execute(change)
    connection.close()
    assert store.first_broken_entry() == broken


def test_a_trail_that_was_cut_off_with_its_head_is_found_by_a_head_kept_elsewhere(
    store: Store, settings: Settings
) -> None:
    store.add_studies([study(0), study(1)])
    anchor = store.audit_head()
    assert anchor.number == 2
    with sqlite3.connect(settings.data_dir / "medcore.db") as connection:
        connection.execute("DELETE FROM audit WHERE number = 2")
        connection.execute("UPDATE installation SET audit_number = 1, audit_mac = (SELECT mac FROM audit)")
    connection.close()
    assert store.first_broken_entry() is None, "the chain alone cannot show it"
    assert store.audit_head() != anchor
