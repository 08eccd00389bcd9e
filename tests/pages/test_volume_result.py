"""The Analyse page with a result of a volume: its lesions are read, corrected, undone, exported, and kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medcore.errors import N_, Message
from medcore.imaging.measured import measured
from medcore.predictions import Box, Detection, Lesion, Score, Segmentation, Suggestion
from medcore.records import Issue, Run, Severity, Study
from medcore.store.json_values import from_lesions, to_lesions
from medcore.tasks import Task, VolumeAnswer, VolumeTask, load_task, load_tasks, stop_if
from medcore.volume import Geometry, Mask, Volume
from medcore.workbench.corrected import Finding, Origin, Standing
from medcore.workbench.studies import uploaded
from pages.ui import state, volume_strip, volume_table
from tests.pages.conftest import finish_jobs, words


class Blobs(VolumeTask):
    """Calls what is brighter than 150 a tumour."""

    title = N_("Blobs")
    question = N_("Where are blobs?")
    modalities = ("MR", "CT", "")

    @property
    def id(self) -> str:
        return "blobs"

    def check(self, scan, card):
        return ()

    def prepare(self, scan, card):
        raise NotImplementedError

    def interpret(self, logits, scan, card, run, *, dense=None, prepared=None):
        raise NotImplementedError

    def analyse(self, scans, *, card, forward, run, progress, cancelled) -> VolumeAnswer:
        progress(0.5, Message(N_("Looking at slices")))
        stop_if(cancelled)
        note = Issue("thick", Severity.WARN, Message(N_("The slices are thick.")))
        return VolumeAnswer(segmented(scans[0], run), {"threshold": 150}, (note,))


def segmented(scan: Volume, run: Run) -> Segmentation:
    labels = (scan.voxels > 150).astype(np.uint8)
    mask = Mask(labels, {1: "pneumonia"}, scan.geometry)  # the label of the test card
    presence = tuple(float(one) for one in labels.any(axis=(1, 2)) * 0.9 + 0.05)
    uncertainty = (labels * 0.3).astype(np.float16)
    return Segmentation(run, mask, measured(mask), (Score("pneumonia", 0.8, 0.4),), presence, uncertainty)


@pytest.fixture(autouse=True)
def blobs(monkeypatch: pytest.MonkeyPatch, models_dir) -> Iterator[None]:
    """The question about blobs, and a model that answers it."""
    task = Blobs()
    found: Callable[[str], Task] = lambda name: task if name == "blobs" else load_task(name)  # noqa: E731
    every: Callable[[], Mapping[str, Task]] = lambda: {"blobs": task, **load_tasks()}  # noqa: E731
    monkeypatch.setattr("medcore.workbench.analyse.load_task", found)
    monkeypatch.setattr("medcore.workbench.analyse.load_tasks", every)
    card = models_dir / "test-resnet18" / "card.toml"
    before = card.read_text()
    card.write_text(before.replace('task = "chest_xray"', 'task = "blobs"').replace("Pneumonia-like opacity", "Blob"))
    yield
    card.write_text(before)


def block() -> bytes:
    """A NIfTI of 12 slices of 32 × 32 voxels, 2 × 1 × 1 mm, with two bright blobs of 96 and 18 voxels."""
    grey = np.random.default_rng(0).integers(0, 100, (12, 32, 32)).astype(np.int16)
    grey[2:8, 4:8, 4:8] = 200
    grey[9:11, 20:23, 20:23] = 220
    return nibabel.Nifti1Image(grey.transpose(2, 1, 0), np.diag((-1.0, -1.0, 2.0, 1.0))).to_bytes()


@pytest.fixture
def study(app: AppTest) -> Study:
    return state.workbench().studies.add([uploaded("head.nii", block())]).added[0]


@pytest.fixture
def answered(study: Study) -> Study:
    state.workbench().analyse.run(study.id, study.scans[0].id, task="blobs", model="test-resnet18")
    return study


def opened(app: AppTest, study: Study, **link: str) -> AppTest:
    app.run().switch_page("../analyse.py")
    for name, value in {"study": study.id, "task": "blobs", "model": "test-resnet18", **link}.items():
        app.query_params[name] = value
    return app.run()


def review():
    (study,) = state.workbench().studies.list()
    return state.workbench().corrections.review(state.workbench().store.predictions(study.id)[0])


def test_a_run_gives_lesions_with_sizes_a_kind_warnings_and_the_record(app: AppTest, study: Study) -> None:
    opened(app, study)
    assert "each lesion" in words(app), "before the run, the page says what will come"
    app.button(key="run").click().run()
    finish_jobs(app)
    said = words(app)
    assert "2 lesions, 0.23 ml together" in said.replace("\\", "")
    assert "Suggested kind: **Blob**, 80 %" in said
    assert "The slices are thick" in said
    assert "2 to read" in said
    table = app.dataframe[0].value
    assert list(table["#"]) == ["▸ 1", "2"]
    assert list(table["Volume ml"]) == ["0.19", "0.036"]
    assert table["Size mm"][0] == "5.6 × 5.6" or "×" in table["Size mm"][0]
    assert not app.exception and not app.error
    for forbidden in ("is ill", "diagnosis of", "AI says"):
        assert forbidden not in said


def test_accepting_goes_on_to_the_next_and_both_are_there_after_a_reload_and_can_be_undone(
    app: AppTest, answered: Study
) -> None:
    opened(app, answered)
    app.text_input(key="reader").set_value("Dr A").run()
    app.button(key="judge-accepted").click().run()
    assert app.query_params["lesion"] == "2"
    app.button(key="judge-rejected").click().run()
    assert "1 lesion, 0.19 ml together" in words(app).replace("\\", "")
    opened(app, answered)
    assert list(app.dataframe[0].value["Reader"]) == ["✓ accepted", "✕ rejected"]
    assert [(one.by, one.lesion) for one in review().history] == [("Dr A", "1"), ("Dr A", "2")]
    app.button(key="undo-correction").click().run()
    assert "2 lesions" in words(app)
    assert [one.standing for one in review().findings] == [Standing.ACCEPTED, Standing.OPEN]
    assert not app.exception and not app.error


def test_a_brush_correction_changes_the_table_at_once_and_says_what_the_model_drew(
    app: AppTest, answered: Study
) -> None:
    now = review()
    labels = np.array(now.mask.labels)
    labels[2:8, 8, 4:8] = 1
    state.workbench().corrections.redraw(now, Mask(labels, now.mask.names, now.mask.geometry), by="Dr B")
    opened(app, answered)
    table = app.dataframe[0].value
    assert list(table["Volume ml"]) == ["0.24", "0.036"]
    assert table["Reader"][0] == "corrected"
    said = words(app)
    assert "0.19 ml" in said and "As the model drew it" in said
    assert "Dr B" in said and "drew with the brush" in said


@pytest.mark.parametrize("view", ["overlay", "uncertainty", "original"])
def test_every_view_can_be_chosen(app: AppTest, answered: Study, view: str) -> None:
    opened(app, answered, view=view, lesion="2")
    assert app.query_params["view"] == view
    assert list(app.dataframe[0].value["#"]) == ["1", "▸ 2"]
    assert not app.exception and not app.error


def test_nothing_found_says_that_it_proves_nothing(app: AppTest, study: Study) -> None:
    done = state.workbench().analyse.run(study.id, study.scans[0].id, task="blobs", model="test-resnet18")
    empty = done.prediction
    empty = Segmentation(
        **{
            **{name: getattr(empty, name) for name in ("scores", "presence")},
            "run": Run(**{name: getattr(empty.run, name) for name in Run.__slots__} | {"id": "later"}),
            "mask": Mask(np.zeros_like(empty.mask.labels), empty.mask.names, empty.mask.geometry),
            "lesions": (),
        }
    )
    state.workbench().store.save_prediction(empty)
    opened(app, study)
    said = words(app)
    assert "0 lesions" in said and "no proof" in said
    assert not app.dataframe and not app.exception and not app.error


def test_voxels_carry_their_interval_where_there_are_no_millimetres() -> None:
    relative = Lesion("1", "Tumour", None, None, None, None, voxels=300, voxels_low=280, voxels_high=333)
    assert volume_table.voxels_with_interval(relative) == "300 (280–333)"
    assert volume_table.voxels_with_interval(replace(relative, volume_ml=0.3)) == "300"
    assert volume_table.voxels_with_interval(replace(relative, voxels_low=None)) == "300"
    assert to_lesions(from_lesions([relative])) == (relative,)


def detection(study: Study, run: Run) -> Detection:
    rule = Suggestion("lung_rads", "3", "solid.3", Message(N_("A solid nodule of {mm} mm."), {"mm": 7.0}))
    boxes = (
        Box((2, 4, 4, 7, 7, 7), (4.0, 5.0, 6.0), 7.0, "pneumonia", 0.9, 0.6, kind="solid"),
        Box((9, 20, 20, 10, 22, 22), None, 3.0, "pneumonia", 0.2),
    )
    return Detection(run, boxes, suggestions=(rule,))


def test_the_strip_shows_for_each_slice_the_surest_box_that_reaches_into_it(answered: Study) -> None:
    run = state.workbench().store.predictions(answered.id)[0].run
    mask = Mask(np.zeros((12, 32, 32), np.uint8), {}, Geometry.from_spacing((1.0, 1.0, 1.0)))
    strip = volume_strip.presence(replace(detection(answered, run), mask=mask))
    assert strip == (0, 0, *(0.9,) * 6, 0, 0.2, 0.2, 0)
    assert volume_strip.presence(detection(answered, run)) == ()


def test_a_line_in_the_strip_stands_in_the_middle_slice_of_the_chosen_box(answered: Study) -> None:
    run = state.workbench().store.predictions(answered.id)[0].run
    box = detection(answered, run).boxes[0]  # slices 2 to 7 of the array: the middle one, rounded to even, is 5 from 1
    chosen = Finding("1", Standing.OPEN, Origin.FOUND, None, box=box)
    lines = volume_strip.chart([0.0] * 12, (), chosen).layout.shapes
    assert [(line.x0, line.x1) for line in lines] == [(5, 5)]
    assert not volume_strip.chart([0.0] * 12, (), None).layout.shapes


def test_boxes_below_the_operating_point_are_hidden_until_the_slider_is_moved(app: AppTest, answered: Study) -> None:
    first = state.workbench().store.predictions(answered.id)[0].run
    run = Run(**{name: getattr(first, name) for name in Run.__slots__} | {"id": "boxes"})
    state.workbench().store.save_prediction(detection(answered, run))
    opened(app, answered)
    slider = app.slider[0]
    assert slider.value == 40, "the card's operating point"
    assert len(app.dataframe[0].value) == 1
    said = words(app)
    assert "1 place marked" in said and "1 below 40 % are hidden" in said
    assert "Lung-RADS v2022: 3" in said and "A solid nodule of 7.0 mm" in said.replace("\\", "")
    assert "no probability of cancer" in said
    slider.set_value(10).run()
    assert len(app.dataframe[0].value) == 2
    app.button(key="judge-rejected").click().run()
    assert "1 place marked" in words(app)
    assert not app.exception and not app.error


def test_the_table_leaves_with_the_notice_what_the_reader_said_and_an_audit_entry(
    app: AppTest, answered: Study
) -> None:
    bench = state.workbench()
    bench.corrections.judge(review(), "2", Standing.REJECTED, by="Dr A")
    run = bench.store.predictions(answered.id)[0].run.id
    rows = list(csv.DictReader(io.StringIO(bench.export.table(run, "csv").decode("utf-8-sig"))))
    assert [(row["id"], row["read"], row["counts"], row["volume_ml"]) for row in rows] == [
        ("1", "open", "1", "0.1920"),
        ("2", "rejected", "0", "0.0360"),
    ]
    assert all("not a medical device" in row["notice"] for row in rows)
    whole = json.loads(bench.export.table(run, "json"))
    (one,) = whole["results"]
    assert (one["count"], one["burden_ml"], one["corrections"]) == (1, 0.192, 1)
    assert len(one["lesions_of_the_model"]) == 2 and one["presence"][3] == 0.95
    assert bench.store.audit(study=answered.id)[0].deed.detail.startswith("json")
    assert "Dr A" not in json.dumps(whole)
