"""The pictures behind an evaluation: where they lie, the worst errors among them, and what the model saw there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.engine import Engine
from medcore.errors import N_, CardError, DataSetError, MedcoreError
from medcore.evaluation.kept_answers import PictureAnswer
from medcore.imaging.overlay import blend_heat, shown_grey
from medcore.nn.training.cache import read_case
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.sources import Case
from medcore.settings import Settings
from medcore.workbench.analyse import analyse_once
from medcore.workbench.models import Models
from medcore.workbench.picture_sets import OWN
from medcore.workbench.recent import Recent

SIDE = 320  # pixels of a picture of the gallery
KEPT = 120  # pictures of galleries in memory
METHOD = "grad_cam"
MOST = 12  # errors of a gallery


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A picture of the gallery.

    Args:
        grey: (R, C).
        heat: (R, C, 3) with the explanation over it; None where the model gives none.
    """

    grey: NDArray[uint8]
    heat: NDArray[uint8] | None


@dataclass(frozen=True, slots=True)
class WrongCall:
    """A picture that the model called wrong.

    Args:
        facts: What the table says of it.
    """

    name: str
    source: str
    probability: float
    facts: str
    answer: PictureAnswer


class Gallery:
    """Shows pictures of evaluations with their explanations. May be used from many threads."""

    def __init__(self, settings: Settings, models: Models, engine: Callable[[], Engine]) -> None:
        self._settings, self._models, self._engine = settings, models, engine
        self._known: Recent[Shown] = Recent(KEPT)

    def shown(self, model: str, folder: Path | None, wrong: WrongCall) -> Shown:
        """A picture with the model's explanation of its first label.

        Raises:
            DataSetError: The picture is not here any more.
        """
        card = self._models.card(model)
        case = self._case(card, folder, wrong.answer)
        key = (card.sha256, str(case.path), case.index)
        return self._known.get(key, lambda: self._show(card, case))

    def here(self, model: str, folder: Path | None, wrong: WrongCall) -> bool:
        """Whether the picture itself is here, and not the model's answer alone."""
        return locate(folder, self._models.card(model), wrong.answer, self._settings) is not None

    def file(self, model: str, folder: Path | None, wrong: WrongCall) -> tuple[str, bytes] | None:
        """Name and bytes of the file, to be opened as a study; None for a picture within an archive.

        Raises:
            DataSetError: The picture is not here any more.
        """
        case = self._case(self._models.card(model), folder, wrong.answer)
        if case.index >= 0:
            return None
        return case.path.name, case.path.read_bytes()

    def _case(self, card: ModelCard, folder: Path | None, answer: PictureAnswer) -> Case:
        case = locate(folder, card, answer, self._settings)
        if case is None:
            raise DataSetError(
                N_("{name} of the set {source} is not here."),
                hint=N_("Set MEDCORE_PICTURES_DIR to the folder that holds the data sets."),
                name=answer.file,
                source=answer.source,
            )
        return case

    def _show(self, card: ModelCard, case: Case) -> Shown:
        scan = read_case(case)
        grey = shown_grey(scan, side=SIDE)
        try:
            found = analyse_once(
                scan, models=self._models, engine=self._engine(), task=card.task, model=card.id, method=METHOD,
                target=card.labels[0].id,
            )  # fmt: skip
        except MedcoreError:  # a picture that the task refuses is worth a look all the same
            return Shown(grey, None)
        if found.explanation is None:
            return Shown(grey, None)
        heat = found.explanation.heat
        plane = heat[0] if heat.ndim == 3 else heat
        return Shown(grey, blend_heat(grey, np.asarray(plane, dtype=np.float32)))


def worst(
    answers: Sequence[PictureAnswer], threshold: float, *, present: bool, most: int = MOST
) -> tuple[WrongCall, ...]:
    """The worst errors: false negatives where the finding is `present`, else false positives; the surest first."""
    wrong = [a for a in answers if a.truth[0] == present and (a.probability[0] >= threshold) != present]
    return tuple(
        WrongCall(a.file, a.source, a.probability[0], ", ".join(f"{k} {v}" for k, v in a.columns.items() if v), a)
        for a in sorted(wrong, key=lambda a: a.probability[0], reverse=not present)[:most]
    )


def locate(folder: Path | None, card: ModelCard, answer: PictureAnswer, settings: Settings) -> Case | None:
    """The picture of an answer, in the evaluated folder or below the configured ones; None when it is not there."""
    roots = [folder] if folder is not None else _source_folders(card, answer.source, settings)
    for root in roots:
        path = root / answer.file
        if answer.index >= 0:
            path = next(iter(sorted(root.glob("*.npz"))), path)
        if path.is_file():
            patient = f"{answer.source}/{answer.group}"
            return Case(answer.file, path, answer.truth, patient, index=answer.index, columns=answer.columns)
    return None


def _source_folders(card: ModelCard, name: str, settings: Settings) -> list[Path]:
    """Where the sources of a model's own recipe may lie."""
    try:
        recipe = load_recipe(card.folder / "recipe.toml")
    except CardError:
        return []
    sources = [one.folder for one in (*recipe.sources, *recipe.external) if one.name == name]
    return [root / below for below in sources for root in (settings.pictures_dir, settings.data_dir / OWN)]
