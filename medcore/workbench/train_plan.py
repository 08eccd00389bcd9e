"""A training as a person plans it on the page, and the recipe that it becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from medcore.errors import N_, TrainingError
from medcore.nn.training.options import Augmentation, Options, choices
from medcore.nn.training.recipe import Source
from medcore.tasks import Task, load_task
from medcore.workbench.picture_sets import PictureSet

Value = str | int | float
RADIOGRAPH_TASKS = ("chest_xray", "fracture")  # whose network sees one picture
BODY_PARTS = {"chest_xray": ("CHEST", "THORAX", "LUNG", "")}
VIEWS = {"chest_xray": ("PA", "AP", "")}
ANY = ("",)
LABELS = {
    "chest_xray": ("pneumonia", N_("Pneumonia-like opacity")),
    "fracture": ("fracture", N_("Fracture")),
}
DETECTORS = ("box_resnet18",)  # networks that need drawn boxes
SMALLEST_BATCH = 8
SEED = 1
SLUG = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Knob:
    """One option of a training.

    Args:
        section: "options" or "augmentation".
        purpose: A sentence on what it is for, for the catalogues.
        low, high: Bounds of a number; None where there is none.
        among: The texts it may be; () for a number or any text.
    """

    section: str
    name: str
    default: Value
    purpose: str
    low: float | None
    high: float | None
    among: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preset:
    """A good beginning.

    Args:
        options, augmentation: What differs from the defaults.
    """

    id: str
    title: str
    network: str
    width: int
    size: int
    epochs: int
    batch: int
    learning_rate: float
    options: Mapping[str, Value] = field(default_factory=dict)
    augmentation: Mapping[str, Value] = field(default_factory=dict)


PRESETS = (
    Preset(
        "lesson",
        N_("Lesson: simple CNN at 28 px, live in a minute or two"),
        network="simple_cnn",
        width=16,
        size=28,
        epochs=16,
        batch=32,
        learning_rate=0.002,
        options={"average": 0.98},
        augmentation={"rotate": 8.0, "erase": 0.0, "noise": 0.1, "blur": 0.0},
    ),
    Preset(
        "small",
        N_("Small: narrow ResNet-18 at 96 px, some minutes"),
        network="resnet18",
        width=16,
        size=96,
        epochs=12,
        batch=32,
        learning_rate=0.002,
        options={"average": 0.98, "dropout": 0.1},
    ),
    Preset(
        "full",
        N_("Full: ResNet-18 at 224 px with strong variation, an hour or more"),
        network="resnet18",
        width=32,
        size=224,
        epochs=40,
        batch=32,
        learning_rate=0.001,
        options={"average": 0.998, "mixup": 0.2, "dropout": 0.2, "label_smoothing": 0.05, "patience": 12, "views": 2},
        augmentation={"gamma": 0.6, "curve": 0.5, "window": 0.1, "bias_field": 0.3, "jpeg": 0.3, "resolution": 0.3},
    ),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a person chooses.

    Args:
        title: Of the model; its id is made of it.
        task: Id of the clinical question.
        source: The pictures, and what in their table means what.
        further: More pictures to learn from, from other places.
        measured: Pictures that it is only measured on, all of them, after the training.
        finding: Title of what is to be recognised; "" takes the task's own.
        network: Id; `network_options` such as its width.
        size: Side of the network's input in pixels.
        growing: Train with pictures of half the side first.
        draws: Pictures an epoch.
        options, augmentation: Values of the knobs that differ from their defaults.
        said: Texts of the card: data, licence, attribution.
    """

    title: str
    task: str
    source: Source
    network: str
    network_options: Mapping[str, int | float]
    size: int
    epochs: int
    batch: int
    learning_rate: float
    draws: int
    further: tuple[Source, ...] = ()
    measured: tuple[Source, ...] = ()
    finding: str = ""
    growing: bool = False
    seed: int = SEED
    options: Mapping[str, Value] = field(default_factory=dict)
    augmentation: Mapping[str, Value] = field(default_factory=dict)
    data_text: str = ""
    licence: str = ""
    attribution: str = ""

    @property
    def model(self) -> str:
        """Id of the model to write."""
        return model_id(self.title)


@dataclass(frozen=True, slots=True)
class Beside:
    """The sets beside the first.

    Args:
        further: Learnt from; `measured` are only measured on.
        pictures: How many are learnt from.
        boxes: Whether boxes are drawn in those.
        ready: Whether each says what “present” means.
        sets: Where all of them lie.
    """

    further: tuple[Source, ...] = ()
    measured: tuple[Source, ...] = ()
    pictures: int = 0
    boxes: bool = False
    ready: bool = True
    sets: tuple[PictureSet, ...] = ()


