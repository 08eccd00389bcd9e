"""Which question a picture is for where its header does not say what it shows: that whose model knows it best."""

from __future__ import annotations

import logging

from medcore.cards import ModelCard
from medcore.engine import Engine
from medcore.errors import MedcoreError
from medcore.records import Severity
from medcore.tasks import Scan, Task, load_tasks
from medcore.volume import Volume
from medcore.workbench.models import Models

RADIOGRAPHS = frozenset({"", "DX", "CR", "RG"})  # "" is a picture without a header

log = logging.getLogger(__name__)


def in_doubt(scan: Scan) -> bool:
    """Whether only its pixels say what a scan shows."""
    return scan.shape[0] == 1 and scan.modality in RADIOGRAPHS and not scan.body_part


def recognise(scan: Volume, *, models: Models, engine: Engine) -> str | None:
    """The question to whose model the picture looks most like what it learnt from; None where it does to none.

    Each question's preferred model that takes the picture and has a gate is asked; what counts is the distance of the
    picture from its training images over the card's threshold.
    """
    shares = {}
    for task in load_tasks().values():
        card = next((one for one in models.for_task(task.id) if one.familiarity is not None), None)
        if card is None or any(issue.severity is Severity.BLOCK for issue in task.check(scan, card)):
            continue
        try:
            shares[task.id] = _strangeness(task, scan, card, engine)
        except MedcoreError as error:  # takes no such picture, or is damaged, which is said elsewhere
            log.info("%s cannot be asked whether it knows a picture: %s", card.id, type(error).__name__)
    best = min(shares, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] <= 1 else None


def _strangeness(task: Task, scan: Volume, card: ModelCard, engine: Engine) -> float:
    """How far a picture lies from a model's training images: 1 is as far as its card allows.

    Raises:
        MedcoreError: The task cannot prepare the picture, or the model cannot be loaded.
    """
    distance = engine.run(card, task.prepare(scan, card).inputs).distance
    assert card.familiarity is not None, "only models with a gate are asked"
    return float("inf") if distance is None else float(distance[0]) / card.familiarity.threshold
