"""Four MR sequences of one brain, outlined together by a network on volumes, as the BraTS challenges define it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float32, uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message, UnfitInputError
from medcore.imaging.head_grid import (
    STEP_MM,
    HeadGrid,
    as_volume,
    head_grid,
    is_stripped,
    off_head_grid,
    on_head_grid,
    standardise,
)
from medcore.imaging.regions import segment
from medcore.predictions import Score, Segmentation
from medcore.records import Issue, Run, Severity
from medcore.tasks import Cancelled, Forward, Progress, Scan, VolumeAnswer, stop_if
from medcore.tasks._volume_lesions import large_pieces, measured_lesions, presence
from medcore.tasks._windows import OVERLAP, Windows, plan_windows, slide
from medcore.volume import Mask, Scale, Volume

SEQUENCES = ("T1c", "T1", "T2", "FLAIR")  # the order of the published network's channels
CORE, WHOLE, ENHANCING = 0, 1, 2  # of its outputs: tumour core, whole tumour, enhancing tumour; each holds the next
REST, OEDEMA, ENHANCES = 1, 2, 3  # of our mask, where each voxel has one value
NAMES = {
    REST: N_("Tumour core that does not enhance"),
    OEDEMA: N_("Oedema or infiltration"),
    ENHANCES: N_("Enhancing tumour"),
}
FLAIR = re.compile(r"flair|(?:^|[\W_])t2f(?:[\W_]|$)|dark.?fluid", re.IGNORECASE)
T2 = re.compile(r"(?:^|[\W_])t2(?:w\w*|[\W_]|$)", re.IGNORECASE)
T1_ENHANCED = re.compile(r"(?:^|[\W_])t1(?:c\w*|gd|km)(?:[\W_]|$)", re.IGNORECASE)
T1 = re.compile(r"(?:^|[\W_])(?:t1\w*|mprage|mpr|spgr|fspgr|bravo)(?:[\W_]|$)", re.IGNORECASE)
GIVEN = re.compile(r"(?:^|[\W_])(?:post\w*|gd|ce|km|contrast|enhanced)(?:[\W_]|$)|c\+|\+c", re.IGNORECASE)
NOT_GIVEN = re.compile(r"unenhanced|non\W?contrast|pre\W?contrast|plain|without|native", re.IGNORECASE)
AXES = (0, 3, 2, 1)  # the published network sees x, y, z: to the left, to the back, to the head
LEAST_ML = 0.05
SURE = 0.3  # plausibility of the brain's outline below which nothing is cut away
STRIP, TOGETHER, WINDOWS, MEASURE = (
    Message(N_("Looking for the brain")),
    Message(N_("Bringing the series onto one grid")),
    Message(N_("Outlining window by window")),
    Message(N_("Measuring the lesions")),
)


def takes_sequences(card: ModelCard) -> bool:
    """Whether the card's network sees four sequences at once."""
    return card.contract.channels == len(SEQUENCES)


def sequence_of(name: str) -> str | None:
    """Which of the four sequences a series is, by its name; None where it does not say."""
    if FLAIR.search(name):
        return "FLAIR"
    if T2.search(name):
        return "T2"
    if T1_ENHANCED.search(name):
        return "T1c"
    if T1.search(name):
        return "T1c" if GIVEN.search(name) and not NOT_GIVEN.search(name) else "T1"
    return None


def sequence_order(scans: Sequence[Scan]) -> tuple[int, ...]:
    """Numbers of the series in the order of the channels, of each kind the one with the most voxels.

    Where some are missing, those that are there; the first is the one to name what is missing.
    """
    best: dict[str, int] = {}
    for number, scan in enumerate(scans):
        kind = sequence_of(scan.name)
        if kind is None or (scan.modality not in ("MR", "")):
            continue
        if kind not in best or np.prod(scan.shape) > np.prod(scans[best[kind]].shape):
            best[kind] = number
    return tuple(best[kind] for kind in SEQUENCES if kind in best) or (0,)


def first_issues(scan: Scan) -> tuple[Issue, ...]:
    """BLOCK for a series that is not the one on whose grid the answer lies."""
    if sequence_of(scan.name) == SEQUENCES[0] and scan.spacing_mm is not None:
        return ()
    text = Message(
        N_("This model needs T1 after contrast, T1, T2 and FLAIR of one study; “{name}” is not called T1 after "
           "contrast or has no millimetres."),
        {"name": scan.name},
    )  # fmt: skip
    hint = Message(N_("Start from the series T1 after contrast; the other three are taken from the same study."))
    return (Issue("weighting", Severity.BLOCK, text, hint),)


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """The network's picture of a brain.

    Args:
        values: (4, S, R, C) float32 on the grid, standardised, 0 outside of the brain.
        cut: How scalp and skull were taken away, for the record.
    """

    values: NDArray[float32]
    grid: HeadGrid
    cut: str
    issues: tuple[Issue, ...]