def knobs() -> tuple[Knob, ...]:
    """All options with what they are for, in reading order."""
    kinds: tuple[tuple[str, type[Options] | type[Augmentation]], ...] = (
        ("options", Options),
        ("augmentation", Augmentation),
    )
    return tuple(
        Knob(section, c.name, c.default, c.purpose, c.low, c.high, c.among)
        for section, kind in kinds
        for c in choices(kind)
    )


def model_id(title: str) -> str:
    """A folder's name from a title.

    >>> model_id("My chest model, 28 px")
    'my-chest-model-28-px'
    """
    ascii_only = title.lower().encode("ascii", "ignore").decode()
    return SLUG.sub("-", ascii_only).strip("-")[:60]


def recipe_text(plan: Plan) -> str:
    """The recipe as TOML.

    Raises:
        TrainingError: The title has no letter or digit to name a folder by.
        UnknownNameError: There is no such task.
    """
    if not plan.model:
        raise TrainingError(
            N_("The title “{title}” gives no folder's name."), hint=N_("Use some Latin letters or digits."),
            title=plan.title,
        )  # fmt: skip
    task = load_task(plan.task)
    lines = _pairs({"task": plan.task, "network": plan.network, "seed": plan.seed, "draws": plan.draws, **plan.options})
    lines += ["", "[options]", *_pairs(plan.network_options)]
    if plan.augmentation:
        lines += ["", "[augmentation]", *_pairs(plan.augmentation)]
    for source in (plan.source, *plan.further):
        lines += ["", "[[sources]]", *_pairs(_source(source))]
    for source in plan.measured:
        lines += ["", "[[external]]", *_pairs(_source(source))]
    for stage in _stages(plan):
        lines += ["", "[[stages]]", *_pairs(stage)]
    lines += ["", "[card]", *_pairs(_card(plan, task)), "", "[card.input]", *_pairs(_contract(plan, task))]
    label, title = _label(plan)
    lines += ["", "[[card.labels]]", *_pairs({"id": label, "title": title})]
    return "\n".join(lines) + "\n"


def _source(source: Source) -> dict[str, object]:
    found: dict[str, object] = {"name": source.name, "folder": source.folder, "format": source.format}
    found |= {"table": source.table} if source.table else {}
    found |= {"column": source.column, "positive": [v for values in source.positive.values() for v in values]}
    found |= {"group": source.group, "split": source.split, "columns": list(source.columns), "weight": source.weight}
    return found


def _stages(plan: Plan) -> list[dict[str, object]]:
    whole: dict[str, object] = {
        "size": plan.size,
        "epochs": plan.epochs,
        "batch": plan.batch,
        "learning_rate": plan.learning_rate,
    }
    if not plan.growing or plan.size < 64 or plan.epochs < 2:
        return [whole]
    first = plan.epochs // 2
    return [
        {**whole, "size": plan.size // 2, "epochs": first},
        {**whole, "epochs": plan.epochs - first, "learning_rate": plan.learning_rate / 2},
    ]


def _card(plan: Plan, task: Task) -> dict[str, object]:
    """English, as all cards are; a person goes over it before anybody else uses the model."""
    day = datetime.now(UTC).date().isoformat()
    sets = [f"The set “{source.name}”, trained on with MedCore on {day}." for source in (plan.source, *plan.further)]
    return {
        "title": plan.title,
        "version": "1.0.0",
        "summary": f"{task.title}: {_label(plan)[1]}, trained on the page Train.",
        "intended_use": N_("Teaching and research on pictures like those it was trained on. Not for diagnosis."),
        "training_data": [plan.data_text] if plan.data_text else sets,
        "limits": [
            N_("Measured on a part of the same set only: other hospitals, devices and patients were not looked at.")
            if not plan.measured
            else N_("Measured on a part of its own sets and on the sets beside them; anything else was not looked at."),
            N_("Its probabilities hold for a mix with as many present as absent findings."),
        ],
        "licence": plan.licence or "Not stated",
        "attribution": [plan.attribution] if plan.attribution else [],
    }


def _contract(plan: Plan, task: Task) -> dict[str, object]:
    return {
        "modalities": list(task.modalities),
        "body_parts": list(BODY_PARTS.get(task.id, ANY)),
        "views": list(VIEWS.get(task.id, ANY)),
        "channels": 1,
        "size": plan.size,
        "min_pixels": min(plan.size, 200),
    }


def _label(plan: Plan) -> tuple[str, str]:
    own, title = LABELS.get(plan.task, ("finding", N_("Finding")))
    if not plan.finding or plan.finding == title:
        return own, title
    return model_id(plan.finding) or own, plan.finding


def _pairs(table: Mapping[str, object]) -> list[str]:
    """TOML of plain values; JSON strings, numbers, booleans and lists of texts are valid TOML."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in table.items()]


def changed(values: Mapping[str, Value], known: Sequence[Knob], section: str) -> dict[str, Value]:
    """The values of a section that differ from their defaults."""
    defaults = {knob.name: knob.default for knob in known if knob.section == section}
    return {name: value for name, value in values.items() if name in defaults and value != defaults[name]}
