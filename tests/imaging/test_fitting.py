"""Pictures are fitted into squares and heat maps carried back without shifting anything."""

import numpy as np
import pytest

from medcore.imaging.fitting import pad_to_square, shrink_to, spread_heat


@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (64, 64), (3000, 2500), (31, 97), (1, 5)])
def test_a_spot_is_found_where_it_was(shape: tuple[int, int]) -> None:
    rows, columns = shape
    row, column = int(rows * 0.7), int(columns * 0.3)
    plane = np.zeros(shape, dtype=np.float32)
    reach = max(1, max(shape) // 14)
    plane[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = 1
    square, to_plane = pad_to_square(shrink_to(plane, 56), 56, shape=shape)
    back = spread_heat(square, to_plane, side=56, shape=shape)
    assert back.shape == shape

    def centre(image: np.ndarray) -> np.ndarray:
        return np.array([(image.sum(axis=1 - a) * np.arange(image.shape[a])).sum() / image.sum() for a in (0, 1)])

    assert np.abs(centre(back) - centre(plane)).max() <= max(0.5, max(shape) / 56)


def test_shrinking_keeps_the_mean_and_does_not_alias() -> None:
    noise = np.random.default_rng(0).integers(0, 4096, (3000, 2500)).astype(np.uint16)
    small = shrink_to(noise, 224)
    assert small.shape == (224, 187)
    assert small.mean() == pytest.approx(noise.mean(), rel=1e-3)
    assert small.std() < noise.std() / 10  # 13.4² pixels are averaged; plain interpolation would keep the spread


@pytest.mark.parametrize("flip", [0, 1])
def test_flipping_first_or_last_is_the_same(flip: int) -> None:
    plane = np.random.default_rng(1).random((512, 384)).astype(np.float32)
    np.testing.assert_allclose(np.flip(shrink_to(plane, 64), flip), shrink_to(np.flip(plane, flip), 64), atol=1e-5)


def test_halving_first_gives_the_average_over_areas() -> None:
    plane = np.random.default_rng(2).random((1024, 1024)).astype(np.float32)
    blocks = plane.reshape(64, 16, 64, 16).mean(axis=(1, 3))
    np.testing.assert_allclose(shrink_to(plane, 64), blocks, atol=1e-5)
