"""What is written as DICOM must come back the same, through pydicom alone, through ITK and through our readers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import UnfitInputError
from medcore.exports.dicom_headers import PHANTOM_MAKER, Labels, unique
from medcore.exports.dicom_images import SYNTAXES, Form, write_dicom
from medcore.imaging.phantoms.golden import GRIDS, ORIENTATIONS, PARTS, golden, measure
from medcore.imaging.phantoms.radiographs import chest_radiograph
from medcore.intake import Found, Source, read_sources
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Geometry, Scale, Unit, Volume, Window

LABELS = Labels(seed="test", patient="SYNTHETIC-0")
LOSSLESS = [name for name in SYNTAXES if name not in ("jpeg_ls_near", "jpeg_2000_lossy")]
SMALL = ((4.0, 3.0, 2.5), (96.0, 104.0, 112.0))
IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferringPhysicianName", "AccessionNumber")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    settings = Settings()
    pool = Sandbox(workers=1, memory_mb=settings.decode_memory_mb, seconds=60, output_mb=512)
    yield pool
    pool.close()


def read(paths: tuple[Path, ...], sandbox: Sandbox) -> Found:
    reading = read_sources([Source(p.name, path=p) for p in paths], sandbox=sandbox, settings=Settings(), key=b"k")
    assert not reading.refused, [str(r.error) for r in reading.refused]
    assert len(reading.found) == 1
    return reading.found[0]


def aligned(volume: Volume, like: Volume) -> np.ndarray:
    """Voxels of `volume` in slice order of `like`: a reader may count the slices the other way round."""
    step = volume.geometry.affine[:3, 0] @ like.geometry.affine[:3, 0]
    return volume.voxels if step > 0 else volume.voxels[::-1]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_series_comes_back_with_equal_voxels_at_equal_places(
    orientation: str, modality: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    phantom = golden(orientation, SMALL[0], size_mm=SMALL[1], modality=modality)
    found = read(write_dicom(phantom.volume, tmp_path, labels=LABELS), sandbox)
    volume = found.volume
    assert volume.synthetic and volume.unit is phantom.volume.unit and volume.modality == modality
    assert np.array_equal(aligned(volume, phantom.volume), phantom.volume.voxels)
    for _name, value, solid in PARTS:
        centre, ml = measure(volume, value)
        assert np.abs(np.subtract(centre, solid.centre)).max() < 0.5 * min(volume.geometry.steps)
        assert ml == pytest.approx(solid.volume_ml, rel=0.07)  # the smallest spans two voxels


@pytest.mark.parametrize("spacing, size", GRIDS)
def test_simpleitk_sees_the_same_voxels_at_the_same_places(
    spacing: tuple[float, float, float], size: tuple[float, float, float], tmp_path: Path
) -> None:
    volume = golden("oblique", spacing, size_mm=size).volume
    files = write_dicom(volume, tmp_path, labels=LABELS)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    assert len(files) == volume.shape[0]
    last = [n - 1 for n in image.GetSize()]
    seen = {tuple(np.round(image.TransformIndexToPhysicalPoint(i), 2)) for i in ([0, 0, 0], last)}
    ours = volume.geometry.to_lps(np.array([[0, 0, 0], np.array(volume.shape) - 1]))
    assert seen == {tuple(np.round(p, 2)) for p in ours}
    voxels = sitk.GetArrayFromImage(image)
    first = image.TransformIndexToPhysicalPoint([0, 0, 0])
    voxels = voxels if np.allclose(first, ours[0], atol=0.01) else voxels[::-1]
    assert np.array_equal(voxels, volume.voxels)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("inverted", [False, True])
def test_a_radiograph_comes_back_equal_in_every_lossless_form(
    syntax: str, inverted: bool, tmp_path: Path, sandbox: Sandbox
) -> None:
    phantom = chest_radiograph(pixel_mm=3.2, acquired_on=date(2020, 3, 2))
    files = write_dicom(phantom.volume, tmp_path, labels=LABELS, form=Form(syntax, inverted=inverted))
    volume = read(files, sandbox).volume
    assert np.array_equal(volume.voxels, phantom.volume.voxels)
    assert pydicom.dcmread(files[0]).file_meta.TransferSyntaxUID == SYNTAXES[syntax][0]
    assert volume.geometry.scale is Scale.DETECTOR and volume.geometry.close_to(phantom.volume.geometry)
    assert (volume.view, volume.body_part, volume.acquired_on) == ("PA", "CHEST", date(2020, 3, 2))
    assert volume.synthetic


@pytest.mark.parametrize("syntax, error", [("jpeg_ls_near", 2), ("jpeg_2000_lossy", 80)])
def test_a_lossy_form_stays_close_and_says_that_it_is_lossy(
    syntax: str, error: int, tmp_path: Path, sandbox: Sandbox
) -> None:
    phantom = chest_radiograph(pixel_mm=3.2)
    quality = 2 if syntax == "jpeg_ls_near" else 6
    files = write_dicom(phantom.volume, tmp_path, labels=LABELS, form=Form(syntax, quality=quality))
    found = read(files, sandbox)
    off = np.abs(found.volume.voxels.astype(int) - phantom.volume.voxels)
    assert 0 < np.percentile(off, 99) <= error
    assert pydicom.dcmread(files[0]).LossyImageCompression == "01"
    assert "lossy" in [issue.code for issue in found.issues]


def test_numbers_that_are_not_whole_keep_four_digits(tmp_path: Path, sandbox: Sandbox) -> None:
    rng = np.random.default_rng(3)
    voxels = rng.normal(0.5, 0.2, (4, 12, 10)).astype(np.float32)
    volume = Volume(voxels, Unit.GREY, "MR", Geometry.from_spacing((2.0, 1.0, 1.0)), window=Window(0.5, 1.0))
    back = read(write_dicom(volume, tmp_path, labels=LABELS), sandbox).volume
    assert np.abs(back.voxels - voxels).max() <= np.ptp(voxels) / 65535


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_one_multi_frame_file_places_every_frame(modality: str, tmp_path: Path) -> None:
    volume = golden("oblique", SMALL[0], size_mm=SMALL[1], modality=modality).volume
    (path,) = write_dicom(volume, tmp_path, labels=LABELS, form=Form("rle", one_file=True))
    dataset = pydicom.dcmread(path)
    assert dataset.NumberOfFrames == volume.shape[0]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    slope = shared.PixelValueTransformationSequence[0]
    voxels = dataset.pixel_array * float(slope.RescaleSlope) + float(slope.RescaleIntercept)
    assert np.array_equal(voxels, volume.voxels)
    for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        place = [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        assert place == pytest.approx(volume.geometry.to_lps(np.array([k, 0, 0])).tolist(), abs=1e-4)


def test_nothing_in_a_file_could_name_a_person(tmp_path: Path) -> None:
    phantom = chest_radiograph(pixel_mm=6.4)
    dataset = pydicom.dcmread(write_dicom(phantom.volume, tmp_path, labels=LABELS)[0])
    assert [str(dataset[k].value) for k in IDENTITY] == ["SYNTHETIC^PHANTOM", "SYNTHETIC-0", "", "", "", ""]
    assert dataset.Manufacturer == PHANTOM_MAKER and "Synthetic" in dataset.ImageComments
    assert dataset.PatientIdentityRemoved == "YES" and dataset.BurnedInAnnotation == "NO"
    assert not any(element.tag.is_private for element in dataset.iterall())
    names = [e.keyword for e in dataset.iterall() if e.VR == "PN" and e.keyword != "PatientName" and e.value]
    assert names == []


def test_what_was_not_computed_is_not_called_synthetic(tmp_path: Path, sandbox: Sandbox) -> None:
    volume = replace(golden(spacing_mm=SMALL[0]).volume, synthetic=False)
    files = write_dicom(volume, tmp_path, labels=LABELS)
    assert not read(files, sandbox).volume.synthetic
    assert str(pydicom.dcmread(files[0]).PatientName) == "ANONYMOUS"


def test_uids_follow_from_words_and_are_valid() -> None:
    assert unique("a", "b") == unique("a", "b") != unique("ab")
    assert pydicom.uid.UID(unique("a")).is_valid and len(unique("a")) <= 64


def test_the_same_volume_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    volume = golden(spacing_mm=SMALL[0]).volume
    first, second = (write_dicom(volume, tmp_path / n, labels=LABELS, form=Form("jpeg_ls")) for n in "ab")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_a_modality_without_an_image_object_is_refused_by_name(tmp_path: Path) -> None:
    volume = replace(golden(spacing_mm=SMALL[0]).volume, modality="US")
    with pytest.raises(UnfitInputError, match="US"):
        write_dicom(volume, tmp_path, labels=LABELS)
    with pytest.raises(UnfitInputError, match="DX"):
        write_dicom(chest_radiograph(pixel_mm=6.4).volume, tmp_path, labels=LABELS, form=Form(one_file=True))
