"""Brain tumour: where is it in this MR, how large, and of which kind does it look?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float32, uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.imaging.head_slices import (
    HIGH_PERCENT,
    LOW_PERCENT,
    MEAN,
    PREPROCESSING_VERSION,
    SPREAD,
    Scaling,
    Square,
    cut_square,
    grey_scaling,
    grey_voxels,
    head_square,
    put_back,
    stands_out,
)
from medcore.predictions import Prediction, Score, Segmentation
from medcore.records import Issue, Run, Severity
from medcore.tasks import Cancelled, Forward, Prepared, Progress, Scan, VolumeAnswer, VolumeTask, stop_if
from medcore.tasks._brain_checks import (
    CONTRAST,
    T1,
    header_issues,
    refuse_other_parts,
    refuse_other_pictures,
    refuse_other_weighting,
    voids,
    voxel_issues,
)
from medcore.tasks._brain_options import OPTIONS, refined
from medcore.tasks._brain_sequences import analyse_sequences, first_issues, sequence_order, takes_sequences
from medcore.tasks._volume_lesions import large_pieces, measured_lesions, presence
from medcore.tasks._volume_planes import Plane, planes
from medcore.tasks._volume_voting import Votes, kind_probabilities, network_inputs, slice_probabilities, vote
from medcore.volume import Array, Mask, Scale, Volume

FINDING = N_("Tumour")
NO_SPACING = ("unit_spacing", "no_spacing")  # doubts of the readers after which a millimetre is not believed
NO_SIDES = ("no_orientation",)
MEASURING = Message(N_("Measuring the lesions"))


@dataclass(frozen=True, slots=True, eq=False)
class _Head:
    """A scan made ready to be looked at."""

    voxels: Array
    standing_out: NDArray[bool_]
    scaling: Scaling


class BrainTumour(VolumeTask):
    """A mask on the scan's own grid, its lesions, and a suggestion of the kind."""

    title = N_("Brain tumour")
    question = N_("Is there a tumour in this MR of the brain, where, how large, and of which kind does it look?")
    modalities = ("MR", "")
    version = PREPROCESSING_VERSION
    mean, spread = MEAN, SPREAD
    options = OPTIONS

    def check(self, scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
        """BLOCK for another modality, body part or contrast; WARN for thick slices, few pixels, a phantom."""
        if takes_sequences(card):
            plain = [issue for issue in header_issues(scan, card) if issue.code not in ("weighting", "contrast")]
            return (*plain, *first_issues(scan))
        return header_issues(scan, card)

    def order(self, scans: Sequence[Scan], card: ModelCard) -> tuple[int, ...]:
        """The series that looks most like T1 after contrast by its name, then the one with the most voxels.

        For a network of four sequences all four of them, in its order.
        """
        if takes_sequences(card):
            return sequence_order(scans)

        def worth(i: int) -> tuple[bool, bool, bool, int]:
            blocked = any(issue.severity is Severity.BLOCK for issue in self.check(scans[i], card))
            name = scans[i].name
            return not blocked, bool(CONTRAST.search(name)), bool(T1.search(name)), int(np.prod(scans[i].shape))

        return (max(range(len(scans)), key=worth),)

    def refined(
        self,
        scans: Sequence[Volume],
        options: Collection[str],
        *,
        card: ModelCard,
        progress: Progress,
        cancelled: Cancelled,
    ) -> tuple[tuple[Volume, ...], tuple[Issue, ...]]:
        """Each series after N4 and without its skull, as asked for."""
        done = [
            refined(scan, options, skull_in_training=not takes_sequences(card), progress=progress, cancelled=cancelled)
            for scan in scans
        ]
        return tuple(scan for scan, _ in done), tuple(note for _, notes in done for note in notes)

    def prepare(self, scan: Volume, card: ModelCard) -> Prepared:
        """The first slice: cut to the head, percentiles of what stands out to 0 and 1, on the network's square."""
        head = _head(scan)
        side = card.contract.size
        steps = scan.geometry.steps[1], scan.geometry.steps[2]
        square = head_square(head.standing_out, steps)
        seen = cut_square(head.scaling.apply(head.voxels[0]), square, side)
        shown = [seen, seen[:, ::-1]][: card.views]
        parameters = _parameters(card) | {"views": card.views}
        return Prepared(network_inputs(np.stack(shown), card), seen, parameters, square.matrix(side))

    def interpret(
        self,
        logits: NDArray[float32],
        scan: Volume,
        card: ModelCard,
        run: Run,
        *,
        dense: NDArray[float32] | None = None,
        prepared: Prepared | None = None,
    ) -> Prediction:
        """The mask of a single slice.

        Args:
            dense: (views, side, side): mask logits of the slice and, with two views, of its mirror image.
        """
        assert dense is not None
        assert prepared is not None
        side = dense.shape[-1]
        upright = np.stack([dense[0], *(other[:, ::-1] for other in dense[1:])])
        found = slice_probabilities(upright[:, None], np.repeat(logits[None], len(upright), axis=0), card).mean(axis=0)
        matrix = prepared.to_scan
        square = Square(matrix[0, 2], matrix[1, 2], matrix[0, 0] * side, matrix[1, 1] * side)
        probability = put_back(np.ascontiguousarray(found, dtype=float32), square, scan.shape[1:])[None]
        member = np.rint(probability * 255).astype(uint8)
        return _segmentation(
            probability,
            [member],
            scan,
            card,
            run,
            least=_least(card, square),
            kinds=kind_probabilities(logits[None], card)[0],
            scale=scan.geometry.scale,
            disagreement=None,
        )

    def analyse(
        self,
        scans: Sequence[Volume],
        *,
        card: ModelCard,
        forward: Forward,
        run: Run,
        progress: Progress,
        cancelled: Cancelled,
    ) -> VolumeAnswer:
        """Slice by slice in every plane that is sharp enough; the votes make the mask on the scan's own grid."""
        if takes_sequences(card):
            return analyse_sequences(scans, card=card, forward=forward, run=run, progress=progress, cancelled=cancelled)
        scan = scans[0]
        doubts = {issue.code for issue in run.warnings}
        in_mm = scan.geometry.scale is Scale.PATIENT and not doubts & set(NO_SPACING)
        known = in_mm and not doubts & set(NO_SIDES)
        refuse_other_weighting(scan.facts)
        head = _head(scan)
        chosen = planes(scan.geometry, scan.shape, known=known)
        refuse_other_parts(head.standing_out, chosen[0], known=known)
        outlined = refuse_other_pictures(head.voxels, head.standing_out, scan.modality)
        votes = vote(
            head.voxels,
            head.standing_out,
            head.scaling,
            chosen,
            card=card,
            forward=forward,
            progress=progress,
            cancelled=cancelled,
        )
        progress(0.99, MEASURING)
        stop_if(cancelled)
        square = head_square(chosen[0].view(head.standing_out), chosen[0].steps)
        kinds = votes.kinds / max(votes.weight, 1e-9)
        prediction = _segmentation(
            votes.probability(),
            votes.members,
            scan,
            card,
            run,
            least=_least(card, square),
            kinds=kinds,
            scale=Scale.PATIENT if in_mm else Scale.NONE,
            disagreement=votes.disagreement(),
        )
        across = scan.geometry.steps[chosen[0].axes[0]] if in_mm else None
        issues = voxel_issues(head.standing_out, chosen[0], across_mm=across, distances=votes.distances, card=card)
        doubtful = (*_relative(scan, in_mm), *outlined, *voids(head.voxels, head.standing_out, chosen[0]), *issues)
        return VolumeAnswer(prediction, _parameters(card) | _looked(chosen, votes), doubtful, votes.seen)


def _head(scan: Volume) -> _Head:
    standing_out = stands_out(scan)
    voxels = grey_voxels(scan)
    return _Head(voxels, standing_out, grey_scaling(voxels, standing_out))


def _segmentation(
    probability: NDArray[float32],
    members: Sequence[NDArray[uint8]],
    scan: Volume,
    card: ModelCard,
    run: Run,
    *,
    least: float,
    kinds: Array,
    scale: Scale,
    disagreement: NDArray[np.float16] | None,
) -> Segmentation:
    threshold = card.mask.threshold
    inside = large_pieces(probability >= threshold, least)
    mask = Mask(inside.astype(uint8), {1: FINDING}, scan.geometry)
    scores = tuple(Score(label.id, float(p), label.threshold) for label, p in zip(card.labels, kinds, strict=True))
    return Segmentation(
        run=run,
        mask=mask,
        lesions=measured_lesions(mask, probability, members, threshold=threshold, scale=scale),
        scores=scores,
        presence=presence(probability),
        uncertainty=disagreement,
    )


def _least(card: ModelCard, square: Square) -> float:
    """Voxels of the smallest piece that is kept."""
    return card.mask.least_area * square.height * square.width


def _relative(scan: Volume, in_mm: bool) -> tuple[Issue, ...]:
    """Why there are no millilitres, where there are none."""
    if in_mm:
        return ()
    if scan.geometry.scale is Scale.NONE:
        text = Message(N_("This is a picture without a scale: sizes are given in pixels only."))
    else:
        text = Message(N_("The file does not give the true distance of its voxels: sizes are relative, in voxels."))
    hint = Message(N_("Use the original DICOM series to measure; compare relative sizes within one protocol only."))
    return (Issue("relative_volume", Severity.WARN, text, hint),)


def _parameters(card: ModelCard) -> dict[str, str | int | float]:
    return {
        "version": PREPROCESSING_VERSION,
        "side": card.contract.size,
        "low_percent": LOW_PERCENT,
        "high_percent": HIGH_PERCENT,
        "mask_threshold": card.mask.threshold,
        "least_area": card.mask.least_area,
    }


def _looked(chosen: Sequence[Plane], votes: Votes) -> dict[str, str | int | float]:
    names = ", ".join(plane.name or "as stored" for plane in chosen)
    return {"planes": names, "votes": len(votes.members)}


TASK = BrainTumour()