def analyse_sequences(
    scans: Sequence[Volume],
    *,
    card: ModelCard,
    forward: Forward,
    run: Run,
    progress: Progress,
    cancelled: Cancelled,
) -> VolumeAnswer:
    """Core, oedema and enhancing tumour on the grid of the first series.

    Raises:
        UnfitInputError: Not all four sequences are there.
        CancelledError: `cancelled` became true.
    """
    _refuse_missing(scans)
    progress(0.0, TOGETHER)
    channels = gather(scans, progress=progress, cancelled=cancelled)
    grid, cut, issues, seen = channels.grid, channels.cut, channels.issues, _seen(channels)
    image = channels.values.transpose(AXES)
    del channels  # hundreds of megabytes, which the rest has no use for
    windows = plan_windows((image != 0).any(axis=0), card.contract.size)
    logits = slide(
        image, windows, forward=forward, cancelled=cancelled, stage=WINDOWS,
        progress=lambda share, stage: progress(0.15 + 0.75 * share, stage),
    )  # fmt: skip
    del image
    progress(0.9, MEASURE)
    stop_if(cancelled)
    parameters: dict[str, str | int | float] = {
        "sequences": ", ".join(SEQUENCES), "grid_mm": STEP_MM, "brain": cut, "window": card.contract.size,
        "overlap": OVERLAP, "windows": len(windows.starts), "threshold": card.mask.threshold,
    }  # fmt: skip
    probability = _on_scan(logits, windows, grid, scans[0])
    return VolumeAnswer(merged(probability, scans[0], card, run), parameters, issues, seen)


def gather(
    scans: Sequence[Volume],
    *,
    progress: Progress = lambda share, stage: None,
    cancelled: Cancelled = lambda: False,
) -> Channels:
    """The four sequences on one grid, without scalp and skull, standardised over the brain."""
    grid, issues, first = head_grid(scans[0]), _apart(scans), scans[0]
    values: NDArray[float32] = np.empty((len(scans), *grid.shape), dtype=float32)
    stripped = is_stripped(np.asarray(first.voxels), first.geometry.voxel_ml)
    for number, scan in enumerate(scans):
        stop_if(cancelled)
        values[number] = on_head_grid(scan, grid, empty=stripped)
    cut = "as it came"
    if not stripped:
        progress(0.05, STRIP)
        found = segment("brain", as_volume(values[0], grid, first), cancelled=cancelled)
        cut = "by thresholds and morphology" if found.quality >= SURE else "not cut"
        if found.quality >= SURE:
            values *= found.mask.labels > 0
        else:
            issues = (*issues, _not_stripped(found.quality))
    for one in values:
        standardise(one)
    return Channels(values, grid, cut, issues)


def merged(probability: NDArray[float32], scan: Volume, card: ModelCard, run: Run) -> Segmentation:
    """Overlapping outputs as one mask, in which the inner part wins.

    Args:
        probability: (3, S, R, C) of core, whole and enhancing tumour on the scan's own grid.
    """
    sure = probability >= card.mask.threshold
    least = LEAST_ML / (scan.geometry.voxel_ml or LEAST_ML)
    whole = large_pieces(np.asarray(sure.any(axis=0)), least)
    labels = np.where(whole, OEDEMA, 0).astype(uint8)
    labels[whole & (sure[CORE] | sure[ENHANCING])] = REST
    labels[whole & sure[ENHANCING]] = ENHANCES
    mask = Mask(labels, NAMES, scan.geometry)
    highest = probability.max(axis=0)
    return Segmentation(
        run=run,
        mask=mask,
        lesions=measured_lesions(mask, highest, (), threshold=card.mask.threshold, scale=Scale.PATIENT),
        scores=tuple(
            Score(label.id, float(one.max()), label.threshold)
            for label, one in zip(card.labels, probability, strict=True)
        ),
        presence=presence(highest),
    )


def _on_scan(logits: NDArray[float32], windows: Windows, grid: HeadGrid, scan: Volume) -> NDArray[float32]:
    """(K, S, R, C) probabilities on the scan's own grid of logits (K, x, y, z) on the windows' box."""
    found = np.zeros((len(logits), *scan.shape), dtype=float32)
    box = tuple(slice(low, high) for low, high in windows.box[::-1])
    for number, one in enumerate(logits):
        whole = np.zeros(grid.shape, dtype=float32)
        whole[box] = 1 / (1 + np.exp(-one.transpose(2, 1, 0)))
        found[number] = off_head_grid(whole, grid, scan)
    return found


def _seen(channels: Channels) -> NDArray[float32]:
    """The middle slice of the first sequence."""
    middle = channels.values[0, channels.grid.shape[0] // 2]
    return np.asarray(np.clip(middle / 4 + 0.5, 0, 1) * (middle != 0), dtype=float32)


def _not_stripped(quality: float) -> Issue:
    text = Message(N_("The brain could not be told from scalp and skull, which this network was never shown."))
    hint = Message(N_("Use series whose skull was stripped."))
    return Issue("not_stripped", Severity.WARN, text, hint, quality, SURE)


def _refuse_missing(scans: Sequence[Volume]) -> None:
    have = [sequence_of(scan.name) for scan in scans]
    missing = [kind for kind in SEQUENCES if kind not in have]
    if missing:
        raise UnfitInputError(
            N_("This model needs four series of one study; missing: {missing}."),
            hint=N_("Upload all of them together, each named after its sequence, and start from T1 after contrast."),
            missing=", ".join(missing),
        )


def _apart(scans: Sequence[Volume]) -> tuple[Issue, ...]:
    """WARN where series say that they do not share a frame of reference."""
    frames = {scan.geometry.frame_of_reference for scan in scans} - {""}
    if len(frames) < 2:
        return ()
    text = Message(N_("The series have different frames of reference: they may be shifted against each other."))
    hint = Message(N_("Bring them onto one of them first (Compare shows how well two fit)."))
    return (Issue("not_registered", Severity.WARN, text, hint),)
