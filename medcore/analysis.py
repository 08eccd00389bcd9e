"""One analysis from scan to answer: check, prepare, run, interpret, explain."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
from numpy import float32
from numpy.typing import NDArray

import medcore
from medcore.cards import ModelCard
from medcore.engine import Engine, HeatMap, Output
from medcore.errors import N_, Message, UnfitInputError, UnknownNameError
from medcore.imaging.fitting import spread_heat
from medcore.predictions import Classification, Detection, Explanation, Prediction
from medcore.records import Issue, Run, Severity
from medcore.tasks import Prepared, Progress, Task, VolumeTask
from medcore.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A prediction and what is needed to explain it without a second pass.

    Args:
        prediction: What the task made of it, with its run.
        seen: (H, W) float32 in 0..1, "what the network saw", or None.
        prepared: The network's input; None for a volume, which is seen in many windows.
        output: The forward pass; None for a volume.
    """

    prediction: Prediction
    seen: NDArray[float32] | None
    prepared: Prepared | None = None
    output: Output | None = None


def analyse(
    scan: Volume,
    *,
    task: Task,
    card: ModelCard,
    engine: Engine,
    study: str = "",
    scan_id: str = "",
    issues: tuple[Issue, ...] = (),
    device: str = "auto",
    others: tuple[Volume, ...] = (),
    options: Collection[str] = (),
    progress: Progress = lambda fraction, stage: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Answer:
    """Ask one model about one scan.

    Args:
        study: Id in the store, or "".
        scan_id: Id in the store, or "".
        issues: What reading and the quality check found; it travels with the result.
        device: "auto", "cpu", "cuda" or "cuda:N".
        others: Further series of the study that a task on volumes takes together with the scan.
        options: Ids of the task's options that are wanted; they stand in the run's record.
        progress: Told the stage of an analysis that takes long.
        cancelled: Asked between the windows of a volume.

    Raises:
        UnfitInputError: The scan is nothing that this task takes.
        UnknownNameError: The task has no such option.
        CancelledError: `cancelled` became true.
        WeightsError: The model cannot be loaded.
        DeviceError: The device is absent.
    """
    _refuse_unknown(options, task)
    issues = (*issues, *task.check(scan, card))
    refuse_unfit(issues)
    draft = _draft(scan, task, card, engine, study=study, scan_id=scan_id, issues=issues)
    if isinstance(task, VolumeTask):
        bound = _Bound(card, engine, device)
        return _in_windows((scan, *others), task, bound, draft, options, progress=progress, cancelled=cancelled)
    started = time.perf_counter()
    prepared = task.prepare(scan, card)
    preparing = time.perf_counter() - started
    output = engine.run(card, prepared.inputs, device=device)
    notes = tuple(Issue("engine", Severity.WARN, note) for note in output.notes)
    strange = unfamiliar(output, card)
    run = replace(
        draft,
        preprocessing=prepared.parameters,
        device=output.device,
        precision=output.precision,
        seconds=preparing + output.seconds,  # not the loading of a model, which happens once
        warnings=(*issues, *notes, *strange),
    )
    dense = None if output.dense is None else output.dense[0]
    logits = np.asarray(output.logits.mean(axis=0), dtype=float32)  # over the views of one scan
    prediction = task.interpret(logits, scan, card, run, dense=dense, prepared=prepared)
    return Answer(prediction, prepared.seen, prepared, output)


@dataclass(slots=True)
class _Bound:
    """The engine bound to a card and a device; remembers where it ran and what it wants the user to know."""

    card: ModelCard
    engine: Engine
    device: str
    place: str = ""
    precision: str = ""
    notes: list[Message] = field(default_factory=list)

    def __call__(self, inputs: NDArray[float32]) -> Output:
        output = self.engine.run(self.card, inputs, device=self.device)
        self.place, self.precision = output.device, output.precision
        self.notes += [note for note in output.notes if note not in self.notes]
        return output


def _in_windows(
    scans: tuple[Volume, ...],
    task: VolumeTask,
    bound: _Bound,
    draft: Run,
    options: Collection[str],
    *,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Answer:
    """The answer of a task that cuts its windows itself, with what ran in its run."""
    started = time.perf_counter()
    parameters: dict[str, str | int | float] = {}
    if options:
        scans, told = task.refined(scans, options, card=bound.card, progress=progress, cancelled=cancelled)
        draft = replace(draft, warnings=(*draft.warnings, *told))
        parameters = {"options": ", ".join(sorted(options))}
    found = task.analyse(scans, card=bound.card, forward=bound, run=draft, progress=progress, cancelled=cancelled)
    notes = tuple(Issue("engine", Severity.WARN, note) for note in bound.notes)
    run = replace(
        draft,
        preprocessing={**found.parameters, **parameters},
        device=bound.place,
        precision=bound.precision,
        seconds=time.perf_counter() - started,
        warnings=(*draft.warnings, *notes, *found.issues),
    )
    return Answer(replace(found.prediction, run=run), found.seen)


def _refuse_unknown(options: Collection[str], task: Task) -> None:
    known = [one.id for one in task.options] if isinstance(task, VolumeTask) else []
    for name in options:
        if name not in known:
            raise UnknownNameError(
                N_("The task {task} has no option “{option}”; it has {known}."),
                task=task.id,
                option=name,
                known=", ".join(known) or "–",
            )


def _draft(
    scan: Volume, task: Task, card: ModelCard, engine: Engine, *, study: str, scan_id: str, issues: tuple[Issue, ...]
) -> Run:
    """A run as far as it is known before the network ran."""
    return Run(
        id=uuid.uuid4().hex,
        study=study,
        scan=scan_id,
        scan_sha256=scan.sha256,
        task=task.id,
        model=card.id,
        model_version=card.version,
        weights_sha256=card.sha256,
        preprocessing=MappingProxyType({}),
        device="",
        precision="",
        seconds=0.0,
        software=MappingProxyType({"medcore": medcore.__version__, **engine.software()}),
        started_at=datetime.now(UTC),
        warnings=issues,
    )


def unfamiliar(output: Output, card: ModelCard, index: int = 0) -> tuple[Issue, ...]:
    """A doubt when the network's features of an input lie far from those of its training images."""
    if output.distance is None or card.familiarity is None:
        return ()
    distance, limit = float(output.distance[index]), card.familiarity.threshold
    if distance <= limit:
        return ()
    return (
        Issue(
            code="unfamiliar",
            severity=Severity.WARN,
            message=Message(
                N_("This does not look like what the model learnt from (distance {distance:.1f}, limit {limit:.1f})."),
                {"distance": distance, "limit": limit},
            ),
            hint=Message(N_("Do not rely on the result; check that the image fits the question.")),
            measured=distance,
            limit=limit,
        ),
    )


def explain(
    answer: Answer, scan: Volume, *, card: ModelCard, engine: Engine, method: str, target: str | None = None
) -> Explanation:
    """Where in the scan the model saw evidence for a label, from the pass that made the prediction.

    Args:
        target: Label id; the most probable label when None.

    Raises:
        UnfitInputError: It is the answer of a volume, which its mask and its boxes show themselves.
        UnknownNameError: There is no such method.
        CardError: The model has no such label.
    """
    if answer.prepared is None or answer.output is None:
        raise UnfitInputError(
            N_("A heat map explains one picture; the answer to a volume is its mask or its boxes."),
            hint=N_("Look at the mask and at the map of its uncertainty."),
        )
    started = time.perf_counter()
    label = card.label(target or most_probable(answer.prediction))
    number = card.labels.index(label)
    found = engine.explain(card, answer.prepared.inputs, answer.output, method=method, target=number)
    heat, peak = on_scan(found, answer.prepared, scan)
    return Explanation(
        run=answer.prediction.run,
        method=method,
        target=label.id,
        layer=found.layer,
        heat=heat,
        peak=peak,
        seconds=time.perf_counter() - started,
    )


def on_scan(found: HeatMap, prepared: Prepared, scan: Volume) -> tuple[NDArray[float32], float]:
    """A heat map on the scan's grid (S, R, C), scaled to 0..1, and the value that 1 stands for."""
    _, rows, columns = scan.shape
    peak = float(found.heat.max())
    scaled = found.heat / peak if peak > 0 else np.zeros_like(found.heat)
    side = prepared.inputs.shape[-1]
    return spread_heat(scaled, prepared.to_scan, side=side, shape=(rows, columns))[None], peak


def most_probable(prediction: Prediction) -> str:
    """The label to explain when none is named."""
    match prediction:
        case Classification(scores=scores):
            return max(scores, key=lambda score: score.probability).label
        case Detection(boxes=boxes) if boxes:
            return max(boxes, key=lambda box: box.probability).label
        case _:
            raise UnfitInputError(N_("This prediction has no scores to explain."))


def refuse_unfit(issues: tuple[Issue, ...]) -> None:
    """Raise for the first BLOCK issue.

    Raises:
        UnfitInputError: There is one; its message and hint are the issue's.
    """
    for issue in issues:
        if issue.severity is Severity.BLOCK:
            raise UnfitInputError(
                issue.message.template, hint=issue.hint.template, **_values(issue.message, issue.hint)
            )


def _values(*messages: Message) -> Mapping[str, str | int | float]:
    return {name: value for message in messages for name, value in message.values.items()}
