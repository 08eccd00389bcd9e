"""A training recipe: what to train on what, read from a TOML file that stays beside the trained model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from medcore.errors import N_, CardError
from medcore.nn.training.options import Augmentation, Options, read_options, refuse_unknown

EVERY = "*"
FIRST_LABEL = ""  # the key of Source.positive that stands for the card's first label


@dataclass(frozen=True, slots=True)
class Source:
    """One data set.

    Args:
        name: Shown in the evaluation.
        folder: Where it is, relative to the data folder.
        format: Id of an adapter in medcore/nn/training/sources.
        table: Name of its table (table, dicom) or of its file (medmnist, coco).
        file: Column that names the picture.
        column: Column that holds the label.
        positive: For each label the values that mean "present"; all others mean absent; "*" means every value.
        group: Column that names the patient; "" when nobody knows (near-duplicates still stay together).
        split: Column with train, validation or test; "" to split here.
        columns: Further columns to report by (region, age, sex, device).
        weight: Share of training draws; 0 for a source that is only evaluated on.
        exclude: (column, value) pairs of rows to leave out.
        exposure: Factor of the variations of exposure, window and film curve for its training pictures: below 1 where
            the grey values themselves tell something, 0 to leave them as they are.
    """

    name: str
    folder: str
    format: str = "table"
    table: str = ""
    file: str = "file"
    column: str = "label"
    positive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group: str = ""
    split: str = ""
    columns: tuple[str, ...] = ()
    weight: float = 0.0
    exclude: tuple[tuple[str, str], ...] = ()
    exposure: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training at one picture size, in pixels; later stages go on from earlier ones.

    Args:
        batch: Pictures of one step of the optimiser, over all devices and accumulated steps.
        crop: Side in pixels of the part of each picture that is trained on, around a drawn box or anywhere;
            0 for the whole. Small findings are learnt from a fraction of the work.
        variation: Factor of all strengths of the augmentation: the last stage may see pictures nearly as they are.
        breaks: Share of radiographs without a drawn box in which a bone is broken by `breaks.py`.
    """

    size: int
    epochs: int
    batch: int
    learning_rate: float
    crop: int = 0
    breaks: float = 0.0
    variation: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a training run; `card` is what the trained model's card will say."""

    task: str
    network: str
    network_options: Mapping[str, int | float]
    seed: int
    draws: int  # pictures per epoch
    options: Options
    augmentation: Augmentation
    sources: tuple[Source, ...]
    external: tuple[Source, ...]  # never trained on; the whole of them is a test of its own
    strangers: tuple[Source, ...]  # pictures of something else, to measure how many the gate refuses
    stages: tuple[Stage, ...]
    card: Mapping[str, Any]
    unlabelled: tuple[Source, ...] = ()  # further pictures for a warm start; what their tables say is not looked at


OWN_KEYS = (
    "task",
    "network",
    "seed",
    "draws",
    "options",
    "augmentation",
    "sources",
    "external",
    "strangers",
    "unlabelled",
)
KEYS = (*OWN_KEYS, "stages", "card", *(f.name for f in fields(Options)))
CARD_KEYS = (
    "title",
    "version",
    "summary",
    "intended_use",
    "out_of_scope",
    "preferred",
    "training_data",
    "limits",
    "licence",
    "attribution",
    "input",
    "labels",
)


def load_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        CardError: It cannot be read, lacks a field, has an unknown one, or a value that cannot be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _unusable(path, str(error)) from error
    refuse_unknown(table, KEYS, path=path.name)
    refuse_unknown(table.get("card", {}), CARD_KEYS, path=path.name, section="card")
    options = {f.name: table[f.name] for f in fields(Options) if f.name in table}
    try:
        return Recipe(
            task=str(table["task"]),
            network=str(table["network"]),
            network_options=table.get("options", {}),
            seed=int(table["seed"]),
            draws=_positive(table["draws"]),
            options=read_options(Options, options, path=path.name),
            augmentation=read_options(
                Augmentation, table.get("augmentation", {}), path=path.name, section="augmentation"
            ),
            sources=_some_weight(_sources(table["sources"], path), path),
            external=_sources(table.get("external", []), path),
            strangers=_sources(table.get("strangers", []), path),
            unlabelled=_sources(table.get("unlabelled", []), path),
            stages=_stages(table["stages"], path),
            card=table["card"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(path, str(error)) from error


def _some_weight(sources: tuple[Source, ...], path: Path) -> tuple[Source, ...]:
    """The sources, if at least one of them gives training draws."""
    if not any(source.weight > 0 for source in sources):
        raise CardError(
            N_("{path}: no source has a weight above 0, so there is nothing to train on."),
            hint=N_("Write `weight = 1.0` below the first of [[sources]]."),
            path=str(path),
        )
    return sources


def _sources(tables: Sequence[Mapping[str, Any]], path: Path) -> tuple[Source, ...]:
    found = []
    for table in tables:
        refuse_unknown(table, tuple(f.name for f in fields(Source)), path=path.name, section="sources")
        found.append(source_from(table))
    return tuple(found)


def source_from(table: Mapping[str, Any]) -> Source:
    """A source from plain values; a list of positive values stands for the first label."""
    positive = table.get("positive", ())
    by_label = positive if isinstance(positive, Mapping) else {FIRST_LABEL: positive}
    plain = {**table, "positive": {str(k): tuple(map(str, v)) for k, v in by_label.items()}}
    plain["columns"] = tuple(map(str, table.get("columns", ())))
    plain["exclude"] = tuple((str(c), str(v)) for c, v in table.get("exclude", ()))
    return Source(**plain)


def _stages(tables: Sequence[Mapping[str, Any]], path: Path) -> tuple[Stage, ...]:
    for table in tables:
        refuse_unknown(table, tuple(f.name for f in fields(Stage)), path=path.name, section="stages")
    return tuple(
        Stage(
            size=_positive(t["size"]),
            epochs=_positive(t["epochs"]),
            batch=_positive(t["batch"]),
            learning_rate=float(t["learning_rate"]),
            crop=int(t.get("crop", 0)),
            breaks=float(t.get("breaks", 0)),
            variation=float(t.get("variation", 1)),
        )
        for t in tables
    )


def _positive(value: Any) -> int:
    if int(value) < 1:
        raise ValueError(f"{value} < 1")
    return int(value)


def _unusable(path: Path, reason: str) -> CardError:
    return CardError(N_("{path}: the training recipe cannot be used ({reason})."), path=str(path), reason=reason)
