"""Which lesion of one visit is which of another: links in the space of the baseline, and the tracks they make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from scipy.spatial import cKDTree

from medcore.comparison.visits import Piece, Visit, voxel_mm

REACH_MM = 6.0  # a lesion whose border is farther away after registration is another one
LEAST_OVERLAP = 0.05  # share of the smaller lesion below which two only touch
COVERED = 0.9  # share of a lesion's place that a scan must show before "gone" may be said


class Fate(StrEnum):
    """What happened to a lesion at one visit."""

    NOT_YET = "not_yet"  # before it appeared
    FIRST_SEEN = "first_seen"  # at the baseline
    FOLLOWED = "followed"
    NEW = "new"
    GONE = "gone"
    OUTSIDE = "outside"  # the scan does not show its place
    MERGED = "merged"  # grew together with another one, which goes on
    SPLIT_OFF = "split_off"  # a part of another one that fell apart


@dataclass(frozen=True, slots=True)
class Link:
    """Two lesions that may be the same one.

    Args:
        track: Index of the track.
        piece: Index of the later lesion among those of its visit.
        overlap: Share of the smaller one inside the other, in the space of the baseline.
        apart_mm: Between their nearest voxels; 0 where they overlap.
        shared: Size of the smaller one times the overlap: how much of one is in the other.
    """

    track: int
    piece: int
    overlap: float
    apart_mm: float
    shared: float = 0.0

    @property
    def confidence(self) -> float:
        """The overlap; of two that do not touch, the less the farther apart, never above one half."""
        return max(self.overlap, 0.5 * math.exp(-self.apart_mm / REACH_MM)) if self.overlap < 1 else 1.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A lesion at one visit.

    Args:
        fate: What happened to it.
        piece: Index among the visit's lesions; None where it was not seen.
        confidence: Of that, 0..1; 1 where a reader said so.
        other: The track that it merged with or split from, or "".
    """

    fate: Fate
    piece: int | None = None
    confidence: float = 1.0
    other: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One lesion over all visits, in their order. Its id is "L1", "L2" ... in order of appearance and size."""

    id: str
    sightings: tuple[Sighting, ...]

    @property
    def first(self) -> int:
        """The visit at which it is first seen."""
        return next(index for index, one in enumerate(self.sightings) if one.piece is not None)


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a reader decided.

    Args:
        of: (visit, lesion of that visit) to the id of the track that it is, or to "new".
        ended: (visit, id of a track that finds no lesion there) to the id of the track that it merged with, or "gone".
    """

    of: Mapping[tuple[int, int], str] = field(default_factory=dict)
    ended: Mapping[tuple[int, str], str] = field(default_factory=dict)

    def corrected(self, visit: int, piece: int, track: str) -> Corrections:
        """With one more decision about a lesion."""
        return replace(self, of={**self.of, (visit, piece): track})

    def ends(self, visit: int, track: str, other: str) -> Corrections:
        """With one more decision about a track that ends."""
        return replace(self, ended={**self.ended, (visit, track): other})


NEW_TRACK, GONE_TRACK = "new", "gone"


def follow(visits: Sequence[Visit], corrections: Corrections = Corrections()) -> tuple[Track, ...]:
    """Every lesion over all visits. The first visit is the baseline; every later one is aligned to it.

    A visit's lesions are linked with the last sighting of each track: best link first. A track that finds several
    lesions fell apart: the best stays, the others split off. Several tracks that find one lesion merged into the
    one with the best link. A track that finds none is gone, or outside where the scan does not show its place.
    """
    tracks: list[_Growing] = []
    for number, visit in enumerate(visits):
        _add_visit(tracks, number, visit, corrections)
    return tuple(Track(one.id, tuple(one.sightings)) for one in tracks)


@dataclass(slots=True)
class _Growing:
    """A track while it is followed."""

    id: str
    sightings: list[Sighting]
    last: Piece
    ended: bool = False


@dataclass(frozen=True, slots=True)
class _Match:
    """The links of one visit: all that are possible, the best of each lesion, the one that each track keeps."""

    links: Sequence[Link]
    of_piece: Mapping[int, Link]
    of_track: Mapping[int, Link]


def _add_visit(tracks: list[_Growing], number: int, visit: Visit, corrections: Corrections) -> None:
    match = _matched(_linked(tracks, number, visit, corrections))
    ids = [track.id for track in tracks]
    for index, track in enumerate(tracks):
        said = corrections.ended.get((number, track.id), "")
        track.sightings.append(_sighting(track, index, visit, match, ids, said=said if said != track.id else ""))
        if index in match.of_track:
            track.last = visit.pieces[match.of_track[index].piece]
        track.ended = track.ended or track.sightings[-1].fate is Fate.MERGED
    kept = {link.piece for link in match.of_track.values()}
    for piece in [one for one in range(len(visit.pieces)) if one not in kept]:
        parent = match.of_piece.get(piece)
        sighting = Sighting(Fate.NEW if number else Fate.FIRST_SEEN, piece)
        if parent:
            sighting = Sighting(Fate.SPLIT_OFF, piece, parent.confidence, ids[parent.track])
        unseen = [Sighting(Fate.NOT_YET)] * number
        tracks.append(_Growing(f"L{len(tracks) + 1}", [*unseen, sighting], visit.pieces[piece]))


