"""The analyse page's door: which model fits which scan, run it, explain it, find earlier results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from numpy import float32
from numpy.typing import NDArray

from medcore.analysis import analyse, explain
from medcore.cards import ModelCard
from medcore.engine import Engine
from medcore.errors import N_, CancelledError, CardError, Message, UnknownNameError
from medcore.predictions import Explanation, Prediction
from medcore.records import Issue, ScanFacts, Severity, Study
from medcore.store.store import Store
from medcore.tasks import Option, Progress, Task, VolumeTask, load_task, load_tasks
from medcore.volume import Volume
from medcore.workbench.models import Models
from medcore.workbench.quality import Quality
from medcore.workbench.recognition import in_doubt, recognise


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model for a scan; `reason` says why it cannot take the scan, None when it can."""

    card: ModelCard
    reason: Message | None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A stored or fresh result.

    Args:
        prediction: With its run.
        explanation: The newest heat map, or None.
        seen: (H, W) float32 in 0..1, "what the network saw", or None if it was not kept.
        card: The model's card as it is now, or None if the model is gone.
    """

    prediction: Prediction
    explanation: Explanation | None
    seen: NDArray[float32] | None
    card: ModelCard | None

    @property
    def outdated(self) -> bool:
        """Whether the model has changed since: the numbers cannot be repeated with what is installed now."""
        return self.card is None or self.card.sha256 != self.prediction.run.weights_sha256


@dataclass(frozen=True, slots=True)
class Analyse:
    """Runs models on stored scans and keeps the results."""

    store: Store
    models: Models
    engine: Callable[[], Engine]

    def tasks(self) -> Mapping[str, Task]:
        """All clinical questions by id."""
        return load_tasks()

    def methods(self) -> Mapping[str, str]:
        """Titles of the explanation methods by id; opens the engine's room, but no network."""
        from medcore.nn.explainers import load_explainers  # torch: only when asked

        return {name: method.title for name, method in load_explainers().items()}

    def suggest(self, scan: ScanFacts) -> str | None:
        """The task whose models take this scan with the fewest doubts, or None."""
        ranked = []
        for task in load_tasks().values():
            for card in self.models.for_task(task.id):
                issues = task.check(scan, card)
                if not any(issue.severity is Severity.BLOCK for issue in issues):
                    doubts = sum(issue.severity is Severity.WARN for issue in issues)
                    ranked.append((doubts, task.id))
        return min(ranked)[1] if ranked else None

    def recognise(self, scan: ScanFacts) -> str | None:
        """The task whose model knows best what the pixels show, where the header does not say it; else `suggest`.

        Networks are run, so the answer is worth keeping.
        """
        known = None
        if in_doubt(scan):
            known = recognise(self.store.volume(scan.id), models=self.models, engine=self.engine())
        return known or self.suggest(scan)

    def choices(self, scan: ScanFacts, task: str) -> tuple[ModelChoice, ...]:
        """All models of a task, those that take the scan first, the others with the reason.

        Raises:
            UnknownNameError: There is no such task.
        """
        question = load_task(task)
        found = [ModelChoice(card, _refusal(question, scan, card)) for card in self.models.for_task(task)]
        return tuple(sorted(found, key=lambda choice: choice.reason is not None))

    def of_volumes(self, task: str) -> bool:
        """Whether a question is about a whole volume, so that lesions are the answer.

        Raises:
            UnknownNameError: There is no such task.
        """
        return isinstance(load_task(task), VolumeTask)

    def options(self, task: str) -> tuple[Option, ...]:
        """What may be done to the scans before a question is asked.

        Raises:
            UnknownNameError: There is no such task.
        """
        question = load_task(task)
        return question.options if isinstance(question, VolumeTask) else ()

    def warnings(self, scan: ScanFacts, task: str, model: str) -> tuple[Issue, ...]:
        """What to know before running: quality issues of the scan and doubts of the task."""
        return (*scan.issues, *load_task(task).check(scan, self.models.card(model)))

    def run(
        self,
        study_id: str,
        scan_id: str,
        *,
        task: str,
        model: str,
        method: str = "grad_cam",
        target: str | None = None,
        device: str = "auto",
        options: Collection[str] = (),
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Analysis:
        """Ask a model about a stored scan, explain the answer and keep both.

        Args:
            method: Explanation method, or "" for none.
            target: Label to explain; the most probable one when None.
            options: What to do to the scans before, of `options(task)`.

        Raises:
            UnfitInputError: The scan is nothing that this task takes, or is blocked by its quality check.
            CancelledError: `cancelled` became true.
            MedcoreError: The model, the device or the store failed.
        """
        tell = progress or (lambda fraction, stage: None)
        _stop_if(cancelled)
        tell(0.0, Message(N_("Opening the scan")))
        study = Quality(self.store).checked(self.store.study(study_id))
        facts = _scan(study.scans, scan_id)
        scan = self.store.volume(scan_id)
        card = task_card(self.models, model, task)
        tell(0.1, Message(N_("Loading the model")))
        engine = self.engine()
        _stop_if(cancelled)
        tell(0.4, Message(N_("Running the network")))
        answer = analyse(
            scan,
            task=load_task(task),
            card=card,
            engine=engine,
            study=study_id,
            scan_id=scan_id,
            issues=facts.issues,
            device=device,
            others=self._others(study, facts, task, card),
            options=options,
            progress=lambda fraction, stage: tell(0.4 + 0.5 * fraction, stage),
            cancelled=cancelled or (lambda: False),
        )
        explanation = None
        if method and answer.prepared is not None:
            explanation = explain(answer, scan, card=card, engine=engine, method=method, target=target)
        _stop_if(cancelled)
        tell(0.9, Message(N_("Saving the result")))
        self.store.save_prediction(answer.prediction, seen=answer.seen)
        if explanation is not None:
            self.store.save_explanation(explanation)
        return Analysis(answer.prediction, explanation, answer.seen, card)

    def _others(self, study: Study, facts: ScanFacts, task: str, card: ModelCard) -> tuple[Volume, ...]:
        """The further series that a question about volumes takes together with the chosen one."""
        question = load_task(task)
        if not isinstance(question, VolumeTask):
            return ()
        scans = (facts, *(scan for scan in study.scans if scan.id != facts.id))
        chosen = question.order(scans, card)
        if chosen[0] != 0:  # another one would be the first: the reader chose this one alone
            return ()
        return tuple(self.store.volume(scans[i].id) for i in chosen[1:])

    def explain(self, analysis: Analysis, *, method: str, target: str | None = None) -> Explanation:
        """Explain a stored result by another method or for another label, and keep the heat map.

        The network runs again on the same scan; the result must be the same, so a changed model is refused.

        Raises:
            CardError: The model is gone or has changed since.
        """
        run = analysis.prediction.run
        if analysis.card is None or analysis.outdated:
            raise CardError(
                N_("The model {model} has changed since this result was made."),
                hint=N_("Run the analysis again with the present model, then explain that."),
                model=run.model,
            )
        scan, engine = self.store.volume(run.scan), self.engine()
        device = run.device if run.device == engine.device.id else "auto"
        answer = analyse(scan, task=load_task(run.task), card=analysis.card, engine=engine, device=device)
        fresh = explain(answer, scan, card=analysis.card, engine=engine, method=method, target=target)
        explanation = replace(fresh, run=run)
        self.store.save_explanation(explanation)
        return explanation

    def latest(self, study_id: str) -> tuple[Analysis, ...]:
        """Results of a study, the newest first, as they were stored."""
        return tuple(self._stored(prediction) for prediction in self.store.predictions(study_id))

    def _stored(self, prediction: Prediction) -> Analysis:
        run = prediction.run
        explanations = self.store.explanations(run.id)
        cards = {card.id: card for card in self.models.cards()}
        newest = explanations[0] if explanations else None
        return Analysis(prediction, newest, self.store.seen(run.id), cards.get(run.model))


def analyse_once(
    scan: Volume,
    *,
    models: Models,
    engine: Engine,
    task: str,
    model: str,
    method: str = "",
    target: str | None = None,
    device: str = "auto",
    issues: tuple[Issue, ...] = (),
    others: tuple[Volume, ...] = (),
    options: Collection[str] = (),
    progress: Progress = lambda fraction, stage: None,
) -> Analysis:
    """Ask a model about a scan without a store, as the command line does; nothing is kept."""
    card = task_card(models, model, task)
    answer = analyse(
        scan,
        task=load_task(task),
        card=card,
        engine=engine,
        issues=issues,
        device=device,
        others=others,
        options=options,
        progress=progress,
    )
    explanation = None
    if method:
        explanation = explain(answer, scan, card=card, engine=engine, method=method, target=target)
    return Analysis(answer.prediction, explanation, answer.seen, card)


def task_card(models: Models, model: str, task: str) -> ModelCard:
    """The card of a model, or with model "" the first of the task.

    Raises:
        UnknownNameError: There is none, or it answers another question.
    """
    if not model:
        of_task = models.for_task(task)
        if not of_task:
            raise UnknownNameError(
                N_("There is no model for the task {task}."),
                hint=N_("Put a model folder with card.toml and weights.safetensors into {folder}."),
                task=task,
                folder=models.folder.name,
            )
        return of_task[0]
    card = models.card(model)
    if card.task != task:
        raise UnknownNameError(
            N_("The model {model} answers the task {its}, not {task}."), model=model, its=card.task, task=task
        )
    return card


def _refusal(task: Task, scan: ScanFacts, card: ModelCard) -> Message | None:
    issues = (*scan.issues, *task.check(scan, card))
    return next((issue.message for issue in issues if issue.severity is Severity.BLOCK), None)


def _scan(scans: tuple[ScanFacts, ...], scan_id: str) -> ScanFacts:
    for scan in scans:
        if scan.id == scan_id:
            return scan
    raise UnknownNameError(N_("This study has no scan {scan}."), scan=scan_id)


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError(N_("Stopped."))
