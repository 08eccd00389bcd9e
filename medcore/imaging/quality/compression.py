"""Traces of strong compression: the borders of JPEG's 8 × 8 blocks stand out, whatever the file says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import is_ct, is_mr, is_picture, is_radiograph
from medcore.records import Issue, Severity
from medcore.volume import Array

BLOCK = 8  # JPEG, ITU-T T.81
MAX_BLOCKINESS = 0.9  # 99 of 100 ordinary images have less, JPEG of quality 10 has more (docs/quality.md)
MIN_SIDE = 64
MAX_SIDE = 1024  # the middle of a larger image is enough


class Compression(Check):
    """How much larger steps are across block borders than beside them."""

    codes = {"block_artefacts": N_("Compression artefacts")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        volume = sample.volume
        known = is_ct(volume) or is_mr(volume) or is_radiograph(volume) or is_picture(volume)
        if not known or min(sample.raw.shape[1:]) < MIN_SIDE:
            return
        measured = float(np.median([blockiness(plane) for plane in sample.raw[::2]]))
        if measured > MAX_BLOCKINESS:
            yield Issue(
                "block_artefacts",
                Severity.WARN,
                Message(
                    N_("Steps across the blocks of JPEG are {percent:.0f} % larger than beside them: "
                       "the image was compressed strongly."),
                    {"percent": 100 * measured},
                ),
                Message(N_("Use the original file; fine texture and small findings may be gone.")),
                measured=measured,
                limit=MAX_BLOCKINESS,
            )  # fmt: skip


def blockiness(plane: Array) -> float:
    """(Step across a block's border ÷ median step inside it) − 1, the mean of both directions; 0 without blocks."""
    middle = plane[_aligned(plane.shape[0]), _aligned(plane.shape[1])].astype(np.float32)
    down = np.abs(np.diff(middle, axis=0)).mean(axis=1)
    across = np.abs(np.diff(middle, axis=1)).mean(axis=0)
    return (_excess(down) + _excess(across)) / 2


def _aligned(size: int) -> slice:
    """The middle of a long axis, beginning at a block border."""
    start = max(0, (size - MAX_SIDE) // 2) // BLOCK * BLOCK
    return slice(start, start + MAX_SIDE)


def _excess(steps: Array) -> float:
    """Median over all blocks, so that a few outlines at block borders do not count."""
    blocks = steps[: len(steps) // BLOCK * BLOCK].reshape(-1, BLOCK)
    beside = np.median(blocks[:, :-1], axis=1)
    shown = beside > 0.01 * steps.max()  # a step in empty background is no texture
    return float(np.median(blocks[shown, -1] / beside[shown])) - 1 if shown.sum() > 3 else 0.0


CHECK = Compression()
