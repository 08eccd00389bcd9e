"""The compare page's door to what changed: maps of a later study, a model's answers to radiographs, and their files."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.comparison.changes import VisitChange, visit_change
from medcore.comparison.compare import Compared, Progress
from medcore.comparison.whole_image import OPACITY_SCORE
from medcore.errors import N_, CancelledError, Message
from medcore.exports.nifti_images import write_nifti
from medcore.imaging.change_map import GAINED, KEPT, LOST, REACH
from medcore.predictions import Classification, Explanation
from medcore.store.store import Store
from medcore.volume import Mask, Scale, Unit, Volume
from medcore.workbench import kept_evidence
from medcore.workbench.analyse import Analyse
from medcore.workbench.comparison_draft import Draft
from medcore.workbench.comparison_models import HEAT_METHOD, RadiographSeries, series_of
from medcore.workbench.comparisons import Aligned, Comparisons
from medcore.workbench.train_plan import DETECTORS

FULL_Z = 10.0  # what a heat of 1 stands for
FULL_GROWTH = 0.5  # half as large again
LEAST_GROWTH = 0.3  # of that; bending follows noise by a tenth of a voxel's size, which is no growth
Series: TypeAlias = RadiographSeries  # what pages may name
Change: TypeAlias = VisitChange
SCORE_WORDS = OPACITY_SCORE
REACH_WORDS = REACH


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One thing to lay over the baseline.

    Args:
        title: Marked for translation.
        heat: (S, R, C) of 0..1.
        threshold: Below it nothing is drawn.
        rises: Whether it shows more than before, or less.
    """

    title: str
    heat: NDArray[np.float16]
    threshold: float
    rises: bool


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What changed at a later study, ready to be shown; `mask` is None where a study has no lesions marked."""

    change: VisitChange
    difference: tuple[Layer, ...]
    growth: tuple[Layer, ...]
    mask: Mask | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed between stored studies."""

    store: Store
    analyse: Analyse

    def of_visit(
        self,
        draft: Draft,
        aligned: Aligned,
        found: Compared,
        number: int,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Shown:
        """Map one later study against the baseline; that it was mapped is kept with the baseline.

        Raises:
            NotFoundError: The study of the baseline was deleted meanwhile.
            CancelledError: `cancelled` became true.
        """
        change = visit_change(aligned.moments, found, number, progress=progress, cancelled=cancelled)
        difference: tuple[Layer, ...] = ()
        if change.map is not None:
            z, least = np.where(change.map.marked, change.map.z, 0.0), change.map.threshold / FULL_Z
            difference = (
                Layer(N_("Brighter than before (z ÷ 10)"), _heat(z / FULL_Z), min(least, 0.9), True),
                Layer(N_("Darker than before (z ÷ 10)"), _heat(-z / FULL_Z), min(least, 0.9), False),
            )
        growth: tuple[Layer, ...] = ()
        if change.growth is not None:
            grown = (change.growth - 1) / FULL_GROWTH
            if change.map is not None:  # the air around a patient is bent, too, and that means nothing
                grown = np.where(change.map.compared, grown, 0.0)
            growth = (
                Layer(N_("Tissue grew (1 is 50 %)"), _heat(grown), LEAST_GROWTH, True),
                Layer(N_("Tissue shrank (1 is 50 %)"), _heat(-grown), LEAST_GROWTH, False),
            )
        kept_evidence.keep_map(self.store, draft.visits[0].study, Comparisons(self.store).fingerprint(draft), number)
        return Shown(change, difference, growth, change.masks.mask if change.masks is not None else None)

    def mapped(self, draft: Draft) -> frozenset[int]:
        """Numbers of the later studies that were mapped as this draft has them, in this session or before."""
        return kept_evidence.kept_maps(self.store, draft.visits[0].study, Comparisons(self.store).fingerprint(draft))

    def models(self, draft: Draft) -> tuple[ModelCard, ...]:
        """Models that classify and take the radiograph of the baseline; none for volumes."""
        study = self.store.study(draft.visits[0].study)
        scan = next(one for one in study.scans if one.id == draft.visits[0].scan)
        if scan.shape[0] > 1:
            return ()
        best = self.analyse.suggest(scan)
        tasks = sorted(self.analyse.tasks(), key=lambda task: task != best)
        whole = [task for task in tasks if not self.analyse.of_volumes(task)]
        fitting = [choice for task in whole for choice in self.analyse.choices(scan, task)]
        return tuple(c.card for c in fitting if c.reason is None and c.card.network not in DETECTORS)

    def ask(
        self,
        draft: Draft,
        card: ModelCard,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        """Ask a model about every study that it has not answered yet, and explain all answers for one label.

        Raises:
            UnfitInputError: A study is nothing that the model takes.
            CancelledError: `cancelled` became true.
        """
        target = card.labels[0].id
        for number, chosen in enumerate(draft.visits):
            if cancelled is not None and cancelled():
                raise CancelledError(N_("Stopped."))
            if progress is not None:
                progress(
                    number / len(draft.visits), Message(N_("Asking the model about {study}"), {"study": f"T{number}"})
                )
            if self._answer(chosen.study, chosen.scan, card, target) is None:
                self.analyse.run(
                    chosen.study, chosen.scan, task=card.task, model=card.id, method=HEAT_METHOD, target=target
                )

    def series(self, draft: Draft, aligned: Aligned, card: ModelCard) -> RadiographSeries | None:
        """The answers of a model to all studies on one scale; None while one is missing."""
        target = card.labels[0].id
        answers = [self._answer(one.study, one.scan, card, target) for one in draft.visits]
        there = [one for one in answers if one is not None]
        if len(there) < len(answers):
            return None
        scans = [one.scan for one in aligned.moments]
        return series_of(scans, there, aligned.alignments, card, accepted=draft.accepted)

    def _answer(self, study: str, scan: str, card: ModelCard, target: str) -> tuple[Classification, Explanation] | None:
        for one in self.store.predictions(study):
            if isinstance(one, Classification) and one.run.scan == scan and one.run.weights_sha256 == card.sha256:
                for explanation in self.store.explanations(one.run.id):
                    if (explanation.method, explanation.target) == (HEAT_METHOD, target):
                        return one, explanation
        return None


def heat_layers(series: RadiographSeries, number: int) -> tuple[Layer, ...]:
    """How the heat of a later radiograph differs from the baseline's; none where the alignment is in doubt."""
    change = series.changes[number - 1]
    if change is None:
        return ()
    return (
        Layer(N_("More heat than before"), _heat(change.difference), 0.25, True),
        Layer(N_("Less heat than before"), _heat(-change.difference), 0.25, False),
    )


def z_nifti(shown: Shown, baseline: Volume) -> bytes:
    """The z map on the baseline's grid as .nii.gz: no header of the scan goes with it."""
    assert shown.change.map is not None, "only a volume has one"
    with tempfile.TemporaryDirectory() as folder:
        scan = Volume(shown.change.map.z, Unit.GREY, "", baseline.geometry)
        return write_nifti(scan, Path(folder) / "z.nii.gz").read_bytes()


def changes_csv(shown: Shown) -> bytes:
    """Voxels gained, lost and kept by all lesions together and by each, with the mark that spreadsheets look for."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["lesion", "gained_voxels", "lost_voxels", "kept_voxels", "gained_ml", "lost_ml", "tissue_percent"])
    for row in change_rows(shown):
        writer.writerow(["" if cell is None else cell for cell in row])
    return out.getvalue().encode("utf-8-sig")


def change_rows(shown: Shown) -> list[tuple[str, int, int, int, float | None, float | None, float | None]]:
    """All lesions together (no name), then each: gained, lost, kept voxels; gained, lost ml; tissue in percent."""
    change, rows = shown.change, []
    ml = change.voxel_ml
    parts: list[tuple[str, Sequence[int], float | None]] = []
    if change.masks is not None:
        parts.append(("", [change.masks.voxels(label) for label in (GAINED, LOST, KEPT)], None))
    parts += [(one.id, (one.gained, one.lost, one.kept), one.tissue_percent) for one in change.lesions]
    for name, (gained, lost, kept), tissue in parts:
        volumes = (None, None) if ml is None else (round(gained * ml, 3), round(lost * ml, 3))
        rows.append((name, gained, lost, kept, *volumes, None if tissue is None else round(tissue, 1)))
    return rows


def can_download(baseline: Volume) -> bool:
    """Whether a map lies in patient coordinates, so that NIfTI can hold it."""
    return baseline.geometry.scale is Scale.PATIENT


def _heat(values: NDArray[np.floating]) -> NDArray[np.float16]:
    return np.asarray(np.clip(values, 0.0, 1.0), dtype=np.float16)
