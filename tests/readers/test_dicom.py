"""DICOM values, polarity, colour, scale and names: what a reader sees must be what the scanner meant."""

from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from medcore.errors import (
    CorruptFileError,
    MedcoreError,
    NoPixelsError,
    TooLargeError,
    TruncatedFileError,
    UnknownFormatError,
)
from medcore.intake import Found
from medcore.readers._dicom_values import rescaled
from medcore.volume import Scale, Unit, Window
from tests.readers.factory import changed, ct, ct_dataset, dx, dx_dataset, saved, set_pixels

One = Callable[[bytes], Found]
RAMP = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)


def test_a_ct_slice_becomes_exact_int16_hounsfield_units(one: One) -> None:
    volume = one(ct()).volume
    assert volume.voxels.dtype == np.int16 and volume.unit is Unit.HU
    assert np.array_equal(volume.voxels[0], RAMP.astype(np.int32) - 1024)
    assert volume.window == Window(40, 400)


def test_the_geometry_of_a_slice_follows_the_standard(one: One) -> None:
    geometry = one(ct()).volume.geometry
    assert geometry.scale is Scale.PATIENT and geometry.orientation == "SPL"
    assert geometry.to_lps(np.array([0, 10, 20])).tolist() == pytest.approx([-100 + 20 * 0.7, -120 + 10 * 0.8, 2.0])


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
)
def test_every_lossless_syntax_gives_the_same_values(one: One, syntax: str) -> None:
    ds = ct_dataset()
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = RAMP.byteswap().tobytes()
        ds.file_meta.TransferSyntaxUID = syntax
    elif syntax == ImplicitVRLittleEndian:
        ds.file_meta.TransferSyntaxUID = syntax
    else:
        ds.compress(syntax, generate_instance_uid=False)
    volume = one(saved(ds)).volume
    assert np.array_equal(volume.voxels[0], RAMP.astype(np.int32) - 1024)
    assert volume.transfer_syntax == syntax


def test_a_deflated_file_is_read_but_never_beyond_the_limit(one: One) -> None:
    from medcore.settings import Settings

    data = deflated(ct_dataset())
    assert np.array_equal(one(data).volume.voxels[0], RAMP.astype(np.int32) - 1024)
    bomb = deflated(ct_dataset(pixels=np.zeros((2000, 2000), np.uint16)))
    with pytest.raises(TooLargeError, match=r"file\.dcm"):
        one(bomb, settings=Settings(max_image_megapixels=1))  # type: ignore[call-arg]


def deflated(ds: Dataset) -> bytes:
    import zlib

    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    plain = saved(ds)
    length = int.from_bytes(plain[140:144], "little")
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    import io

    from pydicom.filewriter import write_file_meta_info

    meta = io.BytesIO()
    write_file_meta_info(meta, ds.file_meta)
    packer = zlib.compressobj(wbits=-15)
    return plain[:132] + meta.getvalue() + packer.compress(plain[144 + length :]) + packer.flush()


def test_monochrome1_is_turned_so_that_larger_is_brighter(one: One) -> None:
    pixels = np.array([[0, 1], [4094, 4095]], np.uint16)
    volume = one(dx(pixels, PhotometricInterpretation="MONOCHROME1", WindowCenter=1000, WindowWidth=200)).volume
    assert volume.voxels[0].tolist() == [[4095, 4094], [1, 0]]
    assert volume.window == Window(3095, 200)
    assert volume.voxels.dtype == np.uint16


def test_signed_monochrome1_turns_about_its_own_range(one: One) -> None:
    pixels = np.array([[-2048, 0], [1, 2047]], np.int16)
    ds = changed(dx_dataset(pixels), PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
    assert one(saved(ds)).volume.voxels[0].tolist() == [[2047, -1], [-2, -2048]]


def test_ct_in_monochrome1_keeps_its_hounsfield_units(one: One) -> None:
    assert np.array_equal(one(ct(PhotometricInterpretation="MONOCHROME1")).volume.voxels[0], RAMP.astype(int) - 1024)


@pytest.mark.parametrize(
    ("slope", "intercept", "expected"),
    [(2, -10, np.int16), (1, 0, np.uint16), (1, 5, np.int16), (40, 0, np.float32), (0.5, 0, np.float32)],
)
def test_rescale_is_exact_in_the_narrowest_type(slope: float, intercept: float, expected: type) -> None:
    stored = np.array([[0, 7, 4095]], np.uint16)
    values = rescaled(stored, slope, intercept, "a.dcm")
    assert values.dtype == expected
    assert values.tolist() == [[v * slope + intercept for v in (0, 7, 4095)]]


@pytest.mark.parametrize(
    ("field", "value"),
    [("RescaleSlope", "1e308"), ("RescaleSlope", "NaN"), ("RescaleSlope", "0"), ("RescaleIntercept", "abc")],
)
def test_a_rescale_that_is_no_number_is_refused_by_name(one: One, field: str, value: str) -> None:
    data = ct(**{field: "1.0000000000000"}).replace(b"1.0000000000000", value.encode().ljust(15))
    with pytest.raises(CorruptFileError, match=field):
        one(data)


def test_a_radiograph_is_measured_on_the_detector_unless_calibrated(one: One) -> None:
    plain = one(dx()).volume
    assert plain.geometry.scale is Scale.DETECTOR and plain.spacing_mm == pytest.approx((1, 0.15, 0.15))
    calibrated = one(dx(PixelSpacing=[0.12, 0.12])).volume
    assert calibrated.geometry.scale is Scale.PATIENT and calibrated.spacing_mm == pytest.approx((1, 0.12, 0.12))
    assert one(dx(ImagerPixelSpacing=None)).volume.spacing_mm is None
    assert one(dx(ImagerPixelSpacing=[0, 0])).volume.spacing_mm is None


def test_a_radiograph_lies_as_its_patient_orientation_says(one: One) -> None:
    assert one(dx()).volume.geometry.orientation == "PIL"
    assert one(dx(PatientOrientation=["A", "F"])).volume.geometry.orientation[1:] == "IA"


def test_a_voi_table_of_a_radiograph_is_applied_and_told(one: One) -> None:
    ds = dx_dataset(np.array([[0, 1], [2, 3]], np.uint16))
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4, 0, 12], np.array([0, 1000, 3000, 4095], "<u2").tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    ds.VOILUTSequence = [item]
    found = one(saved(ds))
    assert found.volume.voxels[0].tolist() == [[0, 1000], [3000, 4095]]
    assert [issue.code for issue in found.issues] == ["voi_table"]


