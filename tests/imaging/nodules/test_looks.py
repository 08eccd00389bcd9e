"""What a nodule looks like in numbers, on shapes whose numbers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medcore.imaging.nodules.looks import PIXEL_MM, looks


def ball(radius: int, hu: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    s, r, c = np.indices((2 * radius + 3,) * 3) - radius - 1
    inside = s**2 + r**2 + c**2 <= radius**2
    return np.where(inside, hu, -850.0).astype(np.float32), inside


def test_a_ball_is_round_and_as_large_and_dense_as_it_is() -> None:
    found = looks(*ball(10, 30.0))
    assert math.exp(found["log_area"]) == pytest.approx(math.pi * (10 * PIXEL_MM) ** 2, rel=0.02)
    assert math.exp(found["log_longest"]) == pytest.approx(21 * PIXEL_MM, rel=0.06)
    assert found["aspect"] > 0.95 and found["roundness"] > 0.75 and found["convexity"] > 0.9
    assert found["mean_hu"] == found["rim_hu"] == 30.0 and found["spread_hu"] == found["calcium_share"] == 0.0


def test_what_lies_outside_the_outline_does_not_count() -> None:
    values, inside = ball(6, 0.0)
    assert looks(values, inside) == looks(np.where(inside, values, 500.0).astype(np.float32), inside)


def test_a_star_is_less_convex_than_a_ball_and_calcium_and_glass_are_seen() -> None:
    values, inside = ball(10, 0.0)
    star = inside.copy()
    star[:, ::3, :] = False
    star[:, 11, :] = inside[:, 11, :]
    star[:, :, 11] = inside[:, :, 11]
    assert looks(values, star)["convexity"] < looks(values, inside)["convexity"]
    assert looks(values + 300, inside)["calcium_share"] == 1.0
    assert looks(values - 700, inside)["faint_share"] == 1.0


def test_one_voxel_has_looks_too() -> None:
    found = looks(np.zeros((1, 1, 1), np.float32), np.ones((1, 1, 1), bool))
    assert all(math.isfinite(value) for value in found.values())
