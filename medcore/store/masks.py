"""Masks as rows and arrays: only the box that holds a label is stored, so that a nodule costs kilobytes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from medcore.errors import N_, NotFoundError, StoreError
from medcore.store import cropping
from medcore.store.blobs import Blobs
from medcore.store.json_values import as_list, as_number, to_texts
from medcore.store.results import StoredArray
from medcore.store.studies import scan_row, to_geometry
from medcore.store.tables import BlobUseRow, MaskRow, ScanRow
from medcore.volume import Array, Mask, MaskFacts, MaskOrigin

ID_BYTES = 10


@dataclass(frozen=True, slots=True, eq=False)
class LabelBox:
    """A mask without the empty space around its labels.

    Args:
        mask: What it was cut from.
        labels: (s, r, c) unsigned integers, one voxel for an empty mask.
        corner: Index (slice, row, column) of its first voxel.
    """

    mask: Mask
    labels: Array
    corner: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NewMask:
    """A mask to be stored; `replaces` is the id of the mask of which it is a newer version, or ""."""

    scan: str
    box: LabelBox
    name: str
    origin: MaskOrigin
    replaces: str = ""


def cropped(mask: Mask) -> LabelBox:
    """The smallest box of a mask that holds all its labels."""
    labels, corner = cropping.cropped(mask.labels)
    return LabelBox(mask, labels, corner)


def insert_mask(
    session: Session, blobs: Blobs, new: NewMask, stored: StoredArray, *, made_at: datetime
) -> tuple[MaskFacts, bool]:
    """Write a mask in the caller's transaction; returns it, and False where the very same was there already.

    Args:
        stored: The labels of `new.box` and the name under which `blobs` holds them.

    Raises:
        NotFoundError: The scan, or the mask to replace, was deleted meanwhile.
        StoreError: The mask does not lie on the scan's grid, or replaces that of another scan.
    """
    scan = scan_row(session, new.scan)
    _check_grid(new.box.mask, scan)
    if new.replaces and mask_row(session, new.replaces).scan_id != new.scan:
        raise StoreError(N_("A mask can only replace a mask of the same scan."))
    row = MaskRow(
        id=secrets.token_hex(ID_BYTES),
        scan_id=new.scan,
        name=new.name or "–",
        origin=new.origin.value,
        names={str(label): name for label, name in sorted(new.box.mask.names.items()) if label},
        corner=list(new.box.corner),
        labels=stored.digest,
        made_at=made_at,
        replaces=new.replaces,
    )
    same = next((facts for facts in _rows(session, new.scan) if _key(facts) == _key(row)), None)
    if same is not None:
        return to_facts(same), False
    blobs.keep(stored.digest, stored.array)
    session.add(row)
    session.add(BlobUseRow(owner=f"labels:{row.id}", digest=stored.digest, study_id=scan.study_id))
    session.flush()
    return to_facts(row), True


def list_masks(session: Session, scan_id: str, *, earlier: bool) -> tuple[MaskFacts, ...]:
    """Masks of a scan in the order they were made; without `earlier`, only the newest version of each."""
    rows = _rows(session, scan_id)
    replaced = set() if earlier else {row.replaces for row in rows}
    return tuple(to_facts(row) for row in rows if row.id not in replaced)


def mask_row(session: Session, mask_id: str) -> MaskRow:
    """The row of one mask.

    Raises:
        NotFoundError: There is none.
    """
    row = session.scalars(select(MaskRow).where(MaskRow.id == mask_id)).one_or_none()
    if row is None:
        raise NotFoundError(N_("This mask is not in the store."), hint=N_("It may have been deleted meanwhile."))
    return row


def delete_mask(session: Session, row: MaskRow) -> str:
    """Delete one mask; a newer version then replaces what it replaced. Returns the name of its array."""
    session.execute(update(MaskRow).where(MaskRow.replaces == row.id).values(replaces=row.replaces))
    session.execute(delete(BlobUseRow).where(BlobUseRow.owner == f"labels:{row.id}"))
    session.delete(row)
    session.flush()
    return row.labels


def give_up(session: Session, mask_id: str, *, scan: str) -> frozenset[str]:
    """Delete a mask of this scan, if it is there; returns the name of its array."""
    row = session.scalars(select(MaskRow).where(MaskRow.id == mask_id, MaskRow.scan_id == scan)).one_or_none()
    return frozenset() if row is None else frozenset({delete_mask(session, row)})


def to_facts(row: MaskRow) -> MaskFacts:
    """What is known of a mask without its labels."""
    return MaskFacts(
        id=row.id,
        scan=row.scan_id,
        name=row.name,
        origin=MaskOrigin(row.origin),
        labels={int(label): name for label, name in to_texts(row.names).items()},
        made_at=row.made_at,
        replaces=row.replaces,
    )


def to_mask(session: Session, blobs: Blobs, row: MaskRow) -> Mask:
    """The mask on its scan's grid, (S, R, C) of the type it was stored with."""
    scan, box = scan_row(session, row.scan_id), blobs.open(row.labels)
    shape = tuple(int(as_number(side)) for side in as_list(scan.shape))
    corner = [int(as_number(index)) for index in as_list(row.corner)]
    names = {int(label): name for label, name in to_texts(row.names).items()}
    return Mask(cropping.whole(box, corner, shape), names, to_geometry(scan))


def _rows(session: Session, scan_id: str) -> list[MaskRow]:
    return list(session.scalars(select(MaskRow).where(MaskRow.scan_id == scan_id).order_by(MaskRow.number)))


def _key(row: MaskRow) -> tuple[object, ...]:
    """What makes two masks the same; a corner shifted by one is another mask with the same array."""
    return row.name, row.origin, row.names, row.corner, row.labels, row.replaces


def _check_grid(mask: Mask, scan: ScanRow) -> None:
    shape = tuple(int(as_number(side)) for side in as_list(scan.shape))
    if mask.labels.shape != shape or not mask.geometry.close_to(to_geometry(scan)):
        raise StoreError(
            N_("The mask does not lie on the grid of its scan ({own}, the scan has {scan})."),
            hint=N_("Bring it onto the scan's grid first."),
            own=" × ".join(map(str, mask.labels.shape)),
            scan=" × ".join(map(str, shape)),
        )
