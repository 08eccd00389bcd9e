"""ModelCard: what a model is, was trained on, reaches and cannot do; read from models/<id>/card.toml."""

from __future__ import annotations

import bisect
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medcore.errors import N_, CardError, WeightsError

CARD_FILE = "card.toml"
WEIGHTS_FILE = "weights.safetensors"
EVALUATION_FILE = "evaluation.json"
RATING_FILE = "rating.json"
GATE_FILE = "gate.safetensors"  # of a model that was given its gate after its training


@dataclass(frozen=True, slots=True)
class Label:
    """One output of a model.

    Args:
        id: Stable id ("pneumonia").
        title: English title, translated by the catalogues.
        threshold: Operating point on the calibrated probability.
    """

    id: str
    title: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a logit to a probability, fitted on validation data.

    Args:
        slope: Platt scaling: probability = sigmoid(slope * logit + offset); a temperature is a slope alone.
        offset: See slope.
        knots: Isotonic regression instead: (logit, probability), rising; linear between, constant beyond.
    """

    slope: float = 1.0
    offset: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def probability(self, logit: float) -> float:
        """The calibrated probability of a logit."""
        if not self.knots:
            scaled = self.slope * logit + self.offset
            return 1 / (1 + math.exp(-scaled)) if scaled >= 0 else math.exp(scaled) / (1 + math.exp(scaled))
        after = bisect.bisect_right(self.knots, (logit, math.inf))
        if after in (0, len(self.knots)):
            return self.knots[min(after, len(self.knots) - 1)][1]
        (x0, y0), (x1, y1) = self.knots[after - 1], self.knots[after]
        return y0 + (y1 - y0) * (logit - x0) / (x1 - x0)


@dataclass(frozen=True, slots=True)
class Conformal:
    """Which answers cannot be ruled out: present from `positive_from` up, absent from `negative_to` down.

    Args:
        coverage: Promised share of sets that hold the truth, for ill and well people alike.
    """

    coverage: float
    positive_from: float
    negative_to: float


@dataclass(frozen=True, slots=True)
class Familiarity:
    """When an input is unlike the training images.

    Args:
        threshold: Distance of the pooled features beyond which the card's model does not know what it sees.
        refused_validation: Share of validation images beyond it, by choice.
        refused: Measured share of images refused, by name of what was shown ("test", "fracatlas").
        sha256: Of gate.safetensors; "" where the gate lies among the weights, as training leaves it.
        refused_unseen: The same as `refused` by a gate that was shown no picture of that kind.
    """

    threshold: float
    refused_validation: float
    refused: Mapping[str, float] = field(default_factory=dict)
    sha256: str = ""
    refused_unseen: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MaskPoint:
    """Where a mask begins.

    Args:
        threshold: Probability of a pixel from which it belongs to the finding.
        least_area: Smallest piece that is kept, as a share of the network's square.
    """

    threshold: float = 0.5
    least_area: float = 0.0


@dataclass(frozen=True, slots=True)
class InputContract:
    """What a model accepts.

    Args:
        modalities: DICOM modalities; "" stands for a picture that names none.
        body_parts: DICOM Body Part Examined values that fit; "" for unknown.
        views: DICOM View Positions that fit; "" for unknown.
        channels: 1 or 3; 4 for the sequences of one brain MR.
        size: Side of the square the network sees, in pixels.
        min_pixels: Shortest side of a scan below which the result is doubtful.
    """

    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    views: tuple[str, ...]
    channels: int
    size: int
    min_pixels: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One shipped model. `folder` holds the card, the weights and the evaluation."""

    id: str
    title: str
    task: str
    network: str
    version: str
    sha256: str
    labels: tuple[Label, ...]
    calibration: Calibration
    contract: InputContract
    options: Mapping[str, int | float]
    precision: str
    summary: str
    intended_use: str
    training_data: tuple[str, ...]
    limits: tuple[str, ...]
    licence: str
    attribution: tuple[str, ...]
    folder: Path
    metrics: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    trained_on: str = ""
    split_sha256: str = ""  # of split.csv: which picture was trained, validated and tested on
    views: int = 1  # 2: the answer is the mean over the picture and its mirror image
    conformal: Conformal | None = None
    familiarity: Familiarity | None = None
    mask: MaskPoint = MaskPoint()  # of a model that draws one
    out_of_scope: str = ""  # what it is not for
    preferred: bool = False  # the first that is offered for its task
    rating_sha256: str = ""  # of rating.json, where the task rates what it finds

    @property
    def weights(self) -> Path:
        """Path of the safetensors file."""
        return self.folder / WEIGHTS_FILE

    def label(self, label: str) -> Label:
        """The label of this id.

        Raises:
            CardError: The model has no such label.
        """
        for entry in self.labels:
            if entry.id == label:
                return entry
        raise CardError(
            N_("The model {model} has no label “{label}”; it has {known}."),
            model=self.id,
            label=label,
            known=", ".join(entry.id for entry in self.labels),
        )


