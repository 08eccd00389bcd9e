"""The train page's door: picture sets, a look at them, what can be chosen, and the trainings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from medcore.errors import N_, CancelledError, Message
from medcore.nn.training.options import Augmentation
from medcore.nn.training.recipe import Recipe, load_recipe
from medcore.nn.training.survey import Survey, survey
from medcore.settings import Settings
from medcore.tasks import load_task, load_tasks
from medcore.workbench.models import Models
from medcore.workbench.picture_sets import PictureSet, PictureSets, SetFacts
from medcore.workbench.train_plan import (
    DETECTORS,
    PRESETS,
    RADIOGRAPH_TASKS,
    SMALLEST_BATCH,
    Knob,
    Plan,
    Preset,
    knobs,
    model_id,
    recipe_text,
)
from medcore.workbench.train_runs import TrainingRun, TrainRuns

CACHE = "cache"  # beside the trainings: the same prepared pictures serve a look and a training
VARIED = 5  # variations of each example
TILE = 96  # pixels of a tile at least
GAP = 4  # pixels between the pictures of a sheet
DRAWS = (1600, 3600)  # pictures an epoch, at least and at most

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """A network that can be trained.

    Args:
        options: What a recipe may set, with its default.
        side: The only input size it takes; None for any.
        boxes: It needs drawn boxes.
    """

    id: str
    title: str
    options: Mapping[str, int | float]
    side: int | None
    boxes: bool


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was found about a set.

    Args:
        sheets: For absent and for present findings (H, W): a row an example, first as it is, then varied.
    """

    survey: Survey
    sheets: Mapping[bool, NDArray[uint8]]


@dataclass(frozen=True, slots=True)
class Train:
    """Everything the page Train does."""

    settings: Settings
    models: Models
    sets: PictureSets
    runs: TrainRuns

    def tasks(self) -> Mapping[str, str]:
        """Titles of the questions that can be trained here, by id."""
        return {name: task.title for name, task in load_tasks().items() if name in RADIOGRAPH_TASKS}

    def suggest(self, facts: SetFacts) -> str:
        """The likely question of a set, by the words in its table; boxes are drawn around fractures here."""
        words = " ".join((facts.label, *facts.values)).lower()
        return "fracture" if facts.boxes or "fract" in words else RADIOGRAPH_TASKS[0]

    def networks(self, *, boxes: bool) -> tuple[NetworkChoice, ...]:
        """All networks; those that draw boxes only where boxes are drawn. Loads torch at the first call."""
        from medcore.nn.networks import load_networks

        found = [
            NetworkChoice(name, network.title, network.options, network.side, name in DETECTORS)
            for name, network in load_networks().items()
            if not name.startswith(("unet", "segresnet", "patch"))  # which answer for volumes
        ]
        return tuple(one for one in found if boxes or not one.boxes)

    def knobs(self) -> tuple[Knob, ...]:
        """All options with what they are for."""
        return knobs()

    def presets(self) -> tuple[Preset, ...]:
        """Good beginnings, the quickest first."""
        return PRESETS

    def starts(self, network: str) -> tuple[str, ...]:
        """Models whose trunk such a network may start from; "imagenet" for published weights. Loads torch."""
        from medcore.nn.training.published import IMAGENET, PUBLISHED

        family = network.removeprefix("box_")
        own = (card.id for card in self.models.cards() if card.network.removeprefix("box_") == family)
        return (*own, *((IMAGENET,) if family in PUBLISHED else ()))

    def draws(self, pictures: int) -> int:
        """A sensible number of pictures an epoch."""
        return min(max(DRAWS[0], pictures), DRAWS[1])

    def free_title(self, title: str) -> str:
        """The title, with a number behind it where a model or a training has it already."""
        taken = {card.id for card in self.models.cards()} | {run.model for run in self.runs.list()}
        return next(wish for n in count(1) if model_id(wish := title if n == 1 else f"{title} {n}") not in taken)

    def batch(self, plan: Plan) -> int:
        """The batch, no larger than an epoch."""
        return max(SMALLEST_BATCH, min(plan.batch, plan.draws))

    def look(
        self, plan: Plan, root: Path, progress: Progress, *, cancelled: Callable[[], bool] = lambda: False
    ) -> Look:
        """Look at the pictures as this training would.

        Raises:
            DataSetError: They cannot be used at all.
            CancelledError: `cancelled` became true.
        """
        from medcore.nn.training.train import draft_card

        def tell(done: int, total: int) -> None:
            if cancelled():
                raise CancelledError(N_("Stopped."))
            progress(done / max(1, total), Message(N_("Reading the pictures")))

        recipe = self.recipe(plan)
        card = draft_card(recipe, self.settings.models_dir / plan.model)
        found = survey(
            recipe.sources, root, task=load_task(plan.task), card=card, seed=recipe.seed, tell=tell,
            cache=self.runs.folder / CACHE, start_from=recipe.options.start_from,
        )  # fmt: skip
        progress(0.99, Message(N_("Varying examples")))
        present = np.array(found.present)
        sheets = {
            answer: _sheet(found.examples[present == answer], recipe.augmentation, plan.size)
            for answer in sorted(set(found.present))
        }
        return Look(found, sheets)

    def recipe(self, plan: Plan) -> Recipe:
        """The plan's recipe, checked.

        Raises:
            CardError: A value cannot be.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recipe.toml"
            path.write_text(recipe_text(plan), encoding="utf-8")
            return load_recipe(path)

    def start(self, plan: Plan, chosen: PictureSet, beside: Sequence[PictureSet] = ()) -> TrainingRun:
        """Start a training on a set and on those beside it, wherever these lie.

        Raises:
            CardError: A value of the plan cannot be.
            TrainingError: Another one runs, or a model of this title is there.
            StoreError: The data folder cannot be written.
        """
        sets = (chosen, *beside)
        data = " + ".join(one.id for one in sets)
        return self.runs.start(recipe_text(plan), root=self.sets.together(sets), model=plan.model, data=data)


def _sheet(examples: NDArray[uint8], options: Augmentation, size: int) -> NDArray[uint8]:
    """Tiles of one size, small ones enlarged pixel by pixel, so that it is seen what the network sees."""
    from medcore.nn.training.examples import varied

    columns = [examples, *(varied(examples, options, side=size, seed=seed) for seed in range(VARIED))]
    times = max(1, TILE // size)
    rows = []
    for pictures in zip(*columns, strict=True):
        tiles = [np.kron(picture, np.ones((times, times), dtype=uint8)) for picture in pictures]
        rows.append(np.concatenate([np.pad(tile, GAP // 2) for tile in tiles], axis=1))
    return np.concatenate(rows) if rows else np.zeros((1, 1), dtype=uint8)
