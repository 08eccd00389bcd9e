"""NIfTI, NRRD and MetaImage files lay every voxel where it was, as libraries that we did not write see them."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.errors import UnfitInputError
from medcore.exports.nifti_images import write_nifti
from medcore.exports.nrrd_images import write_metaimage, write_nrrd
from medcore.imaging.phantoms.golden import ORIENTATIONS, golden
from medcore.imaging.phantoms.radiographs import chest_radiograph

WRITERS = {"v.nii": write_nifti, "v.nii.gz": write_nifti, "v.nrrd": write_nrrd, "v.mha": write_metaimage}
PROBES = np.array([[0, 0, 0], [3, 5, 7], [20, 1, 30]])


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_itk_sees_each_voxel_at_its_place(name: str, orientation: str, tmp_path: Path) -> None:
    volume = golden(orientation, (4.0, 3.0, 2.5)).volume
    image = sitk.ReadImage(str(WRITERS[name](volume, tmp_path / name)))
    for s, r, c in PROBES.tolist():
        place = image.TransformIndexToPhysicalPoint((c, r, s))
        assert place == pytest.approx(volume.geometry.to_lps(np.array([s, r, c])).tolist(), abs=1e-3)
        assert image.GetPixel((c, r, s)) == volume.voxels[s, r, c]
    assert np.array_equal(sitk.GetArrayFromImage(image), volume.voxels)


def test_nibabel_sees_the_same_places_in_its_own_axes(tmp_path: Path) -> None:
    volume = golden("oblique", (4.0, 3.0, 2.5)).volume
    image = nibabel.load(write_nifti(volume, tmp_path / "v.nii.gz"))
    for s, r, c in PROBES.tolist():
        ras = image.affine @ [c, r, s, 1]
        lps = volume.geometry.to_lps(np.array([s, r, c]))
        assert ras[:3] == pytest.approx([-lps[0], -lps[1], lps[2]], abs=1e-3)
    assert image.header["qform_code"] == image.header["sform_code"] == 1


@pytest.mark.parametrize("name", WRITERS)
def test_a_radiograph_has_no_place_in_the_patient_and_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnfitInputError):
        WRITERS[name](chest_radiograph(pixel_mm=6.4).volume, tmp_path / name)