def test_colour_is_rgb_whatever_it_was(one: One) -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    ds = ct_dataset(red, Modality="US", RescaleSlope=None, RescaleIntercept=None)
    assert one(saved(ds)).volume.voxels[0, 0, 0].tolist() == [255, 0, 0]
    ybr = np.zeros((4, 4, 3), np.uint8)
    ybr[:] = (76, 85, 255)  # red in YCbCr
    set_pixels(ds, ybr)
    ds.PhotometricInterpretation = "YBR_FULL"
    volume = one(saved(ds)).volume
    assert volume.unit is Unit.RGB and np.abs(volume.voxels[0, 0, 0].astype(int) - [254, 0, 0]).max() <= 1


def test_palette_colours_are_looked_up(one: One) -> None:
    ds = ct_dataset(np.array([[0, 1], [1, 0]], np.uint8), Modality="US", RescaleSlope=None, RescaleIntercept=None)
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for colour, table in (("Red", [0, 65535]), ("Green", [65535, 0]), ("Blue", [256, 512])):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [2, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", np.array(table, "<u2").tobytes())
    assert one(saved(ds)).volume.voxels[0].tolist() == [[[0, 255, 1], [255, 0, 2]], [[255, 0, 2], [0, 255, 1]]]


def test_no_identity_reaches_the_volume(one: One) -> None:
    found = one(ct(ManufacturerModelName="Doe^Scanner", Manufacturer="GE MEDICAL SYSTEMS"))
    shown = f"{found.volume.name} {found.volume.facts} {found.volume.geometry.frame_of_reference} {found}"
    for secret in ("Doe", "DOE", "4711", "19510203", "1.2.826"):
        assert secret not in shown
    assert found.volume.facts["manufacturer"] == "GE MEDICAL SYSTEMS"
    assert found.study_key and found.patient and found.series_key


@pytest.mark.parametrize(("agent", "kept"), [("Omnipaque for J. Doe", "yes"), ("NONE", "no"), ("", None), (None, None)])
def test_of_a_contrast_agent_only_is_kept_whether_there_is_one(one: One, agent: str | None, kept: str | None) -> None:
    facts = one(ct(**({} if agent is None else {"ContrastBolusAgent": agent}))).volume.facts
    assert facts.get("contrast_agent") == kept and "Doe" not in str(facts)


def test_a_description_of_known_words_becomes_the_name(one: One) -> None:
    assert one(ct(SeriesDescription="Lung 1.25mm axial")).volume.name == "CT Lung 1.25mm axial"
    assert one(dx()).volume.name == "DX chest PA"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"Rows": 0}, CorruptFileError),
        ({"Rows": None}, CorruptFileError),
        ({"Rows": 65535, "Columns": 65535}, TooLargeError),
        ({"Rows": 640}, TruncatedFileError),
        ({"NumberOfFrames": 200_000_000}, TooLargeError),
        ({"NumberOfFrames": -3}, CorruptFileError),
        ({"BitsAllocated": 12}, CorruptFileError),
        ({"BitsStored": 99}, CorruptFileError),
        ({"PixelData": None, "Rows": None}, NoPixelsError),
        ({"PixelData": None}, TruncatedFileError),
    ],
)
def test_an_impossible_header_is_a_named_error(one: One, changes: dict[str, object], error: type[MedcoreError]) -> None:
    with pytest.raises(error, match=r"file\.dcm") as caught:
        one(ct(**changes))
    assert caught.value.hint.text()


def test_zero_frames_means_one(one: One) -> None:
    assert one(ct(NumberOfFrames="0")).volume.shape == (1, 64, 48)


def test_a_file_cut_short_is_refused_wherever_it_is_cut(one: One) -> None:
    data = ct()
    for length in (1, 100, 131, 140, 200, 400, 700, len(data) // 2, len(data) - 2):
        with pytest.raises(MedcoreError, match=r"file\.dcm"):
            one(data[:length])


def test_text_named_dcm_is_no_dicom(one: One) -> None:
    with pytest.raises(UnknownFormatError):
        one(b"Dear colleague, please find attached" * 20)


def test_a_compressed_frame_larger_than_its_header_is_refused_before_decoding(one: One) -> None:
    ds = ct_dataset()
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    data = saved(ds)
    at = data.index(b"\xff\x4f\xff\x51")
    huge = (60000).to_bytes(4, "big")
    with pytest.raises(TooLargeError, match="60000"):
        one(data[: at + 8] + huge + huge + data[at + 16 :])


def test_extra_bytes_after_the_pixels_are_padding_unless_they_make_a_frame(one: One) -> None:
    ds = ct_dataset()
    ds.PixelData += b"\0" * 10
    assert one(saved(ds)).volume.shape == (1, 64, 48)
    ds.PixelData *= 2
    with pytest.raises(CorruptFileError):
        one(saved(ds))
