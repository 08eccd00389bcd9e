"""What reading a series costs, counted rather than timed: bytes touched, copies held, messages sent, zip pages kept."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medcore.readers import _child, _preview
from medcore.readers._archive import list_members, raw_member
from medcore.settings import Settings
from tests.readers.factory import ct, zipped

LIMITS = {
    name: int(getattr(Settings(), name))
    for name in ("max_image_megapixels", "zip_max_entries", "zip_max_total_mb", "zip_max_ratio")
}
SLICES = 30


@pytest.fixture(scope="module")
def series() -> bytes:
    """A zip of a CT series of noise, slice k at 2 (k + 1) mm."""
    noise = np.random.default_rng(0).integers(0, 4096, (SLICES, 256, 256)).astype(np.uint16)
    return zipped({f"{k}.dcm": ct(pixels=pixels, InstanceNumber=k + 1) for k, pixels in enumerate(noise)})


def parts(path: Path) -> list[dict[str, Any]]:
    members = _child.list_zip("ct.zip", path, LIMITS)
    return [{"name": member["name"], "path": path, "member": member} for member in members]


def test_the_first_correct_middle_slice_takes_a_tenth_of_the_zip(
    series: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = []

    class Counted:
        """The packed bytes of a member, which count what is taken from them."""

        def __init__(self, raw: memoryview) -> None:
            self.raw = raw

        def __getitem__(self, part: slice) -> memoryview:
            touched.append(len(self.raw[part]))
            return self.raw[part]

    monkeypatch.setattr(_preview, "raw_member", lambda *given: Counted(raw_member(*given)))
    facts = _child.preview("ct.zip", memoryview(series), LIMITS)
    assert facts is not None
    affine = np.array(facts["affine"]).reshape(4, 4)
    assert affine[2, 3] == 2 * (SLICES // 2 + 1)
    members = list_members("ct.zip", memoryview(series), LIMITS)
    whole_slice = max(member["packed"] for member in members)
    assert len(touched) == SLICES
    assert sum(touched) + whole_slice <= 0.1 * len(series)


def test_the_directory_of_a_zip_is_read_without_a_copy_of_the_zip(series: bytes) -> None:
    list_members("ct.zip", memoryview(series), LIMITS)
    tracemalloc.start()
    try:
        assert len(list_members("ct.zip", memoryview(series), LIMITS)) == SLICES
        assert tracemalloc.get_traced_memory()[1] < len(series) / 5
    finally:
        tracemalloc.stop()


def test_a_series_is_stacked_with_a_few_slices_in_hand_at_a_time(series: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ct.zip"
    path.write_bytes(series)
    described = parts(path)
    list(_child.read_parts(None, described, LIMITS))
    tracemalloc.start()
    try:
        list(_child.read_parts(None, described, LIMITS))
        volume = SLICES * 256 * 256 * 2
        assert tracemalloc.get_traced_memory()[1] < 0.4 * volume  # the volume itself grows in shared memory
    finally:
        tracemalloc.stop()


def test_a_run_of_slices_is_answered_at_once_unless_each_is_asked_for(
    series: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ct.zip"
    path.write_bytes(series)
    monkeypatch.setattr(_child, "SILENT_SECONDS", 1e6)
    quiet, every = (list(_child.read_parts(None, parts(path), LIMITS, each)) for each in (False, True))
    assert len(quiet) == 1
    assert len(every) == SLICES + 1
    assert quiet[0]["parts"] == every[-1]["parts"] == list(range(SLICES))
