"""What the device-shift laboratory found, what its shifts are called, and how its findings are kept."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from medcore.cards import Estimate, ModelCard
from medcore.imaging.shifts import SHIFTS
from medcore.nn.training.laboratory import Laboratory, ShiftCurve
from medcore.store.json_values import Json, as_list, as_number, as_optional, as_table, as_text

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabReport:
    """One laboratory a model, all on the same pictures."""

    labs: tuple[Laboratory, ...]


def shift_titles() -> Mapping[str, tuple[str, str]]:
    """Title and unit of each shift, for the catalogues."""
    return {name: (shift.title, shift.unit) for name, shift in SHIFTS.items()}


def report_name(cards: Sequence[ModelCard], part: str) -> str:
    """A file name for what these very models show on a part of an evaluation; other weights have another."""
    models = [(card.id, card.sha256, [label.threshold for label in card.labels]) for card in cards]
    strengths = {name: shift.strengths for name, shift in SHIFTS.items()}
    digest = hashlib.sha256(json.dumps([part, models, strengths]).encode()).hexdigest()
    return f"laboratory-{digest[:16]}.json"


def keep_report(path: Path, report: LabReport) -> None:
    """Keep what was found; where the disk is full it is only logged, as what was found is still there to be shown."""
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps([asdict(lab) for lab in report.labs]), encoding="utf-8")
        fresh.replace(path)
    except OSError:
        log.warning("the laboratory's findings cannot be kept")
        with suppress(OSError):
            fresh.unlink()


def kept_report(path: Path) -> LabReport | None:
    """What `keep_report` kept; None where nothing is, or nothing that can be read."""
    try:
        return LabReport(tuple(_to_lab(as_table(lab)) for lab in as_list(json.loads(path.read_text(encoding="utf-8")))))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _to_lab(table: Mapping[str, Json]) -> Laboratory:
    curves = tuple(_to_curve(as_table(curve)) for curve in as_list(table["curves"]))
    return Laboratory(as_text(table["model"]), int(as_number(table["n"])), curves)


def _to_curve(table: Mapping[str, Json]) -> ShiftCurve:
    return ShiftCurve(
        shift=as_text(table["shift"]),
        strengths=tuple(as_number(one) for one in as_list(table["strengths"])),
        metrics={
            name: tuple(_to_estimate(as_table(one)) for one in as_list(figures))
            for name, figures in as_table(table["metrics"]).items()
        },
        breaks_at={name: as_optional(at) for name, at in as_table(table["breaks_at"]).items()},
    )


def _to_estimate(table: Mapping[str, Json]) -> Estimate:
    return Estimate(*(as_number(table[name]) for name in ("value", "low", "high")))