def _matched(links: Sequence[Link]) -> _Match:
    """Each lesion to the track that makes up most of it; each track to the lesion, of those, that has most of it."""

    def rank(link: Link) -> tuple[float, float]:
        return -link.shared, -link.confidence

    of_piece: dict[int, Link] = {}
    for link in sorted(links, key=rank):
        of_piece.setdefault(link.piece, link)
    of_track: dict[int, Link] = {}
    for link in sorted(of_piece.values(), key=rank):
        of_track.setdefault(link.track, link)
    return _Match(links, of_piece, of_track)


def _linked(tracks: Sequence[_Growing], number: int, visit: Visit, corrections: Corrections) -> list[Link]:
    """All links that the places allow, with the reader's decisions instead where there are some."""
    decided = {piece: track for (at, piece), track in corrections.of.items() if at == number}
    ids = {track.id: index for index, track in enumerate(tracks)}
    links = [Link(ids[track], piece, 1.0, 0.0, math.inf) for piece, track in decided.items() if track in ids]
    slack = voxel_mm(visit.scan.geometry)
    for piece, later in enumerate(visit.pieces):
        if piece in decided:
            continue
        for index, track in enumerate(tracks):
            if not track.ended:
                link = _link(index, piece, track.last, later, slack)
                if link.overlap >= LEAST_OVERLAP or link.apart_mm <= REACH_MM:
                    links.append(link)
    return _without_far_rivals(links)


def _link(track: int, piece: int, earlier: Piece, later: Piece, voxel: float) -> Link:
    """How far two lesions overlap and how far they are apart, from their voxels."""
    middles = [one.places.mean(axis=0) for one in (earlier, later)]
    reach = [
        float(np.linalg.norm(one.places - at, axis=1).max()) for one, at in zip((earlier, later), middles, strict=True)
    ]
    if np.linalg.norm(middles[0] - middles[1]) > sum(reach) + REACH_MM + voxel:
        return Link(track, piece, 0.0, math.inf)
    to_later = cKDTree(later.places).query(earlier.places)[0]
    to_earlier = cKDTree(earlier.places).query(later.places)[0]
    near = 0.75 * voxel  # a voxel's centre is nearer than that to one of another grid, wherever that one lies
    inside = max(
        float((to_later <= near + _stride(later)).mean()), float((to_earlier <= near + _stride(earlier)).mean())
    )
    apart = max(0.0, float(to_later.min()) - voxel)
    if apart > 0:
        return Link(track, piece, 0.0, apart)
    return Link(track, piece, inside, 0.0, inside * min(_size(earlier), _size(later)))


def _size(piece: Piece) -> float:
    """Millilitres, or voxels where there are none."""
    return piece.extent.volume_ml or float(piece.extent.voxels)


def _stride(piece: Piece) -> float:
    """How much farther apart the kept places of a large lesion are than its voxels, mm."""
    kept = len(piece.places) / piece.extent.voxels
    volume = (piece.extent.voxel_ml or 0.0) * 1000
    return 0.5 * (math.cbrt(volume / kept) - math.cbrt(volume)) if kept < 1 else 0.0


def _without_far_rivals(links: Sequence[Link]) -> list[Link]:
    """Links by mere nearness count only where neither lesion overlaps with anything."""
    tracks = {link.track for link in links if link.overlap >= LEAST_OVERLAP}
    pieces = {link.piece for link in links if link.overlap >= LEAST_OVERLAP}
    return [
        link
        for link in links
        if link.overlap >= LEAST_OVERLAP or (link.track not in tracks and link.piece not in pieces)
    ]


def _sighting(track: _Growing, index: int, visit: Visit, match: _Match, ids: Sequence[str], *, said: str) -> Sighting:
    """What happened to one track at this visit; `said` is what a reader said of its end."""
    if track.ended:
        return replace(track.sightings[-1], piece=None)
    if index in match.of_track:
        return Sighting(Fate.FOLLOWED, match.of_track[index].piece, match.of_track[index].confidence)
    if said == GONE_TRACK:
        return Sighting(Fate.GONE)
    if said in ids:
        return Sighting(Fate.MERGED, other=said)
    lost = [link for link in match.links if link.track == index and link.overlap >= LEAST_OVERLAP]
    if lost and track.sightings[-1].fate is not Fate.GONE:  # it found a lesion, and that one is more of another track
        best = max(lost, key=lambda one: one.confidence)
        return Sighting(Fate.MERGED, None, best.confidence, ids[match.of_piece[best.piece].track])
    covered = visit.covers(track.last.places)
    return Sighting(Fate.GONE, None, covered) if covered >= COVERED else Sighting(Fate.OUTSIDE)
