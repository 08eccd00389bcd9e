"""A corrected lesion keeps its name where it shares most voxels with a former one."""

import numpy as np

from medcore.imaging.heirs import Piece, heirs, overlap


def box(corner: tuple[int, int, int], size: tuple[int, int, int]) -> Piece:
    return Piece(corner, np.ones(size, bool))


def test_by_hand_a_grown_a_moved_and_a_new_piece() -> None:
    before = [box((0, 0, 0), (1, 2, 2)), box((0, 10, 10), (1, 3, 3))]
    after = [box((0, 11, 11), (1, 4, 4)), box((0, 0, 0), (1, 4, 4)), box((0, 20, 20), (1, 1, 1))]
    assert heirs(before, after) == (1, 0, None)


def test_of_two_halves_the_larger_keeps_the_name_and_a_merged_one_takes_that_of_the_larger() -> None:
    one = box((0, 0, 0), (1, 1, 10))
    assert heirs([one], [box((0, 0, 0), (1, 1, 3)), box((0, 0, 4), (1, 1, 6))]) == (None, 0)
    small, large = box((0, 0, 0), (1, 1, 2)), box((0, 0, 4), (1, 1, 6))
    assert heirs([small, large], [one]) == (1,)


def test_boxes_that_cross_without_a_common_voxel_share_nothing() -> None:
    one, other = np.eye(3, dtype=bool)[None], ~np.eye(3, dtype=bool)[None]
    assert overlap(Piece((0, 0, 0), one), Piece((0, 0, 0), other)) == 0
    assert overlap(Piece((5, 0, 0), one), Piece((0, 0, 0), one)) == 0
    assert heirs([Piece((0, 0, 0), one)], [Piece((0, 0, 0), other)]) == (None,)


def test_against_counting_in_whole_arrays() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        pieces = []
        for _ in range(2):
            size = tuple(rng.integers(1, 6, 3))
            pieces.append(Piece(tuple(rng.integers(0, 5, 3).tolist()), rng.random(size) < 0.6))
        full = np.zeros((2, 12, 12, 12), bool)
        for grid, piece in zip(full, pieces, strict=True):
            grid[tuple(slice(c, c + n) for c, n in zip(piece.corner, piece.inside.shape, strict=True))] = piece.inside
        assert overlap(*pieces) == (full[0] & full[1]).sum()