def load_cards(folder: Path) -> Mapping[str, ModelCard]:
    """All cards below `folder`, by id. A folder that does not exist has none.

    Raises:
        CardError: A card is damaged; the message names the file and the field.
    """
    cards = {path.parent.name: load_card(path.parent) for path in sorted(folder.glob(f"*/{CARD_FILE}"))}
    return MappingProxyType(cards)


def load_card(folder: Path) -> ModelCard:
    """The card in one model folder.

    Raises:
        CardError: The card is missing, is no TOML, lacks a field, or contradicts itself.
    """
    path = folder / CARD_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(N_("{path}: the card cannot be read ({reason})."), path=path.name, reason=str(error)) from error
    try:
        card = _card(table, folder)
    except KeyError as error:
        raise CardError(N_("{path}: the field {field} is missing."), path=str(path), field=str(error)) from error
    except (TypeError, ValueError) as error:
        raise CardError(
            N_("{path}: a field has the wrong form ({reason})."), path=str(path), reason=str(error)
        ) from error
    _check(card, path)
    return card


def verify_weights(card: ModelCard) -> None:
    """Check that the weight file is the one the card was written for.

    Raises:
        WeightsError: The file is missing or its SHA-256 differs from the card's.
    """
    try:
        with card.weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            N_("The weights of {model} are missing or cannot be read."),
            hint=N_("Restore models/{model}/weights.safetensors from the release or train the model again."),
            model=card.id,
        ) from error
    if digest != card.sha256:
        raise WeightsError(
            N_(
                "The weights of {model} are not the ones its card was written for "
                "(SHA-256 {digest}… instead of {expected}…)."
            ),
            hint=N_("Do not use them. Restore models/{model}/weights.safetensors from the release."),
            model=card.id,
            digest=digest[:12],
            expected=card.sha256[:12],
        )


def gate_bytes(card: ModelCard) -> bytes:
    """The gate that lies beside the weights; b"" where the card names none.

    Raises:
        WeightsError: The file is missing, or not the one the card was written for.
    """
    if card.familiarity is None or not card.familiarity.sha256:
        return b""
    return _beside(
        card,
        GATE_FILE,
        card.familiarity.sha256,
        N_("The gate of {model} is missing or is not the one its card was written for."),
    )


def rating_bytes(card: ModelCard) -> bytes:
    """The rating that belongs to a card which names one.

    Raises:
        WeightsError: The file is missing, or not the one the card was written for.
    """
    return _beside(
        card,
        RATING_FILE,
        card.rating_sha256,
        N_("The suspicion rating of {model} is missing or is not the one its card was written for."),
    )


def _beside(card: ModelCard, name: str, sha256: str, missing: str) -> bytes:
    """A file beside the weights whose digest the card names; `missing` says what is wrong where it is not that."""
    try:
        data = (card.folder / name).read_bytes()
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(
            missing, hint=N_("Restore models/{model}/{file} from the release."), model=card.id, file=name
        )
    return data


