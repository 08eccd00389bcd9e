"""The evaluate page's door: figures with intervals at any threshold, parts, pairs of models, new evaluations."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from medcore.cards import EVALUATION_FILE, Estimate, ModelCard
from medcore.engine import Engine
from medcore.errors import N_, CancelledError, DataSetError, Message, StoreError
from medcore.evaluation.calibration import ReliabilityBin, reliability
from medcore.evaluation.classification import MIN_GROUP, Answers, measure
from medcore.evaluation.compare import Comparison, compare
from medcore.evaluation.conformal import measure_coverage
from medcore.evaluation.curves import Confusion, Curve, confusion, decision_curve, precision_recall_curve, roc_curve
from medcore.evaluation.kept_answers import (
    ANSWERS_FILE,
    EXTERNAL,
    PictureAnswer,
    answers_text,
    as_answers,
)
from medcore.nn.training.laboratory import laboratory
from medcore.settings import Settings
from medcore.workbench.evaluated_pictures import locate
from medcore.workbench.evaluation_file import Evaluated, read_about, read_evaluation
from medcore.workbench.laboratory import LabReport, keep_report, kept_report, report_name
from medcore.workbench.models import Models
from medcore.workbench.picture_sets import PictureSet, SetFacts
from medcore.workbench.recent import Recent

EVALUATIONS = "evaluations"  # folder within the data folder
ABOUT = "about.json"
OWN = "own"  # start of the folder name of what is kept about a model's own evaluation
MANY = "|"  # between several values of one option
SLIDER_ROUNDS = 300  # of the bootstrap while a threshold is moved
BAND_ROUNDS = 200
KEPT = 24  # evaluations, and curves of parts of them, in memory
EVERY_PART = ""
SOURCE = "source"  # name of the column that every answer has

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the pictures of an evaluation.

    Args:
        name: EVERY_PART, or that of a source.
        external: It was never trained on.
    """

    name: str
    external: bool
    answers: tuple[PictureAnswer, ...] = field(repr=False)

    @property
    def patients(self) -> int:
        """Patients or clusters of near-duplicates."""
        return len({(a.source, a.group) for a in self.answers})


