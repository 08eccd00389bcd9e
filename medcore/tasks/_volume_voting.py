"""A network on slices asked about a whole volume: in several planes, mirrored and scaled, and the votes counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy import bool_, float32, float64, uint8
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.imaging.head_slices import MEAN, SPREAD, Scaling, Square, cut_square, head_square, put_back
from medcore.tasks import Cancelled, Forward, Progress, stop_if
from medcore.tasks._volume_planes import Plane
from medcore.volume import Array

BATCH = 4  # slices of one forward pass: under a second on one busy core
LEAST_HEAD = 0.01  # share of a slice that stands out; less is air
DOUBTFUL = 0.15  # probability from which a place is worth a second look
AROUND = 1  # slices beside a doubtful one that are looked at again too
FULL = 255  # of the bytes in which votes are kept
LOOK = Message(N_("Outlining slice by slice"))
AGAIN = Message(N_("Looking again, mirrored and scaled"))


@dataclass(frozen=True, slots=True)
class Look:
    """One way to show a slice to the network."""

    mirrored: bool = False
    zoom: float = 1.0


@dataclass(slots=True, eq=False)
class Votes:
    """What was said.

    Args:
        members: (K, S, R, C) uint8: the probability by each plane and look, 255 for 1.
        kinds: (labels,) sum of the kinds' probabilities over slices, each weighed by the area found in it.
        weight: Of `kinds`.
        distances: Of the first look at each slice from the training images.
        seen: A slice as the network saw it, the one with most found in it.
    """

    members: list[NDArray[uint8]] = field(default_factory=list)
    kinds: NDArray[float64] = field(default_factory=lambda: np.zeros(0))
    weight: float = 0.0
    distances: list[float] = field(default_factory=list)
    seen: NDArray[float32] | None = None
    most: float = -1.0

    def probability(self) -> NDArray[float32]:
        """(S, R, C) in 0..1, the mean of all votes."""
        mean: NDArray[float32] = np.zeros(self.members[0].shape, dtype=float32)
        for member in self.members:
            mean += member
        mean /= FULL * len(self.members)
        return mean

    def disagreement(self) -> NDArray[np.float16]:
        """(S, R, C) in 0..1: twice the standard deviation of the votes, which is 1 when half say yes and half no."""
        found = np.zeros(self.members[0].shape, dtype=np.float16)
        rows = [i for i in range(len(found)) if any(member[i].any() for member in self.members)]
        for i in rows:
            found[i] = 2 * np.std([member[i] / FULL for member in self.members], axis=0)
        return found


def vote(
    voxels: Array,
    standing_out: NDArray[bool_],
    scaling: Scaling,
    planes: Sequence[Plane],
    *,
    card: ModelCard,
    forward: Forward,
    progress: Progress,
    cancelled: Cancelled,
) -> Votes:
    """Every slice of every plane once; then, mirrored and scaled, those near a finding."""
    votes = Votes(kinds=np.zeros(len(card.labels)))
    looks = (Look(mirrored=True),) if len(planes) > 1 else (Look(mirrored=True), Look(zoom=0.9), Look(zoom=1.1))
    total = sum(voxels.shape[plane.axes[0]] for plane in planes) * (1 + 0.3 * len(looks))
    done = 0.0
    for plane in planes:
        counting = _Counting(plane, voxels, standing_out, scaling, card, forward, votes)
        numbers = counting.worth_looking()
        first = np.zeros(voxels.shape, dtype=uint8)
        for batch in _batches(numbers):
            stop_if(cancelled)
            progress(done / total, LOOK)
            counting.ask(batch, Look(), first)
            done += len(batch)
        votes.members.append(first)
        doubtful = _near_findings(plane.view(first), numbers)
        for look in looks:
            again = first.copy()
            for batch in _batches(doubtful):
                stop_if(cancelled)
                progress(min(0.99, done / total), AGAIN)
                counting.ask(batch, look, again)
                done += len(batch)
            votes.members.append(again)
    return votes


def _batches(numbers: Array) -> list[Array]:
    return [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]


def _near_findings(found: Array, numbers: Array) -> Array:
    """Slices in which, or beside which, something was found."""
    hit = np.flatnonzero((found > DOUBTFUL * FULL).any(axis=(1, 2)))
    near = {int(i + step) for i in hit for step in range(-AROUND, AROUND + 1)}
    return np.array([i for i in numbers if int(i) in near], dtype=int)


@dataclass(frozen=True, slots=True, eq=False)
class _Counting:
    plane: Plane
    voxels: Array
    standing_out: NDArray[bool_]
    scaling: Scaling
    card: ModelCard
    forward: Forward
    votes: Votes

    def worth_looking(self) -> Array:
        """Numbers of the slices that show more than air."""
        share = self.plane.view(self.standing_out).mean(axis=(1, 2))
        return np.flatnonzero(share >= LEAST_HEAD)

    def square(self, look: Look) -> Square:
        """The square around the head, larger or smaller by the zoom."""
        plain = head_square(self.plane.view(self.standing_out), self.plane.steps)
        height, width = plain.height / look.zoom, plain.width / look.zoom
        return replace(
            plain,
            top=plain.top + (plain.height - height) / 2,
            left=plain.left + (plain.width - width) / 2,
            height=height,
            width=width,
        )

    def ask(self, numbers: Array, look: Look, into: NDArray[uint8]) -> None:
        """Ask about some slices and write what is said into a volume."""
        side, square = self.card.contract.size, self.square(look)
        slices, target = self.plane.view(self.voxels), self.plane.view(into)
        seen = np.stack([cut_square(self.scaling.apply(slices[i]), square, side) for i in numbers])
        shown = seen[:, :, ::-1] if look.mirrored else seen
        output = self.forward(network_inputs(shown, self.card))
        assert output.dense is not None, "the network draws no masks"
        found = slice_probabilities(output.dense, output.logits, self.card)
        if look.mirrored:
            found = found[:, :, ::-1]
        kinds = kind_probabilities(output.logits, self.card)
        for place, number in enumerate(numbers):
            back = put_back(np.ascontiguousarray(found[place]), square, target.shape[1:])
            target[number] = np.rint(back * FULL)
            area = float((found[place] >= self.card.mask.threshold).sum()) + 1e-3
            self.votes.kinds += area * kinds[place]
            self.votes.weight += area
            if area > self.votes.most:
                self.votes.most, self.votes.seen = area, seen[place]
        if look == Look() and output.distance is not None:
            self.votes.distances += output.distance.tolist()


def network_inputs(seen: NDArray[float32], card: ModelCard) -> NDArray[float32]:
    """(N, C, side, side) of slices (N, side, side) in 0..1."""
    centred = ((seen - MEAN) / SPREAD)[:, None]
    return np.ascontiguousarray(np.repeat(centred, card.contract.channels, axis=1), dtype=float32)


def kind_probabilities(logits: NDArray[float32], card: ModelCard) -> NDArray[float64]:
    """(N, labels): shares of the kinds, which exclude each other, at the card's temperature."""
    scaled = logits.astype(float64) * card.calibration.slope
    scaled -= scaled.max(axis=1, keepdims=True)
    shares = np.exp(scaled)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def slice_probabilities(dense: NDArray[float32], logits: NDArray[float32], card: ModelCard) -> NDArray[float32]:
    """(N, side, side) that a pixel belongs to a finding; nowhere in a slice whose kind is "nothing found"."""
    found = np.asarray(1 / (1 + np.exp(-np.clip(dense[:, 0], -30, 30))), dtype=float32)
    nothing = kind_probabilities(logits, card)[:, -1] >= card.labels[-1].threshold
    found[nothing] = 0
    return found
