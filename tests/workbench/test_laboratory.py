"""What the laboratory found is kept whole, and never shown for other weights."""

from dataclasses import replace
from math import isnan, nan
from pathlib import Path

from medcore.cards import Estimate
from medcore.nn.training.laboratory import Laboratory, ShiftCurve
from medcore.workbench.laboratory import LabReport, keep_report, kept_report, report_name
from tests.nn.model_folder import make_model


def report(value: float = 0.9) -> LabReport:
    """One shift of one model."""
    curve = ShiftCurve("noise", (0.0, 0.1), {"auc": (Estimate(value, 0.8, 0.95),) * 2}, {"auc": None, "ece": 0.1})
    return LabReport((Laboratory("one", 40, (curve,)),))


def test_what_was_found_is_read_as_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "found.json"
    assert kept_report(path) is None
    keep_report(path, report())
    assert kept_report(path) == report()


def test_a_figure_that_does_not_exist_stays_so(tmp_path: Path) -> None:
    keep_report(tmp_path / "found.json", report(nan))
    found = kept_report(tmp_path / "found.json")
    assert found is not None and isnan(found.labs[0].curves[0].metrics["auc"][0].value)


def test_half_a_file_counts_as_none(tmp_path: Path) -> None:
    keep_report(tmp_path / "found.json", report())
    text = (tmp_path / "found.json").read_text()
    (tmp_path / "found.json").write_text(text[: len(text) // 2])
    assert kept_report(tmp_path / "found.json") is None


def test_other_weights_another_threshold_and_another_part_have_another_name(tmp_path: Path) -> None:
    card = make_model(tmp_path, network="simple_cnn", name="one", size=28)
    moved = replace(card, labels=(replace(card.labels[0], threshold=0.123),))
    names = {
        report_name([card], ""),
        report_name([replace(card, sha256="0" * 64)], ""),
        report_name([moved], ""),
        report_name([card], "children"),
        report_name([card, card], ""),
    }
    assert len(names) == 5
    assert report_name([card], "") in names


def test_a_folder_that_cannot_be_made_loses_nothing_but_the_keeping(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep_report(tmp_path / "file" / "found.json", report())
    assert kept_report(tmp_path / "file" / "found.json") is None
