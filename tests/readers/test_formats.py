"""NIfTI, NRRD, MetaImage and NumPy: the same places as independent readers give, and no hostile header believed."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from medcore.errors import CorruptFileError, MedcoreError, TooLargeError, TruncatedFileError, UnsupportedFormatError
from medcore.exports.dicom_headers import Labels
from medcore.exports.dicom_images import Form, write_dicom
from medcore.exports.nifti_images import write_nifti
from medcore.exports.nrrd_images import write_metaimage, write_nrrd
from medcore.imaging.phantoms.golden import ORIENTATIONS, PARTS, golden, measure
from medcore.intake import Found, Source, decode_bytes, read_sources
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Volume

One = Callable[..., Found]
ARRAY = np.arange(4 * 5 * 6, dtype=np.int16).reshape(6, 5, 4, order="F")
RAS = np.array([[-0.9, 0.1, 0, 10], [0.05, 1.1, 0.2, -20], [0, -0.1, 2.5, 30], [0, 0, 0, 1]])


def nifti(array: np.ndarray = ARRAY, affine: np.ndarray | None = RAS, **fields: Any) -> bytes:
    image = nibabel.Nifti1Image(array, affine)
    raw = bytearray(image.to_bytes())
    header = nibabel.Nifti1Header(bytes(raw[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    raw[:348] = header.binaryblock
    return bytes(raw)


@pytest.mark.parametrize("packed", [False, True])
def test_nifti_voxels_lie_where_nibabel_lays_them(one: One, packed: bool) -> None:
    data = nifti()
    volume = one(gzip.compress(data) if packed else data, "brain.nii.gz").volume
    for x, y, z in ((0, 0, 0), (5, 4, 3), (2, 1, 0)):
        ras = nibabel.affines.apply_affine(RAS, (x, y, z))
        assert volume.geometry.to_lps(np.array([z, y, x])) == pytest.approx(ras * [-1, -1, 1], abs=1e-4)
        assert volume.voxels[z, y, x] == ARRAY[x, y, z]
    assert volume.voxels.dtype == np.int16 and volume.name == "brain"


def test_nifti_in_metres_and_with_a_scale_is_converted(one: One) -> None:
    volume = one(nifti(affine=np.diag([0.001, 0.002, 0.003, 1]), xyzt_units=1, scl_slope=2.0, scl_inter=-5.0)).volume
    assert volume.spacing_mm == pytest.approx((3, 2, 1), rel=1e-5)
    assert volume.voxels[1, 2, 3] == ARRAY[3, 2, 1] * 2 - 5


def test_four_dimensions_become_one_scan_a_time() -> None:
    array = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    found = decode_bytes("fmri.nii", nifti(array), Settings())
    assert [f.volume.name for f in found] == [f"fmri, time {k}/5" for k in range(1, 6)]
    assert np.array_equal(found[3].volume.voxels, array[..., 3].transpose(2, 1, 0))


def test_conflicting_forms_and_missing_orientation_are_told(one: One) -> None:
    image = nibabel.Nifti1Image(ARRAY, RAS)
    image.set_qform(np.diag([-1.0, 1, 1, 1]), code=1)
    image.set_sform(RAS, code=1)
    assert [issue.code for issue in one(image.to_bytes()).issues] == ["form_conflict"]
    assert [issue.code for issue in one(nifti(sform_code=0, qform_code=0)).issues] == ["no_orientation"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"dim": [3, 30000, 30000, 30000, 1, 1, 1, 1]}, TooLargeError),
        ({"dim": [3, -5, 5, 6, 1, 1, 1, 1]}, CorruptFileError),
        ({"dim": [3, 0, 5, 6, 1, 1, 1, 1]}, CorruptFileError),
        ({"dim": [3, 60, 50, 40, 1, 1, 1, 1]}, TruncatedFileError),
        ({"dim": [99, 6, 5, 4, 1, 1, 1, 1]}, CorruptFileError),
        ({"datatype": 999}, CorruptFileError),
        ({"datatype": 32}, UnsupportedFormatError),
        ({"vox_offset": 1e9}, TruncatedFileError),
        ({"vox_offset": -1}, TruncatedFileError),
        ({"vox_offset": np.nan}, MedcoreError),
    ],
)
def test_an_impossible_nifti_header_is_a_named_error(
    one: One, fields: dict[str, Any], error: type[MedcoreError]
) -> None:
    with pytest.raises(error, match=r"a\.nii"):
        one(nifti(**fields), "a.nii")


def test_a_gzip_bomb_is_stopped_at_the_limit(one: One) -> None:
    bomb = gzip.compress(nifti(dim=[3, 400, 500, 5, 1, 1, 1, 1]) + bytes(64 << 20))
    with pytest.raises(TooLargeError, match=r"bomb\.nii\.gz"):
        one(bomb, "bomb.nii.gz", Settings(max_image_megapixels=2))


@pytest.mark.parametrize("pixdim", [0.0, np.nan])
def test_a_singular_or_unknown_spacing_means_no_millimetres(one: One, pixdim: float) -> None:
    found = one(nifti(sform_code=0, qform_code=0, pixdim=[1, pixdim, 1, 1, 1, 1, 1, 1]))
    assert found.volume.spacing_mm is None and "no_geometry" in [issue.code for issue in found.issues]
    singular = nifti(srow_x=[0, 0, 0, 0], qform_code=0)
    assert "no_orientation" in [issue.code for issue in one(singular).issues]


def test_values_that_are_no_numbers_are_mended_with_a_note_or_refused(one: One) -> None:
    array = np.ones((6, 5, 4), np.float32)
    array[0, 0, :2] = np.nan, np.inf
    found = one(nifti(array))
    assert found.volume.voxels.min() == 1 and [issue.code for issue in found.issues] == ["not_finite"]
    with pytest.raises(CorruptFileError):
        one(nifti(np.full((6, 5, 4), np.nan, np.float32)))


def test_nrrd_and_metaimage_lie_where_simpleitk_lays_them(one: One, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.ascontiguousarray(ARRAY.transpose(2, 1, 0)))
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((10, -20, 30))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    for name, packed in (("a.nrrd", True), ("b.nrrd", False), ("a.mha", True), ("b.mha", False)):
        sitk.WriteImage(image, str(tmp_path / name), packed)
        volume = one((tmp_path / name).read_bytes(), name).volume
        for x, y, z in ((0, 0, 0), (5, 4, 3), (2, 1, 0)):
            assert volume.geometry.to_lps(np.array([z, y, x])) == pytest.approx(
                image.TransformIndexToPhysicalPoint((x, y, z)), abs=1e-6
            )
            assert volume.voxels[z, y, x] == ARRAY[x, y, z]


def test_numpy_arrays_are_read_as_they_are_and_never_unpickled(one: One) -> None:
    def saved(array: np.ndarray) -> bytes:
        out = io.BytesIO()
        np.save(out, array, allow_pickle=True)
        return out.getvalue()

    array = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    volume = one(saved(array), "block.npy").volume
    assert np.array_equal(volume.voxels, array) and volume.spacing_mm is None and volume.name == "block"
    with pytest.raises(UnsupportedFormatError):
        one(saved(np.array([[print, 1], [2, 3]], dtype=object)), "evil.npy")
    with pytest.raises(TruncatedFileError):
        one(saved(array)[:-4])


def test_header_damage_of_nrrd_and_metaimage_is_a_named_error(one: One) -> None:
    for data in (
        b"NRRD0004\ntype: short\ndimension: 3\nsizes: 9 9\nencoding: raw\n\n",
        b"NRRD0004\ntype: block\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n12345678",
        b"NRRD0004\ntype: short\ndimension: 3\nsizes: 99 99 99\nencoding: raw\nendian: little\n\n123",
        b"ObjectType = Image\nNDims = 3\nDimSize = 9 9 9\nElementType = MET_SHORT\nElementDataFile = LOCAL\n123",
        b"ObjectType = Image\nNDims = 3\nDimSize = 9 9 9\nElementType = MET_SHORT\nElementDataFile = /etc/passwd\n123",
        b"ObjectType = Image\nNDims = 3\nDimSize = 99999 99999 9\nElementType = MET_SHORT\nElementDataFile = LOCAL\n",
    ):
        with pytest.raises(MedcoreError, match="some file"):
            one(data, "some file")


def written(volume: Volume, kind: str, folder: Path) -> list[Path]:
    if kind == "nifti":
        return [write_nifti(volume, folder / "golden.nii.gz")]
    if kind == "nrrd":
        return [write_nrrd(volume, folder / "golden.nrrd")]
    if kind == "metaimage":
        return [write_metaimage(volume, folder / "golden.mha")]
    form = Form(one_file=True) if kind == "enhanced" else Form()
    return list(write_dicom(volume, folder, labels=Labels(seed="golden", patient="SYNTHETIC"), form=form))


@pytest.fixture(scope="module")
def sandbox() -> Any:
    with Sandbox(workers=1, memory_mb=2048, seconds=60, output_mb=512) as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", ["dicom", "enhanced", "nifti", "nrrd", "metaimage"])
@pytest.mark.parametrize("orientation", list(ORIENTATIONS))
def test_the_golden_object_lies_in_the_same_place_in_every_format(
    sandbox: Sandbox, tmp_path: Path, kind: str, orientation: str
) -> None:
    phantom = golden(orientation, (3.0, 1.25, 1.5), size_mm=(96.0, 100.0, 108.0))
    paths = written(phantom.volume, kind, tmp_path)
    sources = [Source(path.name, path=path) for path in paths]
    (found,) = read_sources(sources, sandbox=sandbox, settings=Settings()).found
    for _name, value, solid in PARTS:
        centre, volume_ml = measure(found.volume, value)
        expected, expected_ml = measure(phantom.volume, value)
        assert centre == pytest.approx(expected, abs=0.5) and centre == pytest.approx(solid.centre, abs=0.75)
        assert volume_ml == pytest.approx(expected_ml, rel=0.01)


def test_one_millimetre_every_way_is_doubted_for_a_flat_stack(one: One) -> None:
    def codes(shape: tuple[int, int, int], spacing: float = 1.0) -> list[str]:
        data = nifti(np.zeros(shape, np.int16), np.diag([spacing, spacing, spacing, 1]))
        return [issue.code for issue in one(data, "a.nii").issues]

    assert codes((64, 64, 12)) == ["unit_spacing"]
    assert codes((64, 64, 40)) == codes((64, 64, 12), 0.9) == codes((64, 64, 1)) == []
