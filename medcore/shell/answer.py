"""What an analysis answers: as JSON with its arrays in files beside it, and as a table for people."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from medcore.cards import ModelCard
from medcore.imaging.overlay import blend_heat, encode_jpeg, shown_grey
from medcore.predictions import Classification, Detection, Explanation, Segmentation
from medcore.shell.output import Plain, note, plain, print_issues, print_table, t
from medcore.shell.read import unwritable, write_npy
from medcore.volume import Volume

if TYPE_CHECKING:
    from medcore.workbench.analyse import Analysis  # brings the store with it, which takes a second

OVERLAY_SIDE = 1024  # pixels of the longer side


def answer_object(analysis: Analysis, card: ModelCard, scan: Volume, out: Path | None) -> dict[str, Plain]:
    """The answer as JSON; its arrays go into files, in `out` or else in a temporary folder.

    Raises:
        StoreError: A file cannot be written.
    """
    folder = _Folder(out)
    answer: dict[str, Plain] = {"run": plain(analysis.prediction.run), "model": {"id": card.id, "title": t(card.title)}}
    match analysis.prediction:
        case Classification(scores=scores):
            answer["kind"] = "classification"
            answer["scores"] = [
                {
                    "label": score.label,
                    "title": t(card.label(score.label).title),
                    "probability": score.probability,
                    "threshold": score.threshold,
                    "positive": score.positive,
                }
                for score in scores
            ]
        case Segmentation(mask=mask, lesions=lesions):
            answer["kind"] = "segmentation"
            answer["mask"] = str(write_npy(folder.file("mask.npy"), mask.labels))
            answer["lesions"] = [plain(lesion) for lesion in lesions]
        case Detection(boxes=boxes):
            answer["kind"] = "detection"
            answer["boxes"] = [plain(box) for box in boxes]
    if analysis.explanation is not None:
        answer["explanation"] = _explanation(analysis.explanation, folder)
    if folder.asked is not None:
        answer["pictures"] = [plain(path) for path in _pictures(analysis, folder, scan)]
    return answer


def print_answer(analysis: Analysis, card: ModelCard, answer: dict[str, Plain]) -> None:
    """The answer for people, with its warnings."""
    run = analysis.prediction.run
    match analysis.prediction:
        case Classification(scores=scores):
            rows = [
                (
                    t(card.label(score.label).title),
                    f"{score.probability:.3f}",
                    f"{score.threshold:.3f}",
                    t("at or above the operating point") if score.positive else t("below the operating point"),
                )
                for score in scores
            ]
            print_table(t(card.title), (t("label"), t("probability"), t("operating point"), t("result")), rows)
        case Segmentation(lesions=lesions):
            sizes = [(x.id, x.label, _number(x.volume_ml), _number(x.longest_mm)) for x in lesions]
            print_table(t(card.title), (t("id"), t("label"), t("volume in ml"), t("longest diameter in mm")), sizes)
        case Detection(boxes=boxes):
            spots = [(x.label, f"{x.probability:.3f}", f"{x.diameter_mm or 0:.1f}") for x in boxes]
            print_table(t(card.title), (t("label"), t("probability"), t("diameter in mm")), spots)
    print_issues(t(card.title), run.warnings)
    note(
        t(
            "{seconds} s on {device}. Research and teaching; not a medical device.",
            seconds=f"{run.seconds:.2f}",
            device=run.device,
        )
    )
    if isinstance(explanation := answer.get("explanation"), dict):
        note(t("Heat map: {path}", path=str(explanation["heat"])))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


class _Folder:
    """Where arrays and pictures go: the folder asked for, or a temporary one made when the first is written."""

    def __init__(self, asked: Path | None) -> None:
        self.asked, self._path = asked, asked

    def file(self, name: str) -> Path:
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="medcore-"))
        return self._path / name


def _explanation(explanation: Explanation, folder: _Folder) -> dict[str, Plain]:
    return {
        "method": explanation.method,
        "target": explanation.target,
        "layer": explanation.layer,
        "heat": str(write_npy(folder.file(f"heat-{explanation.method}-{explanation.target}.npy"), explanation.heat)),
        "peak": explanation.peak,
        "seconds": explanation.seconds,
        "checks": plain(explanation.checks),
    }


def _pictures(analysis: Analysis, folder: _Folder, scan: Volume) -> list[Path]:
    """The scan with its heat map over it, and what the network saw."""
    pictures = {}
    if analysis.seen is not None:
        pictures["seen.jpg"] = encode_jpeg((analysis.seen * 255).astype("uint8"))
    if analysis.explanation is not None:
        grey = shown_grey(scan, side=OVERLAY_SIDE)
        pictures["overlay.jpg"] = encode_jpeg(blend_heat(grey, analysis.explanation.heat[0]))
    for name, data in pictures.items():
        try:
            folder.file(name).write_bytes(data)
        except OSError as error:
            raise unwritable(folder.file(name), error) from error
    return [folder.file(name) for name in pictures]
