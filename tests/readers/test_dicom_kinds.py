"""DICOM that is no scan is named for what it is, and an image's header says where its millimetres come from."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from medcore.errors import ContentsOnlyError, NoPixelsError
from medcore.intake import Found, Source, decode_bytes, read_sources
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Scale
from tests.readers.factory import ct, ct_dataset, ct_series, dx, dx_dataset, saved, set_pixels, zipped
from tests.readers.test_dicom import deflated

One = Callable[[bytes], Found]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, memory_mb=2048, seconds=30, output_mb=512) as sandbox:
        yield sandbox


def no_image(sop_class: str, modality: str) -> bytes:
    ds = ct_dataset(PixelData=None, Rows=None, Columns=None, Modality=modality)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    return saved(ds)


@pytest.mark.parametrize(
    ("sop_class", "modality", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.33", "SR", "structured report"),
        ("1.2.840.10008.5.1.4.1.1.88.67", "SR", "dose report"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KO", "key images"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC", "PDF"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", "waveform"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", "radiotherapy plan"),
        ("1.2.840.10008.5.1.4.1.1.66.1", "REG", "registration"),
        ("1.2.840.10008.5.1.4.1.1.66.5", "SEG", "surface segmentation"),
        ("1.2.840.10008.5.1.4.1.1.66", "MR", "raw data"),
        ("1.2.3.4", "XX", "modality XX"),
    ],
)
def test_an_object_without_an_image_is_named_with_what_to_send(sop_class: str, modality: str, words: str) -> None:
    with pytest.raises(NoPixelsError, match=words) as caught:
        decode_bytes("a.dcm", no_image(sop_class, modality), Settings())
    assert "a.dcm" in str(caught.value) and caught.value.hint.text()


def test_a_table_of_contents_is_a_fault_only_where_it_comes_alone(sandbox: Sandbox) -> None:
    contents = no_image("1.2.840.10008.1.3.10", "")
    slices = [Source(f"IM{k}", data=data) for k, data in enumerate(ct_series(4))]
    reading = read_sources([Source("INDEX", data=contents), *slices], sandbox=sandbox, settings=Settings())
    assert len(reading.found) == 1 and not reading.refused
    alone = read_sources([Source("INDEX", data=contents)], sandbox=sandbox, settings=Settings())
    assert [type(refusal.error) for refusal in alone.refused] == [ContentsOnlyError]


def test_a_table_of_contents_is_never_followed_out_of_its_folder(sandbox: Sandbox, tmp_path: Any) -> None:
    (tmp_path / "disc").mkdir()
    (tmp_path / "outside.dcm").write_bytes(dx())
    ds = ct_dataset(PixelData=None, Rows=None, Columns=None)
    record = Dataset()
    record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", ["..", "outside.dcm"]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    ds.DirectoryRecordSequence = Items([record])
    (tmp_path / "disc" / "DICOMDIR").write_bytes(saved(ds))
    for k, data in enumerate(ct_series(3)):
        (tmp_path / "disc" / f"IM{k}").write_bytes(data)
    reading = read_sources([Source("disc", path=tmp_path / "disc")], sandbox=sandbox, settings=Settings())
    assert [found.volume.modality for found in reading.found] == ["CT"] and not reading.refused


def test_zips_in_zips_with_a_table_of_contents_are_read(sandbox: Sandbox) -> None:
    inner = zipped({f"IM{k}": data for k, data in enumerate(ct_series(3))})
    disc = zipped({"DICOMDIR": no_image("1.2.840.10008.1.3.10", ""), "series/a.zip": inner})
    reading = read_sources([Source("disc.zip", data=zipped({"disc.zip": disc}))], sandbox=sandbox, settings=Settings())
    assert [found.volume.shape[0] for found in reading.found] == [3] and not reading.refused


def test_a_deflated_file_says_so(one: One) -> None:
    assert one(deflated(ct_dataset())).volume.transfer_syntax == "1.2.840.10008.1.2.1.99"


def test_a_dose_grid_is_noted_as_doses() -> None:
    ds = ct_dataset(Modality="RTDOSE", RescaleSlope=None, RescaleIntercept=None)
    set_pixels(ds, np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5))
    ds.DoseGridScaling, ds.GridFrameOffsetVector = 0.01, [0, 3, 6]
    (found,) = decode_bytes("dose.dcm", saved(ds), Settings())
    assert "dose_grid" in [issue.code for issue in found.issues]
    assert found.volume.voxels[2, 3, 4] == pytest.approx(0.59) and found.volume.spacing_mm == pytest.approx(
        (3, 0.8, 0.7)
    )


def ultrasound(*regions: dict[str, Any], **changes: Any) -> bytes:
    """An ultrasound picture with regions of 2-D tissue in cm, each changed as given."""
    ds = ct_dataset(np.zeros((8, 8, 3), np.uint8), Modality="US", RescaleSlope=None, RescaleIntercept=None,
                    ImageOrientationPatient=None, ImagePositionPatient=None, PixelSpacing=None, **changes)  # fmt: skip
    items = []
    for region in regions:
        item = Dataset()
        item.RegionSpatialFormat = item.RegionDataType = 1
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX, item.PhysicalDeltaY = 0.02, 0.03
        for keyword, value in region.items():
            setattr(item, keyword, value)
        items.append(item)
    if items:
        ds.SequenceOfUltrasoundRegions = Items(items)
    return saved(ds)


DOPPLER = {"RegionSpatialFormat": 3, "RegionDataType": 3, "PhysicalUnitsXDirection": 4, "PhysicalUnitsYDirection": 7}


@pytest.mark.parametrize(
    ("regions", "spacing", "reason"),
    [
        ([{}], (1.0, 0.3, 0.2), ""),
        ([{}, DOPPLER], (1.0, 0.3, 0.2), ""),
        ([{"RegionDataType": 2}], (1.0, 0.3, 0.2), ""),
        ([{"PhysicalDeltaX": -0.02}], (1.0, 0.3, 0.2), ""),
        ([{}, {"PhysicalDeltaX": 0.05}], None, "different scales"),
        ([DOPPLER], None, "curve over time"),
        ([{"PhysicalUnitsXDirection": 0}], None, "not in centimetres"),
        ([{"PhysicalDeltaY": 0.0}], None, "not in centimetres"),
        ([], None, "names no scale"),
    ],
)
def test_an_ultrasound_image_has_the_scale_of_its_tissue_or_says_why_not(
    one: One, regions: list[dict[str, Any]], spacing: tuple[float, ...] | None, reason: str
) -> None:
    found = one(ultrasound(*regions))
    assert found.volume.spacing_mm == (None if spacing is None else pytest.approx(spacing))
    told = [str(issue.message) for issue in found.issues if issue.code == "no_scale"]
    assert bool(told) == bool(reason) and all(reason in text for text in told)


@pytest.mark.parametrize("modality", ["CR", "DX", "MG", "IO", "PX"])
def test_every_projection_is_on_its_detector_and_its_magnification_is_told(one: One, modality: str) -> None:
    found = one(dx(Modality=modality, EstimatedRadiographicMagnificationFactor=1.25))
    assert found.volume.geometry.scale is Scale.DETECTOR and found.volume.spacing_mm == pytest.approx((1, 0.15, 0.15))
    assert [(issue.code, issue.measured) for issue in found.issues] == [("magnification", 1.25)]
    calibrated = one(dx(Modality=modality, EstimatedRadiographicMagnificationFactor=1.25, PixelSpacing=[0.12, 0.12]))
    assert calibrated.volume.geometry.scale is Scale.PATIENT  # 0.15 / 1.25, as the header itself says


def test_a_presentation_lut_shape_turns_the_image_as_monochrome1_does(one: One) -> None:
    pixels = np.array([[0, 1], [4094, 4095]], np.uint16)
    assert one(dx(pixels, PresentationLUTShape="INVERSE")).volume.voxels[0].tolist() == [[4095, 4094], [1, 0]]
    assert one(dx(pixels, PresentationLUTShape="IDENTITY")).volume.voxels[0].tolist() == pixels.tolist()


@pytest.mark.parametrize(("photometric", "planar"), [("YBR_FULL", 0), ("YBR_FULL", 1), ("RGB", 1)])
def test_planes_of_colour_in_any_order_give_the_same_red(one: One, photometric: str, planar: int) -> None:
    colour = (76, 85, 255) if photometric.startswith("YBR") else (254, 0, 0)
    pixels = np.broadcast_to(np.array(colour, np.uint8), (4, 6, 3))
    ds = ct_dataset(np.ascontiguousarray(pixels), Modality="OT", RescaleSlope=None, RescaleIntercept=None)
    ds.PhotometricInterpretation, ds.PlanarConfiguration = photometric, planar
    if planar:
        ds.PixelData = np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()
    voxels = one(saved(ds)).volume.voxels
    assert np.abs(voxels.astype(int) - [254, 0, 0]).max() <= 1 and voxels.shape == (1, 4, 6, 3)


def test_half_sampled_colour_is_filled_in(one: One) -> None:
    """YBR_FULL_422: two pixels share their colour (Y1 Y2 Cb Cr)."""
    ds = ct_dataset(np.zeros((2, 4, 3), np.uint8), Modality="US", RescaleSlope=None, RescaleIntercept=None)
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.PixelData = bytes([76, 76, 85, 255] * 4)
    assert np.abs(one(saved(ds)).volume.voxels.astype(int) - [254, 0, 0]).max() <= 1


def test_a_high_bit_that_contradicts_the_stored_bits_is_doubted(one: One) -> None:
    ds = changed_bits(dx_dataset(), 15)
    assert "high_bit" in [issue.code for issue in one(saved(ds)).issues]
    assert not one(ct()).issues


def changed_bits(ds: Dataset, high: int) -> Dataset:
    ds.HighBit = high
    return ds
