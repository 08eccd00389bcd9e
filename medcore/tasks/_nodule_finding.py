"""From a chest CT to its nodules: candidates, what the network says of each, outlines, measurements, rating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.imaging.nodules.candidates import Candidate, candidates
from medcore.imaging.nodules.field import Field
from medcore.imaging.nodules.looks import looks
from medcore.imaging.nodules.measuring import Nodule, axial_slices, measured
from medcore.imaging.nodules.outline import Outline, outline
from medcore.imaging.nodules.patches import SLANTING, plane_patches
from medcore.tasks import Cancelled, Forward, stop_if
from medcore.tasks._nodule_patches import LOW_HU, PIXEL_MM, network_inputs, shades
from medcore.tasks._nodule_rating import Rating
from medcore.volume import Triple, Volume

BATCH = 32  # candidates at a time, three patches each
DOUBTFUL = -2.0  # mean logit of the straight planes from which the slanting ones are asked too
LOWEST = 3  # planes that decide, of nine: a vessel's fork looks like a nodule from most sides, but not from all
MOST = 60  # nodules reported
SMALLEST_MM = 3.0  # mean diameter below which nothing can be said of it
DRAWN_OUT = 3.5  # longest over perpendicular diameter: beyond it is a vessel or a scar
NEAR_MM = 1.5  # a candidate this near to an outline is part of it

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Candidates with what the network says.

    Args:
        places: The candidates.
        logits: (N,) mean over the three planes that speak least for a nodule, of nine; where the three straight ones
            speak against it already, their mean.
        distance: (N,) from what the network learnt from, or None.
        patches: (N, 3, side, side) in 0..1, as it saw them.
    """

    places: tuple[Candidate, ...]
    logits: NDArray[float64]
    distance: NDArray[float64] | None
    patches: NDArray[float32]


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One nodule and how sure the network is.

    Args:
        suspicion: 0..1, or None where the model rates nothing.
        reasons: What speaks most for and against it in the rating.
    """

    nodule: Nodule
    probability: float
    suspicion: float | None
    reasons: tuple[Message, ...]


def judge(
    scan: Volume, places: Sequence[Candidate], *, card: ModelCard, forward: Forward, cancelled: Cancelled, tell: Tell
) -> Judged:
    """What the network says of each place, from patches of three planes, and of six more where these leave a doubt.

    Raises:
        CancelledError: `cancelled` became true.
    """
    side = card.contract.size
    logits, distances = np.zeros(len(places)), []
    patches = np.zeros((len(places), 3, side, side), dtype=float32)
    tell(0.0)
    for start in range(0, len(places), BATCH):
        stop_if(cancelled)
        part = places[start : start + BATCH]
        centres = np.array([place.centre_lps_mm for place in part])
        seen = shades(plane_patches(scan, centres, side=side, pixel_mm=PIXEL_MM, outside=LOW_HU))
        output = forward(network_inputs(seen.reshape(-1, side, side)))
        straight = output.logits[:, 0].reshape(-1, 3).astype(float64)
        patches[start : start + len(part)] = seen
        logits[start : start + len(part)] = straight.mean(axis=1)
        if output.distance is not None:
            distances.append(output.distance.reshape(-1, 3).mean(axis=1))
        doubtful = np.flatnonzero(straight.mean(axis=1) > DOUBTFUL)
        if len(doubtful):
            stop_if(cancelled)
            slanting = _slanting(scan, centres[doubtful], forward=forward, side=side)
            every = np.sort(np.concatenate([straight[doubtful], slanting], axis=1), axis=1)
            logits[start + doubtful] = every[:, :LOWEST].mean(axis=1)
        tell((start + len(part)) / len(places))
    return Judged(tuple(places), logits, np.concatenate(distances) if distances else None, patches)


def _slanting(scan: Volume, centres: NDArray[float64], *, forward: Forward, side: int) -> NDArray[float64]:
    """Logits (N, 6) of the slanting planes."""
    seen = plane_patches(scan, centres, planes=SLANTING, side=side, pixel_mm=PIXEL_MM, outside=LOW_HU)
    output = forward(network_inputs(shades(seen).reshape(-1, side, side)))
    return output.logits[:, 0].reshape(-1, len(SLANTING)).astype(float64)


def place_candidates(field: Field, cancelled: Cancelled) -> tuple[Candidate, ...]:
    """Where the network is to look.

    Raises:
        CancelledError: `cancelled` became true.
    """
    return candidates(field, cancelled=cancelled)


def findings(
    scan: Volume,
    field: Field,
    judged: Judged,
    *,
    card: ModelCard,
    rating: Rating | None,
    cancelled: Cancelled,
    tell: Tell,
) -> tuple[Finding, ...]:
    """The nodules, the most probable first; of places in one nodule only the best.

    Raises:
        CancelledError: `cancelled` became true.
    """
    probability = np.array([card.calibration.probability(float(x)) for x in judged.logits])
    order = [int(i) for i in np.argsort(-probability, kind="stable") if probability[i] >= card.labels[0].threshold]
    found: list[Finding] = []
    for number, i in enumerate(order):
        stop_if(cancelled)
        tell(number / len(order))
        place = judged.places[i]
        if len(found) == MOST or any(_within(place.centre_lps_mm, f.nodule.outline, scan) for f in found):
            continue
        drawn = outline(scan, field, place.centre_lps_mm, place.radius_mm)
        if drawn is None:
            continue
        nodule = measured(scan, drawn)
        long, short = nodule.extent.longest_mm, nodule.extent.short_axis_mm
        if nodule.diameter_mm < SMALLEST_MM or long > DRAWN_OUT * short:
            continue
        if any(_within(nodule.extent.centre, f.nodule.outline, scan) for f in found):
            continue
        suspicion, reasons = _rated(scan, nodule, rating)
        found.append(Finding(nodule, float(probability[i]), suspicion, reasons))
    return tuple(found)


def _within(place_lps_mm: Triple, drawn: Outline, scan: Volume) -> bool:
    """Whether a place lies in an outline or next to it."""
    reach = np.ceil(NEAR_MM / np.array(scan.geometry.steps)).astype(int)
    at = np.rint(scan.geometry.to_index(np.array(place_lps_mm))).astype(int) - np.array(drawn.corner)
    low, high = at - reach, at + reach + 1
    if (high <= 0).any() or (low >= drawn.inside.shape).any():
        return False
    return bool(drawn.inside[tuple(slice(max(0, int(a)), int(b)) for a, b in zip(low, high, strict=True))].any())


def _rated(scan: Volume, nodule: Nodule, rating: Rating | None) -> tuple[float | None, tuple[Message, ...]]:
    if rating is None:
        return None, ()
    seen = looks(*axial_slices(scan, nodule.outline))
    parts = rating.parts(seen)
    size = sum(value for name, value in parts.items() if name in ("log_area", "log_longest"))
    rest = sum(parts.values()) - size
    told: dict[str, str | int | float] = {"size": _signed(size), "looks": _signed(rest)}
    return rating.rate(seen), (
        Message(N_("Suspicion rating: size adds {size}, shape, density and texture add {looks} to its logit."), told),
    )


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
