"""Series geometry, one thing wrong at a time: regular series stack, certain faults are mended, the rest blocks."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from medcore.intake import Found, Reading, Source, read_sources
from medcore.records import Severity
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Unit
from tests.readers.factory import FRAME, ct, ct_dataset, saved

COUNT, STEP = 20, 2.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, memory_mb=2048, seconds=30, output_mb=512) as sandbox:
        yield sandbox


def read(sandbox: Sandbox, files: Sequence[bytes]) -> Reading:
    sources = [Source(f"{k}.dcm", data=data) for k, data in enumerate(files)]
    return read_sources(sources, sandbox=sandbox, settings=Settings())


def one(sandbox: Sandbox, files: Sequence[bytes]) -> Found:
    (found,) = read(sandbox, files).found
    return found


def slices(**changes: Any) -> list[bytes]:
    return [slice_at(k, **changes) for k in range(COUNT)]


def slice_at(k: int, z: float | None = None, x: float = -100.0, y: float = -120.0, **changes: Any) -> bytes:
    position = [x, y, STEP * k if z is None else z]
    return ct(**{"pixels": pattern(k), "InstanceNumber": k + 1, "ImagePositionPatient": position, **changes})


def pattern(k: int) -> np.ndarray:
    return (np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) % 200 + 10 * k).astype(np.uint16)


def codes(found: Found) -> set[tuple[str, str]]:
    return {(issue.code, issue.severity.value) for issue in found.issues}


def test_a_regular_series_has_no_issue(sandbox: Sandbox) -> None:
    found = one(sandbox, slices())
    assert not found.issues and found.volume.shape == (20, 64, 64) and found.volume.spacing_mm == (2.0, 0.8, 0.7)


def test_instance_numbers_do_not_matter(sandbox: Sandbox) -> None:
    reversed_ = [slice_at(k, InstanceNumber=COUNT - k) for k in range(COUNT)][::-1]
    found = one(sandbox, reversed_)
    assert not found.issues and found.volume.voxels[:, 0, 0].tolist() == [10 * k - 1024 for k in range(COUNT)]


def test_slices_sorted_against_the_normal_are_turned_round(sandbox: Sandbox) -> None:
    files = [slice_at(k, z=-STEP * k) for k in range(COUNT)]
    found = one(sandbox, files)
    assert found.volume.voxels[0, 0, 0] == 10 * (COUNT - 1) - 1024
    assert found.volume.geometry.to_lps(np.array([0, 0, 0])).tolist() == pytest.approx(
        [-100, -120, -STEP * (COUNT - 1)]
    )


def test_missing_slices_are_counted_and_block(sandbox: Sandbox) -> None:
    found = one(sandbox, [data for k, data in enumerate(slices()) if k not in (7, 12, 13)])
    assert codes(found) == {("missing_slice", "BLOCK")} and found.issues[0].measured == 3


def test_a_slice_sent_twice_is_used_once_and_said(sandbox: Sandbox) -> None:
    files = slices()
    found = one(sandbox, [*files, files[4], slice_at(9, SOPInstanceUID="1.2.3.4")])
    assert codes(found) == {("duplicate_slice", "INFO")} and found.volume.shape[0] == COUNT


def test_another_image_at_the_same_place_blocks(sandbox: Sandbox) -> None:
    found = one(
        sandbox, [*slices(), ct(pixels=pattern(3) * 2, InstanceNumber=99, ImagePositionPatient=[-100, -120, 8])]
    )
    assert ("duplicate_position", "BLOCK") in codes(found)


def test_uneven_and_overlapping_slices_block_by_their_names(sandbox: Sandbox) -> None:
    uneven = [slice_at(k, z=STEP * k + (0.7 if k == 9 else 0.0)) for k in range(COUNT)]
    assert codes(one(sandbox, uneven)) == {("uneven_spacing", "BLOCK")}
    overlapping = [*slices(), ct(pixels=pattern(3), InstanceNumber=99, ImagePositionPatient=[-100, -120, 8.5])]
    assert codes(one(sandbox, overlapping)) == {("overlapping_slices", "BLOCK")}


def test_a_jitter_of_five_hundredths_is_tolerated(sandbox: Sandbox) -> None:
    jitter = np.random.default_rng(0).uniform(-0.05, 0.05, COUNT)
    found = one(sandbox, [slice_at(k, z=STEP * k + jitter[k]) for k in range(COUNT)])
    assert not found.issues and found.volume.spacing_mm == pytest.approx((2.0, 0.8, 0.7), abs=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
        {"PixelSpacing": [0.9, 0.9]},
        {"FrameOfReferenceUID": f"{FRAME}.9"},
    ],
)
def test_a_mixed_series_is_split_and_never_stacked(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    half = [slice_at(k, **(changes if k >= 10 else {})) for k in range(COUNT)]
    reading = read(sandbox, half)
    assert len(reading.found) >= 2 and all(found.volume.shape[0] <= 10 for found in reading.found)
    if "FrameOfReferenceUID" not in changes:
        assert all(("mixed_series", "WARN") in codes(found) for found in reading.found)


def test_one_odd_slice_leaves_a_gap_that_blocks(sandbox: Sandbox) -> None:
    reading = read(sandbox, [slice_at(k, **({"PixelSpacing": [0.9, 0.9]} if k == 8 else {})) for k in range(COUNT)])
    large = max(reading.found, key=lambda found: found.volume.shape[0])
    assert ("missing_slice", "BLOCK") in codes(large)


def test_other_rows_are_another_scan(sandbox: Sandbox) -> None:
    odd = ct(pixels=np.zeros((32, 32), np.uint16), InstanceNumber=9, ImagePositionPatient=[-100, -120, 16])
    assert len(read(sandbox, [*slices()[:8], odd]).found) == 2


def test_a_tilted_gantry_is_straightened_and_said(sandbox: Sandbox) -> None:
    """Slices lean by 15°: a rod along the stacking direction must come out straight along the normal."""
    angle = np.deg2rad(15)
    orientation = [1, 0, 0, 0, np.cos(angle), np.sin(angle)]
    files = []
    for k in range(COUNT):
        image = np.zeros((64, 64), np.uint16)
        rows = np.arange(64) * 0.8
        # A rod straight along the normal through the middle of slice 10, as seen by the leaning slices.
        centre = 32 * 0.8 - (k - 10) * STEP * np.sin(angle)
        image[:] = np.clip(1000 - 100 * np.abs(rows - centre), 0, None).astype(np.uint16)[:, None]
        files.append(ct(pixels=image, InstanceNumber=k + 1, ImageOrientationPatient=orientation,
                        ImagePositionPatient=[0, 0, STEP * k]))  # fmt: skip
    found = one(sandbox, files)
    assert codes(found) == {("gantry_tilt", "WARN")} and found.issues[0].measured == pytest.approx(15, abs=0.1)
    profile = found.volume.voxels[:, :, 32].astype(float) + 1024
    centres = (profile * np.arange(64)).sum(axis=1) / profile.sum(axis=1)
    assert np.abs(centres - 32).max() < 0.5
    assert found.volume.spacing_mm == pytest.approx((STEP * np.cos(angle), 0.8, 0.7))


def test_slices_that_wander_block(sandbox: Sandbox) -> None:
    found = one(sandbox, [slice_at(k, x=-100.0 + (5 if k % 2 else 0)) for k in range(COUNT)])
    assert codes(found) == {("shifted_slices", "BLOCK")}


def test_slices_without_a_place_or_spacing_are_never_stacked(sandbox: Sandbox) -> None:
    for missing in ({"ImageOrientationPatient": None}, {"PixelSpacing": None}, {"PixelSpacing": [0, 0]}):
        reading = read(sandbox, [slice_at(k, **missing) for k in range(4)])
        assert len(reading.found) == 4
    assert read(sandbox, [slice_at(0, PixelSpacing=[0, 0])]).found[0].volume.spacing_mm is None


def test_rescale_is_applied_slice_by_slice(sandbox: Sandbox) -> None:
    files = [slice_at(k, RescaleSlope=1 if k % 2 else 2, RescaleIntercept=-1024 if k % 2 else -1000) for k in range(6)]
    voxels = one(sandbox, files).volume.voxels
    for k in range(6):
        stored = pattern(k).astype(int)
        assert np.array_equal(voxels[k], stored - 1024 if k % 2 else stored * 2 - 1000)


def test_a_fractional_slope_in_one_slice_widens_all_of_them_exactly(sandbox: Sandbox) -> None:
    voxels = one(sandbox, [slice_at(k, RescaleSlope="0.5" if k == 3 else "1") for k in range(6)]).volume.voxels
    assert voxels.dtype == np.float32
    assert np.array_equal(voxels[2], pattern(2) - 1024.0) and np.array_equal(voxels[3], pattern(3) * 0.5 - 1024)


def test_a_dynamic_series_is_split_by_time(sandbox: Sandbox) -> None:
    files = [slice_at(k, TemporalPositionIdentifier=t, RescaleIntercept=1000 * t) for k in range(5) for t in (2, 1, 3)]
    reading = read(sandbox, files)
    assert [found.volume.name.split(", ")[-1] for found in reading.found] == ["time 1/3", "time 2/3", "time 3/3"]
    assert [int(found.volume.voxels[0, 0, 0]) for found in reading.found] == [1000, 2000, 3000]
    assert all(codes(found) == {("several_steps", "INFO")} and found.volume.shape[0] == 5 for found in reading.found)


def test_steps_without_a_reason_are_split_by_number_and_doubted(sandbox: Sandbox) -> None:
    files = [ct(pixels=pattern(k) + 500 * t, InstanceNumber=k + 1 + 5 * t, ImagePositionPatient=[0, 0, 2.0 * k])
             for t in range(2) for k in range(5)]  # fmt: skip
    reading = read(sandbox, files)
    assert len(reading.found) == 2 and all(("steps_by_number", "WARN") in codes(found) for found in reading.found)
    assert reading.found[1].volume.voxels[0, 0, 0] - reading.found[0].volume.voxels[0, 0, 0] == 500


def test_a_localiser_stays_apart(sandbox: Sandbox) -> None:
    scout = ct(
        pixels=pattern(0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=[1, 0, 0, 0, 0, -1]
    )
    reading = read(sandbox, [*slices(), scout])
    assert sorted(found.volume.shape[0] for found in reading.found) == [1, 20]


def pet(**changes: Any) -> bytes:
    """370 MBq of F-18 injected 60 minutes before the scan into 70 kg; every voxel holds 5000 Bq/ml."""
    ds: Dataset = ct_dataset(
        np.full((8, 8), 500, np.uint16), Modality="PT", RescaleSlope=10, RescaleIntercept=0, RescaleType=None
    )
    tracer = Dataset()
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 370e6, 6586.2
    tracer.RadiopharmaceuticalStartTime = "090000"
    ds.RadiopharmaceuticalInformationSequence = Items([tracer])
    ds.Units, ds.DecayCorrection, ds.CorrectedImage, ds.PatientWeight = "BQML", "START", ["ATTN", "DECY"], 70
    ds.SeriesDate = ds.AcquisitionDate = "20240131"
    ds.SeriesTime, ds.AcquisitionTime = "100000", "100130.5"
    for keyword, value in changes.items():
        if keyword in ("RadionuclideTotalDose", "RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime"):
            setattr(tracer, keyword, value)
        else:
            setattr(ds, keyword, value)
    return saved(ds)


def test_pet_becomes_suv_by_the_published_vector(sandbox: Sandbox) -> None:
    found = one(sandbox, [pet()])
    assert found.volume.unit is Unit.SUV and found.volume.voxels[0, 0, 0] == pytest.approx(1.3817, abs=2e-4)
    assert codes(found) == {("suv", "INFO")} and "60.0 min" in str(found.issues[0].message)


def test_pet_counts_with_administration_time_need_no_delay(sandbox: Sandbox) -> None:
    found = one(sandbox, [pet(DecayCorrection="ADMIN")])
    assert found.volume.voxels[0, 0, 0] == pytest.approx(5000 * 70_000 / 370e6, rel=1e-5)
    assert one(sandbox, [pet(Units="GML")]).volume.voxels[0, 0, 0] == 5000


def test_injection_before_midnight_is_understood(sandbox: Sandbox) -> None:
    found = one(sandbox, [pet(SeriesTime="003000", AcquisitionTime="003000", RadiopharmaceuticalStartTime="233000")])
    assert found.volume.voxels[0, 0, 0] == pytest.approx(1.3817, abs=2e-4)


@pytest.mark.parametrize(
    "changes",
    [{"CorrectedImage": ["DECY"]}, {"PatientWeight": 0}, {"Units": "PROPCPS"}, {"DecayCorrection": "NONE"},
     {"RadionuclideTotalDose": 0}, {"SeriesTime": "120000"}, {"RadiopharmaceuticalStartDateTime": "20240101090000"}],
)  # fmt: skip
def test_without_proof_there_is_no_suv(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    found = one(sandbox, [pet(**changes)])
    assert found.volume.unit is Unit.GREY and found.issues[0].code == "no_suv"
    assert found.issues[0].severity is Severity.WARN


def test_an_ultrasound_frame_takes_its_scale_from_its_region(sandbox: Sandbox) -> None:
    ds = ct_dataset(np.zeros((8, 8, 3), np.uint8), Modality="US", RescaleSlope=None, RescaleIntercept=None,
                    ImageOrientationPatient=None, ImagePositionPatient=None, PixelSpacing=None)  # fmt: skip
    region = Dataset()
    region.RegionSpatialFormat = region.RegionDataType = 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, 0.03
    ds.SequenceOfUltrasoundRegions = Items([region])
    assert one(sandbox, [saved(ds)]).volume.spacing_mm == pytest.approx((1.0, 0.3, 0.2))