def _card(table: Mapping[str, Any], folder: Path) -> ModelCard:
    contract = table["input"]
    calibration = table.get("calibration", {})
    return ModelCard(
        id=folder.name,
        title=str(table["title"]),
        task=str(table["task"]),
        network=str(table["network"]),
        version=str(table["version"]),
        sha256=str(table["sha256"]).lower(),
        labels=tuple(Label(str(x["id"]), str(x["title"]), float(x["threshold"])) for x in table["labels"]),
        calibration=Calibration(
            float(calibration.get("slope", 1.0)),
            float(calibration.get("offset", 0.0)),
            tuple((float(x), float(y)) for x, y in calibration.get("knots", [])),
        ),
        contract=InputContract(
            modalities=tuple(map(str, contract["modalities"])),
            body_parts=tuple(map(str, contract["body_parts"])),
            views=tuple(map(str, contract["views"])),
            channels=int(contract["channels"]),
            size=int(contract["size"]),
            min_pixels=int(contract["min_pixels"]),
        ),
        options=MappingProxyType(dict(table.get("options", {}))),
        precision=str(table.get("precision", "float32")),
        summary=str(table["summary"]),
        intended_use=str(table["intended_use"]),
        training_data=tuple(map(str, table["training_data"])),
        limits=tuple(map(str, table["limits"])),
        licence=str(table["licence"]),
        attribution=tuple(map(str, table["attribution"])),
        folder=folder,
        metrics=_metrics(folder / EVALUATION_FILE),
        trained_on=str(table.get("trained_on", "")),
        split_sha256=str(table.get("split_sha256", "")),
        views=int(table.get("views", 1)),
        conformal=_conformal(table.get("conformal")),
        familiarity=_familiarity(table.get("familiarity")),
        mask=_mask(table.get("mask", {})),
        out_of_scope=str(table.get("out_of_scope", "")),
        preferred=bool(table.get("preferred", False)),
        rating_sha256=str(table.get("rating_sha256", "")).lower(),
    )


def _conformal(table: Mapping[str, Any] | None) -> Conformal | None:
    if table is None:
        return None
    return Conformal(float(table["coverage"]), float(table["positive_from"]), float(table["negative_to"]))


def _mask(table: Mapping[str, Any]) -> MaskPoint:
    return MaskPoint(float(table.get("threshold", 0.5)), float(table.get("least_area", 0.0)))


def _familiarity(table: Mapping[str, Any] | None) -> Familiarity | None:
    if table is None:
        return None

    def shares(name: str) -> Mapping[str, float]:
        return MappingProxyType({str(shown): float(share) for shown, share in table.get(name, {}).items()})

    return Familiarity(
        float(table["threshold"]),
        float(table["refused_validation"]),
        shares("refused"),
        str(table.get("sha256", "")).lower(),
        shares("refused_unseen"),
    )


def _metrics(path: Path) -> Mapping[str, Mapping[str, Estimate]]:
    """Metrics by group ("all", then each source), from evaluation.json; empty when there is none."""
    if not path.exists():
        return MappingProxyType({})
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
        return MappingProxyType(
            {
                group: MappingProxyType({name: Estimate(**figure) for name, figure in figures["metrics"].items()})
                for group, figures in groups.items()
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CardError(
            N_("{path}: the evaluation cannot be read ({reason})."), path=str(path), reason=str(error)
        ) from error


def _check(card: ModelCard, path: Path) -> None:
    if not re.fullmatch(r"[0-9a-f]{64}", card.sha256):
        raise CardError(N_("{path}: sha256 is not a SHA-256 digest."), path=str(path))
    if not card.labels or len({entry.id for entry in card.labels}) != len(card.labels):
        raise CardError(N_("{path}: labels must be there and differ."), path=str(path))
    if any(not 0 < entry.threshold < 1 for entry in card.labels):
        raise CardError(N_("{path}: a threshold must lie between 0 and 1."), path=str(path))
    if card.contract.channels not in (1, 3, 4) or not 16 <= card.contract.size <= 2048:
        text = N_("{path}: the input must have 1, 3 or 4 channels and 16 to 2048 pixels a side.")
        raise CardError(text, path=str(path))
