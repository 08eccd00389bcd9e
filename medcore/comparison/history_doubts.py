"""What speaks against a history of lesions: dates that are missing, a lesion missed once, a place that was cut out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medcore.comparison.tracks import Fate, Track
from medcore.comparison.visits import Visit
from medcore.errors import N_, Message, Value
from medcore.records import Issue, Severity
from medcore.volume import Unit, Volume

FLUID_HU = 20.0  # soft tissue is denser, fluid and air are not
DARK = 0.4  # of the middle brightness of the body: fluid and air on T1 and FLAIR
NO_LESION = "no_lesion"  # code; the value `number` says which study, 0: all of them
SAMPLE = 3  # every third voxel is enough for a middle


def patient_doubts(pseudonyms: Sequence[str]) -> tuple[Issue, ...]:
    """Studies that say they are of different patients; a file that names nobody says nothing."""
    if len({one for one in pseudonyms if one}) < 2:
        return ()
    text = N_("The studies say that they are of different patients.")
    hint = N_("A comparison of two patients says nothing about treatment. Go on only if you know it is one person.")
    return (_warning("other_patient", text, hint),)


def date_doubts(scans: Sequence[Volume]) -> tuple[Issue, ...]:
    """Studies without a date, and studies of one day."""
    found = []
    dates = [one.acquired_on for one in scans if one.acquired_on is not None]
    if len(dates) < len(scans):
        text = N_("A study has no date, so the order is the one you chose.")
        hint = N_("Intervals cannot be told: no doubling time, and no confirmation after four weeks.")
        found.append(_warning("no_date", text, hint))
    if len(set(dates)) < len(dates):
        text = N_("Two of the studies have the same date.")
        hint = N_("Between scans of one day a change is error of measurement, not response.")
        found.append(_warning("same_date", text, hint))
    return tuple(found)


def empty_doubts(visits: Sequence[Visit]) -> tuple[Issue, ...]:
    """Studies whose masks hold no lesion, as a model's does that found nothing; each with what follows from it."""
    bare = [number for number, one in enumerate(visits, start=1) if not one.pieces]
    if len(bare) == len(visits):
        text = N_("No lesion is marked in any of the studies.")
        hint = N_("There is nothing to measure. A model that finds nothing is no proof: look at the scans.")
        return (_warning(NO_LESION, text, hint, number=0),)
    found = []
    for number in bare:
        text = N_("No lesion is marked in study {number}: its masks or the model found nothing.")
        hint = N_("Every lesion seen before counts as gone there; one that was overlooked makes the response too good.")
        if number == 1:
            text = N_("No lesion is marked in the baseline: its masks or the model found nothing.")
            hint = N_("Whatever a later study shows counts as new, and without a first size no change can be told.")
        found.append(_warning(NO_LESION, text, hint, number=number))
    return tuple(found)


def lesion_doubts(tracks: Sequence[Track], visits: Sequence[Visit]) -> tuple[Issue, ...]:
    """Lesions that are missing between two visits that show them, and gone ones whose place is fluid or air."""
    found = []
    for track in tracks:
        seen = [number for number, one in enumerate(track.sightings) if one.piece is not None]
        missed = [n for n in range(seen[0], seen[-1]) if track.sightings[n].fate is Fate.GONE]
        for number in missed:
            text = N_("Lesion {lesion} is missing at study {number} and there before and after it.")
            hint = N_("Check the mask of that study: counted as gone it makes the response there too good.")
            found.append(_warning("lesion_missed_once", text, hint, lesion=track.id, number=number + 1))
        for number, one in enumerate(track.sightings):
            if one.fate is Fate.GONE and number not in missed and _cut_out(track, visits, number):
                text = N_("Where lesion {lesion} was, study {number} shows fluid or air: it may have been removed.")
                hint = N_("What an operation took away is no response: take the first scan after it as the baseline.")
                found.append(_warning("cavity", text, hint, lesion=track.id, number=number + 1))
                break
    return tuple(found)


def _cut_out(track: Track, visits: Sequence[Visit], number: int) -> bool:
    """Whether most of a lost lesion's place is as dark as fluid, and was not so when it was seen last."""
    last = next(n for n in range(number - 1, -1, -1) if track.sightings[n].piece is not None)
    piece = track.sightings[last].piece
    assert piece is not None, "chosen for it"
    lesion, scan = visits[last].pieces[piece], visits[number].scan
    if scan.unit is Unit.RGB or scan.shape[0] == 1 or scan.modality not in ("CT", "MR"):
        return False
    alignment = visits[number].alignment
    places = lesion.places if alignment is None else alignment.places_in_moving(lesion.places)
    index = np.rint(scan.geometry.to_index(places)).astype(int)
    inside = np.all((index >= 0) & (index < scan.shape), axis=1)
    if not inside.any():
        return False
    values = scan.voxels[tuple(index[inside].T)]
    return _limit(visits[last].scan) < lesion.mean and float(np.median(values)) < _limit(scan)


def _limit(scan: Volume) -> float:
    """Below it lies fluid or air."""
    if scan.unit is Unit.HU:
        return FLUID_HU
    sample = scan.voxels[::SAMPLE, ::SAMPLE, ::SAMPLE].astype(np.float32)
    body = sample[sample > sample.mean()]
    return DARK * float(np.median(body)) if body.size else -np.inf


def _warning(code: str, text: str, hint: str, **values: Value) -> Issue:
    return Issue(code, Severity.WARN, Message(text, values), Message(hint, values))