@dataclass(frozen=True, slots=True)
class At:
    """All figures at one threshold."""

    metrics: Mapping[str, Estimate]
    confusion: Confusion


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves over all thresholds, with bands; None where only one answer occurs."""

    roc: Curve | None
    precision_recall: Curve | None
    net_benefit: Curve | None
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class PartFigures:
    """A part of the pictures.

    Args:
        external: It was never trained on.
    """

    name: str
    value: str
    n: int
    positive: int
    metrics: Mapping[str, Estimate]
    external: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models on the `n` pictures that both were asked about."""

    n: int
    positive: int
    comparison: Comparison
    curves: tuple[Curve, Curve]


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Everything the page Evaluate does but the pictures themselves."""

    settings: Settings
    models: Models
    engine: Callable[[], Engine]
    read: Recent[Evaluated] = field(default_factory=lambda: Recent(KEPT), repr=False)
    drawn: Recent[Curves] = field(default_factory=lambda: Recent(KEPT), repr=False)

    @property
    def folder(self) -> Path:
        """Where evaluations made here are kept."""
        return self.settings.data_dir / EVALUATIONS

    def of_model(self, model: str) -> tuple[Evaluated, ...]:
        """The evaluation that the model carries, then those made here, the newest first.

        Raises:
            UnknownNameError: There is no such model.
        """
        card = self.models.card(model)
        own = [self._read(card, card.folder, {})] if (card.folder / EVALUATION_FILE).is_file() else []
        made = []
        for path in self.folder.glob(f"*/{ABOUT}"):
            about = read_about(path)
            if about.get("model") == model and about.get("sha256") == card.sha256:
                made.append(self._read(card, path.parent, about))
        return (*own, *sorted(made, key=lambda one: str(one.made_at), reverse=True))

    def run(
        self,
        model: str,
        chosen: PictureSet,
        facts: SetFacts,
        *,
        positive: Sequence[str],
        progress: Progress,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Evaluated:
        """Evaluate a model on a set and keep what was found.

        Raises:
            DataSetError: A label is missing or no picture can be read.
            CancelledError: `cancelled` became true.
            StoreError: The disk is full.
        """
        from medcore.nn.training.evaluate import evaluate  # torch

        def tell(done: int, total: int) -> None:
            if cancelled():
                raise CancelledError(N_("Stopped."))
            progress(0.95 * done / max(1, total), Message(N_("Running the network")))

        card, root = self.models.card(model), chosen.root / chosen.id
        options = {"format": chosen.format, "positive": MANY.join(positive)}
        if facts.columns:
            options |= {"label": facts.label, "patient": facts.patient, "group": MANY.join(facts.reported)}
        options = {name: value for name, value in options.items() if value}
        progress(0.0, Message(N_("Loading the model")))
        found = evaluate(card, root, self.engine(), columns=options, tell=tell)
        about = {"model": model, "sha256": card.sha256, "data": chosen.id, "folder": str(root)}
        about["made_at"] = datetime.now(UTC).isoformat()
        labels = [label.id for label in card.labels]
        texts = {EVALUATION_FILE: json.dumps(found.found, ensure_ascii=False)}
        texts |= {ANSWERS_FILE: answers_text(found.answers, labels), ABOUT: json.dumps(about)}
        return read_evaluation(card, self._keep(texts), about)

    def delete(self, evaluation: str) -> None:
        """Drop an evaluation that was made here."""
        if evaluation and Path(evaluation).name == evaluation:
            shutil.rmtree(self.folder / evaluation, ignore_errors=True)

    def at(self, part: Part, threshold: float) -> At:
        """All figures of the first label at a threshold, with intervals over patients."""
        own = as_answers(part.answers)
        return At(_figures(own, threshold), confusion(own, threshold))

    def curves(self, evaluated: Evaluated, part: Part) -> Curves:
        """ROC, precision-recall, net benefit and reliability of some pictures."""
        key = (evaluated.model, evaluated.id, evaluated.weights, part.name)
        return self.drawn.get(key, lambda: self._curves(part))

    @staticmethod
    def _curves(part: Part) -> Curves:
        own = as_answers(part.answers)
        if own.truth.all() or not own.truth.any():
            return Curves(None, None, None, ())
        return Curves(
            roc=roc_curve(own, rounds=BAND_ROUNDS),
            precision_recall=precision_recall_curve(own, rounds=BAND_ROUNDS),
            net_benefit=decision_curve(own, rounds=BAND_ROUNDS),
            reliability=reliability(own.truth, own.probability),
        )

    def parts(self, evaluated: Evaluated) -> Mapping[str, Part]:
        """Choices of pictures by what they are: all of the test, each source, each set never trained on."""
        test = tuple(a for a in evaluated.answers if a.part != EXTERNAL)
        others = tuple(a for a in evaluated.answers if a.part == EXTERNAL)
        found = {EVERY_PART: Part(EVERY_PART, external=False, answers=test)}
        for answers, external in ((test, False), (others, True)):
            names = dict.fromkeys(a.source for a in answers)
            if external or len(names) > 1:
                found |= {n: Part(n, external, tuple(a for a in answers if a.source == n)) for n in names}
        return found

    def subgroups(self, part: Part, threshold: float) -> tuple[PartFigures, ...]:
        """Figures of each value of each column that has enough pictures."""
        found, answers = [], part.answers
        for name in dict.fromkeys(name for a in answers for name in a.columns):
            values = sorted({a.columns.get(name, "") for a in answers} - {""})
            if not 1 < len(values) <= len(answers) / 2:
                continue
            for value in values:
                own = [a for a in answers if a.columns.get(name, "") == value]
                if len(own) >= MIN_GROUP:
                    metrics = _figures(as_answers(own), threshold)
                    positive = sum(a.truth[0] for a in own)
                    found.append(PartFigures(name, value, len(own), positive, metrics))
        return tuple(found)

    def by_source(self, evaluated: Evaluated) -> tuple[PartFigures, ...]:
        """Figures of each set that has enough pictures, those never trained on last; none where there is one alone."""
        parts = [part for name, part in self.parts(evaluated).items() if name and len(part.answers) >= MIN_GROUP]
        return tuple(
            PartFigures(
                name=SOURCE,
                value=part.name,
                n=len(part.answers),
                positive=sum(a.truth[0] for a in part.answers),
                metrics=_figures(as_answers(part.answers), evaluated.threshold),
                external=part.external,
            )
            for part in parts
        )

    def coverage(self, card: ModelCard, part: Part) -> Mapping[str, Estimate]:
        """How often the card's conformal sets held the truth in some pictures; nothing where it has none."""
        if card.conformal is None or not part.answers:
            return {}
        own = as_answers(part.answers)
        found = measure_coverage(own.truth, own.probability, own.group, card.conformal)
        named = {one.name: getattr(found, one.name) for one in fields(found)}
        return {name: value for name, value in named.items() if isfinite(value.value)}

    def compare(self, first: Evaluated, second: Evaluated, part: Part) -> Pair:
        """Two models on those pictures of a part of the first's evaluation that both were asked about.

        Raises:
            DataSetError: They share too few pictures, or their labels differ there.
        """
        return compare_answers(part.answers, second.answers, (first.threshold, second.threshold))

    def laboratory(
        self,
        evaluated: Evaluated,
        part: Part,
        models: Sequence[str],
        *,
        progress: Progress,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> LabReport:
        """Models on a part of the pictures of an evaluation as these get worse in many ways; what is found is kept.

        Raises:
            DataSetError: The pictures are not here, or only one answer is.
            CancelledError: `cancelled` became true.
        """

        def tell(done: int, total: int) -> None:
            if cancelled():
                raise CancelledError(N_("Stopped."))
            progress(done / total, Message(N_("Changing the pictures and asking again")))

        progress(0.0, Message(N_("Loading the model")))
        cards = [self.models.card(model) for model in models]
        found = [locate(evaluated.folder, self.models.card(evaluated.model), a, self.settings)
                 for a in part.answers]  # fmt: skip
        cases = [case for case in found if case is not None]
        report = LabReport(laboratory(cards, cases, self.engine(), tell=tell))
        keep_report(self._lab(evaluated, part, models), report)
        return report

    def kept_laboratory(self, evaluated: Evaluated, part: Part, models: Sequence[str]) -> LabReport | None:
        """What the laboratory found before with these very weights; None where it has not been asked."""
        return kept_report(self._lab(evaluated, part, models))

    def _lab(self, evaluated: Evaluated, part: Part, models: Sequence[str]) -> Path:
        """Beside an evaluation that was made here, and goes with it; those of a model's own stand in one folder."""
        folder = self.folder / (evaluated.id or f"{OWN}-{evaluated.model}")
        return folder / report_name([self.models.card(model) for model in models], part.name)

    def _read(self, card: ModelCard, folder: Path, about: Mapping[str, str]) -> Evaluated:
        path = folder / EVALUATION_FILE
        key = (str(path), path.stat().st_mtime_ns, card.sha256)
        return self.read.get(key, lambda: read_evaluation(card, folder, about))

    def _keep(self, texts: Mapping[str, str]) -> Path:
        """A folder with these files, put in place when all are written."""
        folder = self.folder / secrets.token_hex(6)
        fresh = folder.with_name(f".{folder.name}")
        try:
            fresh.mkdir(parents=True)
            for name, text in texts.items():
                (fresh / name).write_text(text, encoding="utf-8")
            fresh.rename(folder)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise StoreError(N_("{path} cannot be written."), path=str(folder)) from error
        return folder


def compare_answers(
    first: Sequence[PictureAnswer], second: Sequence[PictureAnswer], thresholds: tuple[float, float]
) -> Pair:
    """Two models on the pictures that both were asked about.

    Raises:
        DataSetError: They share too few pictures, or their labels differ there.
    """
    others = {(a.source, a.file, a.index): a for a in second}
    pairs = [(a, others[key]) for a in first if (key := (a.source, a.file, a.index)) in others]
    if any(a.truth[0] != b.truth[0] for a, b in pairs):
        raise DataSetError(
            N_("The two models were measured with different labels."),
            hint=N_("Evaluate both on the same folder with the same values."),
        )
    positive = sum(a.truth[0] for a, _ in pairs)
    if min(positive, len(pairs) - positive) < MIN_GROUP // 2:
        raise DataSetError(
            N_("The two models share {count} pictures, which is too few to compare them."),
            hint=N_("Evaluate both on the same folder."),
            count=len(pairs),
        )
    one, other = as_answers([a for a, _ in pairs]), as_answers([b for _, b in pairs])
    found = compare(one, other, thresholds=thresholds)
    curves = (roc_curve(one, rounds=BAND_ROUNDS), roc_curve(other, rounds=BAND_ROUNDS))
    return Pair(len(pairs), positive, found, curves)


def _figures(answers: Answers, threshold: float) -> dict[str, Estimate]:
    """All metrics that have a meaning at the threshold: without a positive call there is no precision."""
    found = measure(answers, threshold=threshold, rounds=SLIDER_ROUNDS)
    return {name: value for name, value in found.items() if isfinite(value.value)}
