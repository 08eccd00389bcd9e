"""Lesions are followed from visit to visit: followed, new, gone, merged, split, outside; and a reader may overrule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from medcore.comparison.tracks import Corrections, Fate, Track, follow
from medcore.comparison.visits import Visit
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.imaging.registration.same_contrast import turn
from medcore.volume import Geometry, Mask, Unit, Volume

GRID = Geometry.from_spacing((2.0, 1.0, 1.0))
SHAPE = (30, 60, 60)
Ball = tuple[tuple[float, float, float], float]


def visit(balls: Sequence[Ball], *, geometry: Geometry = GRID, shape: tuple[int, int, int] = SHAPE,
          alignment: Alignment | None = None) -> Visit:  # fmt: skip
    """Balls of (centre in LPS mm of the baseline, radius in mm), drawn where the alignment puts them."""
    places = geometry.to_lps(np.moveaxis(np.indices(shape), 0, -1))
    labels = np.zeros(shape, dtype=np.uint8)
    for centre, radius in balls:
        there = np.array(centre) if alignment is None else alignment.places_in_moving(np.array(centre))
        labels[np.linalg.norm(places - there, axis=-1) <= radius] = 1
    scan = Volume(np.zeros(shape, dtype=np.int16), Unit.HU, "CT", geometry)
    return Visit("v", None, scan, Mask(labels, {1: "lesion"}, geometry), alignment)


def fates(track: Track) -> list[str]:
    return [one.fate.value for one in track.sightings]


A, B, C = (15.0, 15.0, 20.0), (45.0, 40.0, 30.0), (20.0, 45.0, 40.0)


def test_lesions_are_followed_although_they_grow_and_shrink() -> None:
    first, second = follow([visit([(A, 6), (B, 5)]), visit([(A, 3), (B, 8)])])
    assert fates(first) == fates(second) == ["first_seen", "followed"]
    # Visits list the largest first, so the order turned round and the tracks did not.
    assert (first.sightings[0].piece, first.sightings[1].piece) == (0, 1)
    assert (second.sightings[0].piece, second.sightings[1].piece) == (1, 0)
    assert first.sightings[1].confidence > 0.9


def test_one_comes_and_one_goes() -> None:
    first, second = follow([visit([(A, 6)]), visit([(B, 5)])])
    assert fates(first) == ["first_seen", "gone"] and fates(second) == ["not_yet", "new"]


def test_one_that_is_missed_once_is_taken_up_again() -> None:
    (only,) = follow([visit([(A, 6)]), visit([]), visit([(A, 7)])])
    assert fates(only) == ["first_seen", "gone", "followed"]


def test_two_that_grow_together_go_on_as_one() -> None:
    near = (A[0] + 14, A[1], A[2])
    first, second = follow([visit([(A, 6), (near, 5)]), visit([(A, 8), (near, 8)]), visit([(A, 8), (near, 8)])])
    assert fates(first) == ["first_seen", "followed", "followed"]
    assert fates(second) == ["first_seen", "merged", "merged"]
    assert second.sightings[1].other == first.id


def test_one_that_falls_apart_keeps_its_larger_part_and_names_the_other() -> None:
    near = (A[0] + 13, A[1], A[2])
    first, second = follow([visit([(A, 8), (near, 8)]), visit([(A, 5), (near, 4)])])
    assert fates(first) == ["first_seen", "followed"] and first.sightings[1].piece == 0
    assert fates(second) == ["not_yet", "split_off"] and second.sightings[1].other == first.id


def test_a_place_that_the_scan_does_not_show_is_not_gone() -> None:
    upper = Geometry(np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2.0, 0, 0, 30], [0, 0, 0, 1]], dtype=float))
    low, high = (15.0, 15.0, 12.0), (40.0, 40.0, 45.0)
    first, second = follow([visit([(low, 6), (high, 5)]), visit([(high, 5)], geometry=upper, shape=(15, 60, 60))])
    assert fates(first) == ["first_seen", "outside"] and fates(second) == ["first_seen", "followed"]


def test_small_ones_side_by_side_are_not_mistaken_for_each_other() -> None:
    balls = [((12.0 + 9 * i, 20.0, 20.0 + 3 * i), 2.5) for i in range(4)]
    tracks = follow([visit(balls), visit([((x + 1, y, z), r) for (x, y, z), r in balls])])
    assert len(tracks) == 4 and all(fates(one) == ["first_seen", "followed"] for one in tracks)


def test_a_small_one_that_is_slightly_off_after_registration_is_still_the_same() -> None:
    (only,) = follow([visit([(A, 2.5)]), visit([((A[0] + 8, A[1], A[2]), 2.5)])])
    assert fates(only) == ["first_seen", "followed"]
    assert only.sightings[1].confidence < 0.5
    assert len(follow([visit([(A, 2.5)]), visit([((A[0] + 16, A[1], A[2]), 2.5)])])) == 2


@pytest.mark.parametrize("spacing", [(2.0, 1.0, 1.0), (3.0, 0.8, 1.3)])
def test_a_visit_on_another_grid_and_turned_is_matched_in_the_space_of_the_baseline(
    spacing: tuple[float, float, float],
) -> None:
    moved = np.eye(4)
    moved[:3, :3] = turn(np.array([0.1, -0.2, 0.25]))
    moved[:3, 3] = (8.0, -4.0, 3.0)
    alignment = Alignment(moved, Motion.RIGID, Method.GIVEN, Trust(1, 1, 0, 1))
    shape = (int(100 / spacing[0]), int(120 / spacing[1]), int(120 / spacing[2]))
    there = Geometry.from_spacing(spacing, origin_mm=(-25.0, -25.0, -15.0))
    before = visit([(A, 6), (B, 5), (C, 4)])
    after = visit([(C, 4), (A, 5), (B, 7)], geometry=there, shape=shape, alignment=alignment)
    tracks = follow([before, after])
    assert len(tracks) == 3 and all(fates(one) == ["first_seen", "followed"] for one in tracks)
    for one in tracks:
        pair = [visit.pieces[one.sightings[k].piece or 0] for k, visit in enumerate((before, after))]
        assert np.linalg.norm(pair[0].places.mean(axis=0) - pair[1].places.mean(axis=0)) < 1.0


def test_a_reader_overrules_a_link_and_can_start_a_new_lesion() -> None:
    visits = [visit([(A, 6), (B, 5)]), visit([(A, 6), (B, 5)])]
    swapped = follow(visits, Corrections().corrected(1, 0, "L2").corrected(1, 1, "L1"))
    assert [one.sightings[1].piece for one in swapped] == [1, 0]
    apart = follow(visits, Corrections().corrected(1, 0, "new"))
    assert [fates(one) for one in apart] == [["first_seen", "gone"], ["first_seen", "followed"], ["not_yet", "new"]]


def test_a_reader_says_that_one_merged_which_seemed_gone_and_that_one_is_gone_which_seemed_merged() -> None:
    visits = [visit([(A, 6), (B, 5)]), visit([(A, 6)]), visit([(A, 6), (B, 5)])]
    assert fates(follow(visits)[1]) == ["first_seen", "gone", "followed"]
    joined = follow(visits, Corrections().ends(1, "L2", "L1"))[1]
    assert fates(joined) == ["first_seen", "merged", "merged"] and joined.sightings[1].other == "L1"
    near = (A[0] + 9, A[1], A[2])
    grown = [visit([(A, 4), (near, 3)]), visit([((A[0] + 4, A[1], A[2]), 9)])]
    assert fates(follow(grown)[1]) == ["first_seen", "merged"]
    assert fates(follow(grown, Corrections().ends(1, "L2", "gone"))[1]) == ["first_seen", "gone"]
    assert follow(visits, Corrections().ends(1, "L2", "L2")) == follow(visits), "nothing merges with itself"


def test_the_order_of_labels_does_not_matter() -> None:
    balls: list[Ball] = [(A, 6), (B, 5), (C, 4)]
    plain, reverse = (follow([visit(balls[::way]), visit(balls[::-way])]) for way in (1, -1))
    assert plain == reverse


def test_fates_cover_every_visit() -> None:
    for track in follow([visit([(A, 6)]), visit([(A, 6), (B, 4)]), visit([(B, 4), (C, 3)])]):
        assert len(track.sightings) == 3 and all(one.fate in Fate for one in track.sightings)
        assert track.sightings[track.first].piece is not None


def test_two_that_merge_go_on_as_the_larger_one_although_the_smaller_is_wholly_inside() -> None:
    speck = (A[0] + 12, A[1], A[2])
    big, small = follow([visit([(A, 8), (speck, 2)]), visit([((A[0] + 4, A[1], A[2]), 11)])])
    assert fates(big) == ["first_seen", "followed"] and fates(small) == ["first_seen", "merged"]


def test_specks_are_no_lesions() -> None:
    seen = visit([(A, 6), (B, 0.6)])
    assert len(seen.pieces) == 1 and seen.specks == 1
