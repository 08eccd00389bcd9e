"""Where stored scans lie: found by the series or the frame of reference that regions name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from medcore.readers._regular import IRREGULAR
from medcore.store.json_values import as_list, as_number, to_issues
from medcore.store.studies import to_geometry
from medcore.store.tables import ScanRow
from medcore.volume import Geometry


@dataclass(frozen=True, slots=True)
class PlacedScan:
    """A scan that regions may be laid onto.

    Args:
        id: What the caller knows it by.
        series: Pseudonym of its series, or "".
        geometry: Where it lies.
        shape: (slices, rows, columns).
        sound: Whether its slices lie where its geometry says.
        study: Id of its study, or "".
    """

    id: str
    series: str
    geometry: Geometry
    shape: tuple[int, int, int]
    sound: bool
    study: str = ""


def scans_of(session: Session, series: Sequence[str], frame: str) -> tuple[PlacedScan, ...]:
    """Scans of the series or in the frame of reference, in the order in which they came."""
    named = [key for key in series if key]
    where = [ScanRow.series.in_(named), *([ScanRow.frame_of_reference == frame] if frame else [])]
    rows = session.scalars(select(ScanRow).where(or_(*where)).order_by(ScanRow.number))
    return tuple(map(_placed, rows))


def _placed(row: ScanRow) -> PlacedScan:
    slices, rows, columns = (int(as_number(side)) for side in as_list(row.shape))
    sound = not any(issue.code in IRREGULAR for issue in to_issues(row.issues))
    return PlacedScan(row.id, row.series, to_geometry(row), (slices, rows, columns), sound, row.study_id)
