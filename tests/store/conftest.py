"""Stores in temporary folders, and small scans to put into them."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import Message
from medcore.records import Issue, Severity
from medcore.settings import Settings
from medcore.store.store import Store
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Geometry, Unit, Volume, Window


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def scan(seed: int = 0, **changes: object) -> Volume:
    """A CT block of 3 × 4 × 5 voxels, another one for each seed."""
    facts: dict[str, object] = {
        "voxels": np.random.default_rng(seed).integers(-1000, 1000, (3, 4, 5)).astype(np.int16),
        "unit": Unit.HU,
        "modality": "CT",
        "geometry": Geometry.from_spacing((2.5, 0.7, 0.8), origin_mm=(-10.0, 20.0, 30.5)),
        "name": f"Chest {seed}",
        "acquired_on": date(2025, 6, 7),
        "sha256": f"{seed:064x}",
        "body_part": "CHEST",
        "view": "PA",
        "transfer_syntax": "1.2.840.10008.1.2.1",
        "window": Window(40.0, 400.0),
        "facts": {"kvp": "120"},
    }
    return Volume(**{**facts, **changes})  # type: ignore[arg-type]


def study(
    seed: int = 0, *, title: str = "", key: str = "", patient: str = "", series: str = "", **changes: object
) -> NewStudy:
    """A study of one scan."""
    volume = scan(seed, **changes)
    gap = Issue("slice_gap", Severity.WARN, Message("A gap of {mm} mm.", {"mm": 5.5}), Message("Look."), 5.5, 2.5)
    return NewStudy(title or volume.name, (NewScan(volume, (gap,), series, b"\x89PNG"),), key=key, patient=patient)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models")


@pytest.fixture
def open_store(settings: Settings, clock: Clock) -> Iterator[Callable[[], Store]]:
    """Opens the same store again and again; all are closed at the end."""
    opened: list[Store] = []

    def open_() -> Store:
        opened.append(Store.open(settings, clock=clock))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
