"""A fingerprint of a scan by which the same picture is found again, also after it was scaled or saved with loss."""

from __future__ import annotations

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.imaging.quality._sample import grey
from medcore.volume import Unit, Volume

SIDE = 32
LENGTH = 2 * SIDE * SIDE  # bytes


def fingerprint(volume: Volume) -> bytes:
    """32 × 32 averages of the middle slice, then 32 × 32 of its edges; brightness and contrast taken out."""
    plane = volume.voxels[volume.shape[0] // 2]
    plane = (grey(plane) if volume.unit is Unit.RGB else plane).astype(np.float32)
    small = cv2.resize(plane, (4 * SIDE, 4 * SIDE), interpolation=cv2.INTER_AREA)
    edges = np.abs(cv2.Laplacian(small, cv2.CV_32F))
    parts = [cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for part in (small, edges)]
    return b"".join(_as_bytes(part) for part in parts)


def likeness(one: bytes, others: NDArray[np.uint8]) -> NDArray[float32]:
    """Correlation of a fingerprint with each of (N, 2048) others: the smaller of that of brightness and of edges."""
    first = np.frombuffer(one, dtype=np.uint8)
    halves = [
        _correlation(first[half], others[:, half]) for half in (slice(0, LENGTH // 2), slice(LENGTH // 2, LENGTH))
    ]
    return np.asarray(np.minimum(*halves), dtype=np.float32)


def _as_bytes(part: NDArray[float32]) -> bytes:
    low, high = float(part.min()), float(part.max())
    scaled = np.rint((part - low) * (255 / max(high - low, 1e-6)))
    return np.asarray(scaled, dtype=np.uint8).tobytes()


def _correlation(one: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[float32]:
    a = one.astype(np.float32) - one.mean()
    b = others.astype(np.float32) - others.mean(axis=1, keepdims=True)
    size = np.linalg.norm(a) * np.linalg.norm(b, axis=1)
    return np.asarray((b @ a) / np.maximum(size, 1e-6), dtype=np.float32)
