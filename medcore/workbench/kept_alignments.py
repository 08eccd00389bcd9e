"""Alignments of a comparison as they are kept with the study of its baseline, the bending of soft tissue included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from medcore.errors import StoreError
from medcore.imaging.registration.alignment import Alignment, Bending
from medcore.imaging.registration.landmarks import Landmark
from medcore.store.json_values import Json, as_list, as_number, as_table, as_text, from_number
from medcore.store.store import Store
from medcore.volume import Array, Geometry
from medcore.workbench.comparison_draft import Draft, from_alignment, to_alignment
from medcore.workbench.landmarks import paired
from medcore.workbench.marks import ScanMarks

ALIGNMENTS = "alignments"  # name in the annotations of the baseline's study
ATTEMPTS = 5


def kept(store: Store, draft: Draft) -> Mapping[int, Alignment]:
    """The alignments of a draft that were found before, by the number of the study.

    Raises:
        NotFoundError: The study of the baseline was deleted.
        StoreError: A stored deformation is missing or damaged.
    """
    content = store.annotations(draft.visits[0].study).content
    known = as_table((content.get(ALIGNMENTS) if isinstance(content, dict) else None) or {})
    pairs = {number: _pair(draft, number) for number in range(1, len(draft.visits))}
    return {number: _opened(store, known[pair]) for number, pair in pairs.items() if pair in known}


def keep(store: Store, draft: Draft, found: Mapping[int, Alignment]) -> None:
    """Keep alignments with the baseline; a deformation by the content of its field.

    Raises:
        NotFoundError: The study of the baseline was deleted.
        StoreError: It could not be saved.
    """
    fields = [one.bending.shift_mm for one in found.values() if one.bending is not None]
    names = iter(store.put_arrays(fields))
    fresh = {_pair(draft, number): _stored(one, names) for number, one in found.items()}
    if fresh:
        study = draft.visits[0].study
        change_part(store, study, ALIGNMENTS, lambda now: {**as_table(now or {}), **fresh}, arrays=fields)


def landmarks(store: Store, draft: Draft, number: int) -> tuple[Landmark, ...]:
    """The pairs of points that readers set on the baseline and on a later study."""
    marks = ScanMarks(store)
    first, later = (marks.of_scan(one.study, one.scan) for one in (draft.visits[0], draft.visits[number]))
    return paired(first, later)


def change_part(
    store: Store, study: str, name: str, change: Callable[[Json], Json], *, arrays: Sequence[Array] = ()
) -> Json:
    """Change one part of a study's annotations; others may change the other parts at the same time.

    Args:
        arrays: That the changed part names; they are kept as long as the study.
    """
    for attempt in range(1, ATTEMPTS + 1):
        stored = store.annotations(study)
        content = dict(stored.content) if isinstance(stored.content, dict) else {}
        changed = change(content.get(name))
        try:
            store.save_annotations(study, {**content, name: changed}, version=stored.version, arrays=arrays)
        except StoreError:
            if attempt == ATTEMPTS or store.annotations(study).version == stored.version:
                raise
        else:
            return changed
    raise AssertionError("the last attempt returns or raises")


def _pair(draft: Draft, number: int) -> str:
    return f"{draft.visits[0].scan}:{draft.visits[number].scan}:{draft.motion}"


def _stored(alignment: Alignment, names: Iterator[str]) -> Json:
    value = as_table(from_alignment(alignment))
    if alignment.bending is None:
        return value
    grid: list[Json] = [[from_number(float(x)) for x in row] for row in alignment.bending.geometry.affine]
    return {**value, "field": next(names), "grid": grid}


def _opened(store: Store, value: Json) -> Alignment:
    table, alignment = as_table(value), to_alignment(value)
    if "field" not in table:
        return alignment
    rows = [[as_number(x) for x in as_list(row)] for row in as_list(table["grid"])]
    field = store.array(as_text(table["field"]))
    return replace(alignment, bending=Bending(field, Geometry(np.array(rows))))
