"""An evaluation as it is kept: evaluation.json and answers.csv of a model folder, or of one made here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from medcore.cards import EVALUATION_FILE, Estimate, ModelCard
from medcore.errors import N_, CardError
from medcore.evaluation.kept_answers import ANSWERS_FILE, PictureAnswer, read_answers
from medcore.store.json_values import Json, as_list, as_number, as_table, as_text

STORED = ""  # id of the evaluation that a model carries


@dataclass(frozen=True, slots=True)
class FrocPoints:
    """Share of drawn boxes found at some numbers of false boxes an image."""

    false_per_image: tuple[float, ...]
    sensitivity: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One evaluation of one model.

    Args:
        id: STORED for the one that came with the model.
        weights: SHA-256 of the model's weights.
        data: Name of what it was measured on; "" for the model's own test split.
        folder: The picture set; None where it lies is looked up by its source's name.
        controls: AUC of trivial controls.
        set_controls: AUC of the thumbnail's control in each set, learnt from the training part of that set.
        within: AUC over pairs of one source, region, patient only.
        conformal: Measured coverage of the sets, by what.
        promised: Coverage they promise.
        unfamiliar: Share refused by the gate, by what was shown.
        metrics: Of all pictures, as they were kept; those of boxes and masks are here alone.
        refused: Pictures that could not be read.
        seen_in_training: How many pictures were in the model's own training.
    """

    id: str
    model: str
    weights: str
    data: str
    made_at: datetime | None
    folder: Path | None
    threshold: float
    metrics: Mapping[str, Estimate]
    controls: Mapping[str, Estimate]
    within: Mapping[str, Estimate]
    conformal: Mapping[str, Estimate]
    promised: float | None
    unfamiliar: Mapping[str, float]
    froc: FrocPoints | None
    set_controls: Mapping[str, Estimate]
    refused: tuple[str, ...]
    seen_in_training: int
    answers: tuple[PictureAnswer, ...] = field(repr=False)


def read_evaluation(card: ModelCard, folder: Path, about: Mapping[str, str]) -> Evaluated:
    """An evaluation from its folder.

    Raises:
        CardError: It is damaged.
    """
    path = folder / EVALUATION_FILE
    try:
        table = as_table(json.loads(path.read_text(encoding="utf-8")))
        return _evaluated(card, folder, about, table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CardError(
            N_("{path}: the evaluation cannot be read ({reason})."), path=str(path), reason=str(error)
        ) from error


def _evaluated(card: ModelCard, folder: Path, about: Mapping[str, str], table: Mapping[str, Json]) -> Evaluated:
    own = as_table(table.get("metrics") or as_table(as_table(table["groups"])["all"])["metrics"])
    conformal = as_table(table.get("conformal") or {})
    froc = table.get("froc")
    return Evaluated(
        id=folder.name if about else STORED,
        model=card.id,
        weights=card.sha256,
        data=about.get("data", ""),
        made_at=datetime.fromisoformat(about["made_at"]) if about else None,
        folder=Path(about["folder"]) if about else None,
        threshold=card.labels[0].threshold,
        metrics=_estimates(own),
        controls=_aucs(table.get("controls")),
        within=_aucs(table.get("within")),
        conformal=_estimates(conformal),
        promised=as_number(conformal["promised"]) if "promised" in conformal else None,
        unfamiliar=_shares(table),
        froc=None if froc is None else _froc(as_table(froc)),
        set_controls=_estimates(as_table(table.get("control_auc") or {})),
        refused=tuple(as_text(as_table(one)["name"]) for one in as_list(table.get("refused") or [])),
        seen_in_training=int(as_number(table.get("seen_in_training") or 0)),
        answers=read_answers(folder / ANSWERS_FILE),
    )


def _estimates(table: Mapping[str, Json]) -> dict[str, Estimate]:
    return {name: _estimate(as_table(value)) for name, value in table.items() if isinstance(value, dict)}


def _estimate(table: Mapping[str, Json]) -> Estimate:
    value = as_number(table["value"])
    return Estimate(value, *(value if table[k] is None else as_number(table[k]) for k in ("low", "high")))


def _aucs(table: Json) -> dict[str, Estimate]:
    return {name: _estimate(as_table(as_table(value)["auc"])) for name, value in as_table(table or {}).items()}


def _shares(table: Mapping[str, Json]) -> dict[str, float]:
    found = {name: as_number(share) for name, share in as_table(table.get("unfamiliar_share") or {}).items()}
    return found or ({"test": as_number(table["unfamiliar"])} if table.get("unfamiliar") is not None else {})


def _froc(table: Mapping[str, Json]) -> FrocPoints:
    rates = tuple(as_number(rate) for rate in as_list(table["false_per_image"]))
    return FrocPoints(rates, tuple(_estimate(as_table(point)) for point in as_list(table["sensitivity"])))


def read_about(path: Path) -> dict[str, str]:
    """What is known of an evaluation that was made here; nothing when it cannot be read."""
    try:
        return {str(k): str(v) for k, v in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}
