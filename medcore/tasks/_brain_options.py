"""What may be done to the MR of a head before it is looked at: N4 bias correction, taking scalp and skull away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from medcore.errors import N_, Message
from medcore.imaging.regions import segment
from medcore.imaging.steps import Work, load_step
from medcore.records import Issue, Severity
from medcore.tasks import Cancelled, Option, Progress, stop_if
from medcore.volume import Volume

N4, STRIP = "n4", "skull_strip"
SURE = 0.3  # plausibility of the brain's outline below which nothing is cut away
OPTIONS = (
    Option(
        N4,
        N_("N4 bias correction"),
        N_("Removes the slow brightness variation of MR receive coils before the network looks."),
    ),
    Option(
        STRIP,
        N_("Remove scalp and skull"),
        N_("Keeps what thresholds and morphology take for the brain. A tumour at the surface may be cut with it."),
    ),
)
CORRECTING = Message(N_("Removing the brightness variation (N4)"))
LOOKING = Message(N_("Looking for the brain"))


def refined(
    scan: Volume, options: Collection[str], *, skull_in_training: bool, progress: Progress, cancelled: Cancelled
) -> tuple[Volume, tuple[Issue, ...]]:
    """A series after the options that were asked for, N4 first, and what is to be known about it.

    Args:
        skull_in_training: The network learnt from heads with their skull, so that without it a head looks strange.

    Raises:
        UnfitInputError: An option cannot be done to this scan.
        CancelledError: `cancelled` became true.
    """
    notes: tuple[Issue, ...] = ()
    if N4 in options:
        scan, notes = _corrected(scan, progress, cancelled)
    if STRIP in options:
        scan, more = _stripped(scan, progress, cancelled, skull_in_training=skull_in_training)
        notes = (*notes, *more)
    return scan, notes


def _corrected(scan: Volume, progress: Progress, cancelled: Cancelled) -> tuple[Volume, tuple[Issue, ...]]:
    def watch(share: float) -> None:
        stop_if(cancelled)
        progress(share, CORRECTING)

    step = load_step("n4")
    watch(0.0)
    work = step.apply(Work(scan), {one.id: one.default for one in step.parameters}, watch)
    return work.volume, work.notes


def _stripped(
    scan: Volume, progress: Progress, cancelled: Cancelled, *, skull_in_training: bool
) -> tuple[Volume, tuple[Issue, ...]]:
    progress(0.0, LOOKING)
    brain = segment("brain", scan, cancelled=cancelled)
    if brain.quality < SURE:
        text = Message(N_("The brain could not be told from scalp and skull, so nothing was removed."))
        hint = Message(N_("Run without this option, or use series whose skull was stripped."))
        return scan, (Issue("not_stripped", Severity.WARN, text, hint, brain.quality, SURE),)
    inside = brain.mask.labels > 0
    kept = replace(scan, voxels=np.where(inside, scan.voxels, scan.voxels.min()))
    if not skull_in_training:
        return kept, ()
    text = Message(N_("Scalp and skull were removed before; this network learnt from heads that have them."))
    hint = Message(N_("Compare with a run without this option."))
    return kept, (Issue("stripped", Severity.WARN, text, hint),)
