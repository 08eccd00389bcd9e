"""The reader's word on what a model found: accept, reject, redraw with the brush, undo; the original stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from medcore.errors import N_, StoreError, UnknownNameError
from medcore.imaging.heirs import Piece
from medcore.predictions import Classification, Detection, Prediction, Segmentation, Suggestion
from medcore.store.corrections import Act, Correction, NewCorrection, standing
from medcore.store.store import Store
from medcore.tasks import VolumeTask, load_task
from medcore.volume import Geometry, Mask, Triple
from medcore.workbench import corrected, redrawn
from medcore.workbench.corrected import Finding, Review, Standing

RELATIVE = "relative_volume"  # code of a task's warning that there are no true millimetres
ACTS = {Standing.ACCEPTED: Act.ACCEPTED, Standing.REJECTED: Act.REJECTED, Standing.OPEN: Act.REOPENED}


@dataclass(frozen=True, slots=True)
class ResultCorrections:
    """Corrections of stored results."""

    store: Store

    def version(self, run_id: str) -> int:
        """Another number after each correction of a result; 0 before the first."""
        return self.store.corrections.latest(run_id)

    def review(self, prediction: Prediction) -> Review:
        """A stored result with all that readers did to it."""
        history = self.store.corrections.of(prediction.run.id)
        counting = standing(history)
        drawn = drawn_mask(prediction)
        mask = None if drawn is None else self._mask(drawn, counting)
        review = Review(
            prediction=prediction,
            mask=mask,
            findings=corrected.findings_of(prediction, self._geometry(prediction), counting),
            suggestions=prediction.suggestions if isinstance(prediction, Detection) else (),
            history=history,
            last=counting[-1] if counting else None,
        )
        return replace(review, suggestions=self._suggestions(review)) if counting else review

    def judge(self, review: Review, finding: str, verdict: Standing, *, by: str = "") -> None:
        """Accept or reject a lesion, or take neither side again; a rejected one leaves the mask.

        Raises:
            StoreError: There is no such lesion any more, or it was erased.
        """
        one = next((one for one in review.findings if one.id == finding), None)
        if one is None or one.standing is Standing.ERASED:
            raise StoreError(N_("This lesion is no longer in the result."), hint=N_("Undo, or draw it again."))
        if one.standing is verdict:
            return
        gone = None
        if verdict is Standing.REJECTED and review.mask is not None and one.lesion is not None:
            piece = pieces(review).get(finding)
            gone = redrawn.only(review.mask, piece) if piece is not None else None
        self.store.corrections.add(
            NewCorrection(review.prediction.run.id, ACTS[verdict], by, lesion=finding, mask=gone)
        )

    def redraw(self, review: Review, mask: Mask, *, hidden: frozenset[str] = frozenset(), by: str = "") -> bool:
        """Keep the mask as the brush left it and measure its lesions anew; False where nothing changed.

        Args:
            mask: What the reader sees: without the rejected lesions.
            hidden: Ids of lesions that the reader does not see either, and that stay as they are.

        Raises:
            StoreError: It does not lie on the scan's grid, or the result has no mask.
        """
        if review.mask is None:
            raise StoreError(N_("This result has no mask to correct."))
        unseen = [piece for key, piece in pieces(review).items() if key in hidden]
        mask = redrawn.with_back(mask, [redrawn.only(review.mask, piece) for piece in unseen])
        if np.array_equal(mask.labels, review.mask.labels):
            return False
        if isinstance(review.prediction, Detection):
            content = redrawn.outlines_remeasured(review.mask, mask, review.findings)
        else:
            content = redrawn.remeasured(review.mask, mask, review.findings, in_mm=_in_mm(review.prediction))
        run = review.prediction.run.id
        self.store.corrections.add(NewCorrection(run, Act.REDRAWN, by, mask=mask, content=content))
        return True

    def seen(self, review: Review, hidden: frozenset[str]) -> Mask | None:
        """The mask without lesions that the reader does not want to see; the same object where that is none."""
        if review.mask is None or not hidden:
            return review.mask
        return redrawn.without(review.mask, [piece for key, piece in pieces(review).items() if key in hidden])

    def undo(self, review: Review, *, by: str = "") -> None:
        """Take the latest correction back; it stays in the history."""
        if review.last is not None:
            run = review.prediction.run.id
            self.store.corrections.add(NewCorrection(run, Act.UNDONE, by, takes_back=review.last.number))

    def at(self, review: Review, place: Triple) -> Finding | None:
        """The lesion at a place in the scan's LPS mm (pixels without a scale)."""
        if review.mask is None:
            return None
        index = np.rint(review.mask.geometry.to_index(np.array(place))).astype(int)
        for key, piece in pieces(review).items():
            inside = index - piece.corner
            if (inside >= 0).all() and (inside < piece.inside.shape).all() and piece.inside[tuple(inside)]:
                return next(one for one in review.findings if one.id == key)
        return None

    def _mask(self, drawn: Mask, counting: tuple[Correction, ...]) -> Mask:
        """The mask as it stands: the last redrawn one, without what was rejected since, with what was brought back."""
        latest = corrected.last_redrawn(counting)
        mask = drawn if latest is None else self.store.corrections.mask(latest.number)
        since = latest.number if latest else 0
        rejections = {one.lesion: one for one in counting if one.act is Act.REJECTED and one.content is not None}
        out, back = [], []
        for lesion, verdict in corrected.verdicts(counting).items():
            rejection = rejections.get(lesion)
            if rejection is None or verdict.number < since:
                continue  # what the reader redrew since counts
            if verdict.act is Act.REJECTED:
                out.append(rejection)
            elif rejection.number < since:
                back.append(rejection)
        taken = [_as_piece(self.store.corrections.mask(one.number)) for one in out]
        return redrawn.with_back(
            redrawn.without(mask, taken), [self.store.corrections.mask(one.number) for one in back]
        )

    def _suggestions(self, review: Review) -> tuple[Suggestion, ...]:
        """What published rules say of what the reader left; as the model's answer had it where its task is gone."""
        run = review.prediction.run
        try:
            task = load_task(run.task)
        except UnknownNameError:
            return review.suggestions
        if not isinstance(task, VolumeTask):
            return review.suggestions
        scans = {scan.id: scan for scan in self.store.study(run.study).scans}
        revised = task.revised(review.result, scans[run.scan].acquired_on)
        return revised.suggestions if isinstance(revised, Detection) else ()

    def _geometry(self, prediction: Prediction) -> Geometry:
        if isinstance(prediction, Segmentation):
            return prediction.mask.geometry
        return self.store.volume(prediction.run.scan).geometry


@lru_cache(maxsize=8)
def pieces(review: Review) -> Mapping[str, Piece]:
    """The voxels of each lesion that counts."""
    if review.mask is None:
        return {}
    if isinstance(review.prediction, Detection):
        return redrawn.outlined_pieces(review.mask, review.counted)
    return redrawn.pieces_of(review.mask, [one.lesion for one in review.counted if one.lesion])


def _in_mm(prediction: Prediction) -> bool:
    """Whether the model found the scan's millimetres to be true: then its lesions have millilitres."""
    lesions = prediction.lesions if isinstance(prediction, Segmentation) else ()
    told = any(issue.code == RELATIVE for issue in prediction.run.warnings)
    return not told and all(lesion.volume_ml is not None for lesion in lesions)


def _as_piece(mask: Mask) -> Piece:
    used = [np.flatnonzero(mask.labels.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    s, r, c = (int(one[0]) for one in used)
    box = mask.labels[tuple(slice(int(one[0]), int(one[-1]) + 1) for one in used)]
    return Piece((s, r, c), box > 0)


def drawn_mask(prediction: Prediction) -> Mask | None:
    """The mask of a result as the model drew it; None where it drew none."""
    return None if isinstance(prediction, Classification) else prediction.mask
