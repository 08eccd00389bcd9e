"""Several studies in one go: every study has its row, an unfit one stops nobody, the table harms no spreadsheet."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from medcore.errors import Message
from medcore.records import Study
from medcore.settings import Settings
from medcore.workbench.batch import COLUMNS, USE, BatchReport, BatchRow, analyse_all, as_csv
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.nn.model_folder import make_model

MODEL = "test-simple_cnn"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("batch")
    make_model(folder / "models", network="simple_cnn", size=28)
    opened = Workbench.open(Settings(data_dir=folder / "data", models_dir=folder / "models", decode_workers=1))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def studies(bench: Workbench) -> tuple[Study, ...]:
    """Two pictures that fit and one of a single grey value, which the task refuses."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (64, 64), dtype=np.uint8) for _ in range(2)] + [np.full((64, 64), 9, np.uint8)]
    files = [
        uploaded(f"{name}.png", cv2.imencode(".png", picture)[1].tobytes())
        for name, picture in zip(("one", "two", "flat"), pictures, strict=True)
    ]
    added = {study.title: study for study in bench.studies.add(files).added}
    return added["one"], added["flat"], added["two"]


def lines(report: BatchReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(report).decode("utf-8-sig"))))


def test_an_unfit_study_gets_its_reason_and_the_others_their_result(
    bench: Workbench, studies: tuple[Study, ...]
) -> None:
    report = analyse_all(bench.analyse, studies, task="chest_xray", model=MODEL)
    assert [row.study.title for row in report.rows] == ["one", "flat", "two"]
    assert [row.analysis is None for row in report.rows] == [False, True, False]
    assert report.rows[1].reason is not None and "same value" in str(report.rows[1].reason)
    assert not report.stopped


def test_the_results_are_kept_in_the_store(bench: Workbench, studies: tuple[Study, ...]) -> None:
    report = analyse_all(bench.analyse, studies[:1], task="chest_xray", model=MODEL)
    row = report.rows[0]
    assert row.analysis is not None
    assert bench.analyse.latest(row.study.id)[0].prediction.run.id == row.analysis.prediction.run.id


def test_cancelling_keeps_the_rows_so_far(bench: Workbench, studies: tuple[Study, ...]) -> None:
    told: list[float] = []
    report = analyse_all(
        bench.analyse,
        studies,
        task="chest_xray",
        model=MODEL,
        progress=lambda fraction, stage: told.append(fraction),
        cancelled=lambda: len(told) > 1,
    )
    assert report.stopped
    assert [row.study.title for row in report.rows] == ["one"]
    assert told == [0.0, 1 / 3]


def test_every_line_of_the_table_says_what_it_may_be_used_for(bench: Workbench, studies: tuple[Study, ...]) -> None:
    report = analyse_all(bench.analyse, studies, task="chest_xray", model=MODEL)
    table = lines(report)
    assert len(table) == 3
    assert tuple(table[0]) == COLUMNS
    assert {line["use"] for line in table} == {USE}
    scored = table[0]
    assert scored["label"] == "pneumonia" and 0 <= float(scored["probability"]) <= 1
    assert scored["above"] == str(int(float(scored["probability"]) >= float(scored["operating_point"])))
    assert "same value" in table[1]["error"]


@pytest.mark.parametrize("title", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_a_title_that_a_spreadsheet_would_compute_is_made_harmless(studies: tuple[Study, ...], title: str) -> None:
    row = BatchRow(replace(studies[0], title=title), reason=Message("No."))
    assert lines(BatchReport("chest_xray", MODEL, (row,)))[0]["study"] == f"'{title}"
