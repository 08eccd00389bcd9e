"""The verb `analyse`: ask a model about the scan in a file and explain the answer, without storing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medcore.cards import ModelCard
from medcore.errors import N_, MedcoreError, Message, UnfitInputError
from medcore.intake import Found, Reading
from medcore.records import Severity
from medcore.settings import Settings
from medcore.shell.answer import answer_object, print_answer
from medcore.shell.output import AsJson, note, print_json, say, t
from medcore.shell.read import read_paths
from medcore.tasks import Task, VolumeTask, load_task
from medcore.workbench.models import Models


def analyse(
    path: Annotated[Path, typer.Argument(metavar="PATH", help=t("A file, a folder or a zip."))],
    *,
    task: Annotated[str, typer.Option("--task", help=t("The clinical question; see the verb tasks."))],
    model: Annotated[str, typer.Option("--model", help=t("The model; the task's first when left out."))] = "",
    explain: Annotated[str, typer.Option("--explain", help=t("An explanation method, such as grad_cam."))] = "",
    target: Annotated[str, typer.Option("--target", help=t("The label to explain; the most probable by itself."))] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", help=t("Done to the scan before: n4, skull_strip; may be repeated."))
    ] = None,
    device: Annotated[str, typer.Option("--device", help=t("auto, cpu or cuda."))] = "auto",
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help=t("Folder for arrays and pictures."))] = None,
    as_json: AsJson = False,
) -> None:
    """Run a model on a scan."""
    # The store and torch take seconds to import, and `models --json` has no use for them.
    from medcore.nn.torch_engine import open_engine
    from medcore.workbench.analyse import analyse_once, task_card
    from medcore.workbench.quality import with_quality

    settings = Settings.from_environment()
    models, question = Models(settings.models_dir), load_task(task)
    card = task_card(models, model, task)
    found, others = choose_scans(read_paths([path], settings), question, card, path)
    analysis = analyse_once(
        found.volume,
        models=models,
        engine=open_engine(settings),
        task=task,
        model=card.id,
        method=explain,
        target=target or None,
        device=device,
        issues=with_quality(found).issues,
        others=tuple(other.volume for other in others),
        options=tuple(dict.fromkeys(option or ())),
        progress=Stages().tell,
    )
    answer = answer_object(analysis, card, found.volume, out)
    if as_json:
        print_json(answer)
    else:
        print_answer(analysis, card, answer)


def choose_scans(reading: Reading, task: Task, card: ModelCard, path: Path) -> tuple[Found, tuple[Found, ...]]:
    """The scan to answer for, and the further series that a task on volumes takes with it.

    Raises:
        MedcoreError: As `choose_scan`; a task on volumes chooses by itself among several series.
    """
    if not isinstance(task, VolumeTask) or not reading.found:
        return choose_scan(reading, task, card, path), ()
    for refusal in reading.refused:
        note(f"{refusal.name}: {refusal.error}")
    chosen = [reading.found[i] for i in task.order([found.volume for found in reading.found], card)]
    if len(reading.found) > 1:
        note(t("Series: {names}", names=", ".join(found.volume.name for found in chosen)))
    return chosen[0], tuple(chosen[1:])


class Stages:
    """Tells each stage of an analysis once, on stderr."""

    def __init__(self) -> None:
        self._told = ""

    def tell(self, fraction: float, stage: Message) -> None:
        """A stage with the share done."""
        del fraction
        text = say(stage)
        if text != self._told:
            note(text)
            self._told = text


def choose_scan(reading: Reading, task: Task, card: ModelCard, path: Path) -> Found:
    """The one scan of a reading that the task takes.

    Raises:
        MedcoreError: Nothing could be read (the reader's own error), nothing fits, or more than one does.
    """
    if not reading.found:
        raise reading.refused[0].error if reading.refused else _nothing(path)
    fitting = [found for found in reading.found if not _blocked(found, task, card)]
    if len(fitting) > 1:
        raise UnfitInputError(
            N_("{path} holds {count} scans that this task takes; name one of them."),
            hint=N_("The verb read lists what is in a folder or zip."),
            path=str(path),
            count=len(fitting),
        )
    for refusal in reading.refused:
        note(f"{refusal.name}: {refusal.error}")
    return fitting[0] if fitting else reading.found[0]  # an unfit one: the analysis says why it is refused


def _blocked(found: Found, task: Task, card: ModelCard) -> bool:
    issues = (*found.issues, *task.check(found.volume, card))
    return any(issue.severity is Severity.BLOCK for issue in issues)


def _nothing(path: Path) -> MedcoreError:
    return UnfitInputError(
        N_("{path} holds no file."), hint=N_("Name a file, or a folder or zip with scans in it."), path=str(path)
    )
