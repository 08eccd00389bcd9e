"""Evaluate a model: on a folder of labelled pictures, or on the very test split that its training set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import int64

from medcore.cards import ModelCard
from medcore.engine import Engine
from medcore.errors import N_, DataSetError, NotFoundError
from medcore.evaluation.kept_answers import PictureAnswer
from medcore.nn.training.asking import Asked, ask
from medcore.nn.training.others import ask_others, patients_of
from medcore.nn.training.pictures import list_cases
from medcore.nn.training.publish import RECIPE_FILE, SPLIT_FILE
from medcore.nn.training.recipe import FIRST_LABEL, Recipe, Source, load_recipe
from medcore.nn.training.report import Json, picture_answers, report
from medcore.nn.training.sources import Case
from medcore.nn.training.sources._tables import read_table
from medcore.nn.training.splits import Kept, read_split_table
from medcore.tasks import load_task

TABLE = "index.csv"
MANY = "|"  # between several values of one option
OPTIONS = ("file", "label", "positive", "patient", "group", "split", "format", "table")
REPORTED = ("source", "region", "age", "sex", "device", "site", "hospital", "hardware", "view", "plane")
KIND = "kind"  # column of the label where a table has none called so
POSITIVE_WORDS = ("1", "true", "yes", "positive", "present")

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What evaluation.json says, and the answers behind it, picture by picture.

    Args:
        own: It is of the test split that the model's training set aside.
    """

    found: Json
    answers: tuple[PictureAnswer, ...]
    own: bool = False


def evaluate(
    card: ModelCard,
    data: Path,
    engine: Engine,
    *,
    columns: Mapping[str, str] | None = None,
    device: str = "auto",
    tell: Tell = lambda done, total: None,
) -> Evaluation:
    """All figures of a model as evaluation.json has them.

    Args:
        data: A folder with index.csv (or in another form that `columns` names); or the folder of the recipe's
            sources, which repeats the evaluation of the model's own test split.
        columns: OPTIONS by name: columns of the table, and the values that mean "present"; several joined by MANY.

    Raises:
        NotFoundError: Neither is there.
        DataSetError: A column or label is not there, or no picture can be read.
    """
    chosen = dict(columns or {})
    recipe = own_recipe(card, data, chosen)
    if recipe is not None:
        return _own_test_split(card, recipe, data, engine, device=device, tell=tell)
    source = _source(card, data, chosen)
    cases = _listed(source, card, data)
    asked = ask(card, load_task(card.task), cases, engine, device=device, tell=tell)
    _refuse_nothing(asked, data)
    group = patients_of(asked)
    found = report(asked, card, group)
    table = _split(card)
    if table:  # without one nobody knows
        known = {kept.digest for kept in table.values() if kept.split != "test"}
        found["seen_in_training"] = sum(digest in known for digest in asked.digests)
    return Evaluation(found, picture_answers(asked, card, group, source=[source.name] * len(asked.cases)))


def test_cases(card: ModelCard, data: Path, columns: Mapping[str, str] | None = None) -> list[Case]:
    """The pictures that `evaluate` would ask about, not yet read.

    Raises:
        NotFoundError: There are none.
        DataSetError: A column or label is not there.
    """
    chosen = dict(columns or {})
    recipe = own_recipe(card, data, chosen)
    if recipe is not None:
        return [case for case, _, _ in own_cases(card, recipe, data)]
    return _listed(_source(card, data, chosen), card, data)


def own_recipe(card: ModelCard, data: Path, chosen: Mapping[str, str]) -> Recipe | None:
    """The model's recipe when `data` holds its sources and no table of its own.

    Raises:
        DataSetError: Only some of the sources are there.
    """
    path = card.folder / RECIPE_FILE
    if (data / TABLE).is_file() or chosen.get("format") or not path.is_file():
        return None
    recipe = load_recipe(path)
    missing = [source.folder for source in recipe.sources if not (data / source.folder).exists()]
    if not missing:
        return recipe
    if len(missing) < len(recipe.sources):
        raise DataSetError(
            N_("{path} lacks the data sets {missing}."),
            hint=N_("The model was tested on them too; {recipe} says what they are."),
            path=str(data),
            missing=", ".join(missing),
            recipe=str(path),
        )
    return None


def _listed(source: Source, card: ModelCard, data: Path) -> list[Case]:
    cases, _ = list_cases([source], data, [label.id for label in card.labels])
    if source.split:
        cases = [case for case in cases if case.split == "test"] or cases
    return cases


