"""What an analysis answers: as JSON with its arrays in files beside it, and as a table for people."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from medcore.cards import ModelCard
from medcore.criteria import load_criterion
from medcore.imaging.lesions import lesions
from medcore.imaging.overlay import blend_heat, encode_jpeg, shown_grey
from medcore.predictions import Classification, Detection, Explanation, Lesion, Score, Segmentation
from medcore.shell.output import Plain, note, plain, print_issues, print_table, say, t
from medcore.shell.read import unwritable, write_npy
from medcore.volume import Geometry, Mask, Volume

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
        case Segmentation():
            answer |= _segmentation(analysis.prediction, card, folder)
        case Detection(boxes=boxes, mask=mask, suggestions=suggestions):
            answer["kind"] = "detection"
            answer["boxes"] = [plain(box) for box in boxes]
            if mask is not None:
                answer["mask"] = str(write_npy(folder.file("mask.npy"), mask.labels))
            answer["suggestions"] = [plain(suggestion) for suggestion in suggestions]
    if analysis.explanation is not None:
        answer["explanation"] = _explanation(analysis.explanation, folder)
    if folder.asked is not None:
        answer["pictures"] = [plain(path) for path in _pictures(analysis, folder, scan)]
    return answer


def _side(score: Score) -> str:
    return t("at or above the operating point") if score.positive else t("below the operating point")


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
                    t("Unfamiliar image") if run.unfamiliar else _side(score),
                )
                for score in scores
            ]
            print_table(t(card.title), (t("label"), t("probability"), t("operating point"), t("result")), rows)
        case Segmentation(lesions=drawn, scores=scores):
            sizes = [
                (x.id, t(x.label), str(x.voxels), _number(x.volume_ml), _number(x.longest_mm), _number(x.short_axis_mm))
                for x in drawn
            ]
            heads = (t("id"), t("label"), t("voxels"), t("volume in ml"))
            print_table(t(card.title), (*heads, t("longest diameter in mm"), t("short axis in mm")), sizes)
            kinds = [(t(card.label(s.label).title), f"{s.probability:.3f}") for s in scores]
            print_table(t("What it looks like"), (t("label"), t("probability")), kinds)
        case Detection(boxes=boxes, suggestions=suggestions):
            spots = [
                (x.label, f"{x.probability:.3f}", f"{x.diameter_mm or 0:.1f}", _number(x.volume_ml, digits=2), x.kind,
                 _number(x.malignancy, digits=2))
                for x in boxes
            ]  # fmt: skip
            titles = (t("label"), t("probability"), t("diameter in mm"), t("volume in ml"), t("kind"), t("suspicion"))
            print_table(t(card.title), titles, spots)
            for one in suggestions:
                note(f"{t(load_criterion(one.criterion).title)}: {one.category}. {say(one.reason)} {say(one.notes[0])}")
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


def _segmentation(found: Segmentation, card: ModelCard, folder: _Folder) -> dict[str, Plain]:
    answer: dict[str, Plain] = {
        "kind": "segmentation",
        "mask": str(write_npy(folder.file("mask.npy"), found.mask.labels)),
        "lesions": [plain(lesion) for lesion in found.lesions],
        "burden_ml": found.burden_ml,
        "scores": [
            {
                "label": score.label,
                "title": t(card.label(score.label).title),
                "probability": score.probability,
                "threshold": score.threshold,
                "positive": score.positive,
            }
            for score in found.scores
        ],
        "presence": list(found.presence),
    }
    if found.lesions and found.burden_ml is None:
        answer |= {"lesions": relative_lesions(found), "burden_voxels": sum(one.voxels for one in found.lesions)}
        reasons = [plain(one) for one in found.run.warnings if one.code == "relative_volume"]
        answer["relative"] = reasons[0] if reasons else None
    if found.uncertainty is not None and folder.asked is not None:
        answer["uncertainty"] = str(write_npy(folder.file("uncertainty.npy"), found.uncertainty))
    return answer


def relative_lesions(found: Segmentation) -> list[Plain]:
    """The lesions of a scan without millimetres, with diameters in pixels and their share of all that was outlined."""
    bare = Mask(found.mask.labels, found.mask.names, Geometry.pixels())
    total = sum(one.voxels for one in found.lesions)
    told: list[Plain] = []
    for lesion, extent in zip(found.lesions, lesions(bare), strict=False):  # both with the largest first
        more = {
            "longest_px": extent.diameters.longest,
            "short_axis_px": extent.diameters.perpendicular,
            "share_of_burden": lesion.voxels / total,
        }
        told.append({**_fields(lesion), **(more if extent.voxels == lesion.voxels else {})})
    return told


def _fields(lesion: Lesion) -> dict[str, Plain]:
    fields = plain(lesion)
    assert isinstance(fields, dict)
    return fields


def _number(value: float | None, *, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


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