def own_cases(card: ModelCard, recipe: Recipe, data: Path, part: str = "test") -> list[tuple[Case, str, int]]:
    """The pictures that the split table names as of one part, each with its source and its cluster.

    Raises:
        NotFoundError: The model keeps no such table.
    """
    table = _split(card)
    if not table:
        raise NotFoundError(
            N_("The model {model} keeps no table of its split."),
            hint=N_("Give a folder with index.csv instead."),
            model=card.id,
        )
    cases, origin = list_cases(recipe.sources, data, [label.id for label in card.labels])
    names = [recipe.sources[int(o)].name for o in origin]
    kept = [(case, name, table.get((name, case.name))) for case, name in zip(cases, names, strict=True)]
    return [(case, name, row.group) for case, name, row in kept if row is not None and row.split == part]


def _own_test_split(
    card: ModelCard, recipe: Recipe, data: Path, engine: Engine, *, device: str, tell: Tell
) -> Evaluation:
    """Figures of the pictures that training set aside, and of the sets that it never saw."""
    rows = own_cases(card, recipe, data)
    asked = ask(card, load_task(card.task), [case for case, _, _ in rows], engine, device=device, tell=tell)
    _refuse_nothing(asked, data)
    facts = {id(case): (name, number) for case, name, number in rows}
    names, groups = zip(*(facts[id(case)] for case in asked.cases), strict=True)
    group = np.array(groups, dtype=int64)
    found = report(asked, card, group, source=names)
    others = ask_others(card, recipe, data, engine, device=device)
    found["groups"] |= others.groups
    if "unfamiliar" in found:
        found["unfamiliar_share"] = {"test": found["unfamiliar"], **others.refused}
    return Evaluation(found, (*picture_answers(asked, card, group, source=names), *others.answers), own=True)


def _source(card: ModelCard, data: Path, chosen: Mapping[str, str]) -> Source:
    """The data set that a folder and the options describe."""
    for name in chosen:
        if name not in OPTIONS:
            raise DataSetError(N_("There is no “{name}” among: {known}."), name=name, known=", ".join(OPTIONS))
    if not data.is_dir():
        raise NotFoundError(N_("{path} is not there."), path=str(data))
    kind = chosen.get("format", "table")
    rows = read_table(data / chosen.get("table", TABLE)) if kind in ("table", "dicom") else []
    present = set(rows[0]) if rows else set()
    column = chosen.get("label", KIND if KIND in present and "label" not in present else "label")
    if rows:
        read_table(data / chosen.get("table", TABLE), (column,))
    return Source(
        name=data.name,
        folder=".",
        format=kind,
        table=chosen.get("table", ""),
        file=chosen.get("file", "file"),
        column=column,
        positive=_positive(card, chosen.get("positive", ""), {row[column] for row in rows}),
        group=chosen.get("patient", "patient" if "patient" in present else ""),
        split=chosen.get("split", ""),
        columns=tuple(chosen["group"].split(MANY)) if "group" in chosen else tuple(c for c in REPORTED if c in present),
    )


def _positive(card: ModelCard, named: str, values: set[str]) -> dict[str, tuple[str, ...]]:
    """Which values mean "present": as named, else the label's own id, else a word such as 1 or yes."""
    if named:
        return {FIRST_LABEL: tuple(named.split(MANY))}
    found: dict[str, tuple[str, ...]] = {label.id: (label.id,) for label in card.labels if label.id in values}
    if len(found) == len(card.labels) or not values:
        return found or {label.id: ("*",) for label in card.labels[:1]}
    short = {
        label.id: tuple(v for v in sorted(values) if len(v) > 1 and label.id.startswith(v.lower()))
        for label in card.labels
    }
    if len(card.labels) > 1 and all(len(found) == 1 for found in short.values()):
        return short
    words = tuple(v for v in sorted(values) if v.lower() in POSITIVE_WORDS)
    if len(card.labels) == 1 and words:
        return {FIRST_LABEL: words}
    raise DataSetError(
        N_("None of the table's labels ({known}) is “{label}”."),
        hint=N_("Say which values mean it: --columns label=COLUMN,positive=VALUE."),
        known=", ".join(sorted(values)[:12]),
        label=next(label.id for label in card.labels if label.id not in found),
    )


def _split(card: ModelCard) -> dict[tuple[str, str], Kept]:
    path = card.folder / SPLIT_FILE
    return read_split_table(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _refuse_nothing(asked: Asked, data: Path) -> None:
    if not asked.cases:
        raise DataSetError(
            N_("No picture in {path} can be read."),
            hint=N_("{count} were tried, the first: {name}."),
            path=str(data),
            count=len(asked.refused),
            name=asked.refused[0][0] if asked.refused else "–",
        )
