"""Sample studies from code: real DICOM files of computed phantoms, labelled synthetic everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from medcore.errors import N_
from medcore.exports.dicom_headers import Labels
from medcore.exports.dicom_images import Form, write_dicom
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import Nodule, axial, chest_ct
from medcore.imaging.phantoms.radiographs import Opacity, Pose, chest_radiograph
from medcore.imaging.phantoms.shapes import rotation
from medcore.imaging.phantoms.thorax import Build, thorax
from medcore.imaging.phantoms.truth import Phantom
from medcore.imaging.phantoms.wrist import wrist_radiograph

SEED = "samples-1"  # UIDs follow from it; raise the number whenever the pixels change
BEFORE, AFTER_RADIOGRAPH, AFTER_SCAN = date(2020, 3, 2), date(2020, 3, 16), date(2020, 5, 4)
SECOND_CHEST = Build(wide=0.97, heart=1.04, seed=5)
CT_SHAPE, CT_SPACING_MM, CT_MIDDLE_MM = (64, 304, 304), (2.75, 1.15, 1.15), (0.0, 5.0, -22.0)
MR_SHAPE, MR_SPACING_MM, MR_MIDDLE_MM = (60, 216, 180), (2.2, 1.1, 1.1), (0.0, 0.0, 14.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample study.

    Args:
        id: Names its folder and goes into its UIDs.
        title: Study Description, English, marked for translation.
        patient: Patient ID; equal for the studies of one synthetic patient.
        make: Computes it; the argument makes pixels that many times larger, for tests.
        form: How it is stored.
    """

    id: str
    title: str
    patient: str
    make: Callable[[float], Phantom]
    form: Form = field(default_factory=Form)


def _normal(coarse: float) -> Phantom:
    return chest_radiograph(pixel_mm=0.2 * coarse, acquired_on=BEFORE)


def _opacity(coarse: float) -> Phantom:
    patch = Opacity("opacity", (-84.0, 30.0, -46.0), (32.0, 36.0, 27.0), 0.85)
    return chest_radiograph(patch, build=SECOND_CHEST, pixel_mm=0.2 * coarse, acquired_on=BEFORE)


def _opacity_later(coarse: float) -> Phantom:
    patch = Opacity("opacity", (-86.0, 32.0, -49.0), (20.0, 24.0, 17.0), 0.7)
    pose = Pose(x_mm=3.0, z_mm=-4.0, seed=2)
    return chest_radiograph(patch, build=SECOND_CHEST, pose=pose, pixel_mm=0.2 * coarse, acquired_on=AFTER_RADIOGRAPH)


def _ct(nodules: tuple[Nodule, ...], seed: int, day: date, coarse: float) -> Phantom:
    shape, spacing = _coarser(CT_SHAPE, CT_SPACING_MM, coarse)
    return chest_ct(nodules, axial(shape, spacing, centre_mm=CT_MIDDLE_MM), shape, seed=seed, acquired_on=day)


def _nodules(coarse: float) -> Phantom:
    return _ct(
        (
            Nodule("right lower lobe", (-82.0, 30.0, -48.0), 24.0),
            Nodule("left lower lobe", (98.0, 22.0, -36.0), 16.0),
            Nodule("right upper lobe", (-78.0, -18.0, 38.0), 12.0),
            Nodule("left upper lobe", (86.0, -24.0, 24.0), 8.0),
        ),
        1,
        BEFORE,
        coarse,
    )


def _nodules_later(coarse: float) -> Phantom:
    return _ct(
        (
            Nodule("right lower lobe", (-82.0, 30.0, -48.0), 15.0),
            Nodule("left lower lobe", (98.0, 22.0, -36.0), 11.0),
            Nodule("right upper lobe", (-78.0, -18.0, 38.0), 8.0),
            Nodule("left upper lobe", (86.0, -24.0, 24.0), 8.0),
        ),
        2,
        AFTER_SCAN,
        coarse,
    )


def _lesion(coarse: float) -> Phantom:
    shape, spacing = _coarser(MR_SHAPE, MR_SPACING_MM, coarse)
    solid = Lesion("lesion", (-32.0, -34.0, 26.0), (15.0, 13.0, 12.0))
    return brain_mr([solid], axial(shape, spacing, centre_mm=MR_MIDDLE_MM), shape, acquired_on=BEFORE)


def _lesion_later(coarse: float) -> Phantom:
    shape, spacing = _coarser(MR_SHAPE, MR_SPACING_MM, coarse)
    solid = Lesion("lesion", (-32.0, -34.0, 26.0), (10.0, 8.0, 8.0))
    moved = rigid(rotation("z", 4.0) @ rotation("x", -3.0), (2.0, -3.0, 1.5))
    grid = axial(shape, spacing, centre_mm=MR_MIDDLE_MM)
    return brain_mr([solid], grid, shape, moved=moved, seed=2, acquired_on=AFTER_SCAN)


def _wrist(coarse: float) -> Phantom:
    return wrist_radiograph(pixel_mm=0.13 * coarse, acquired_on=BEFORE)


def _coarser(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], factor: float
) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    s, r, c = (max(round(n / factor), 1) for n in shape)
    a, b, d = (n * mm / m for n, mm, m in zip(shape, spacing_mm, (s, r, c), strict=True))
    return (s, r, c), (a, b, d)


SAMPLES: tuple[Sample, ...] = (
    Sample("chest-normal", N_("Synthetic phantom: chest without finding"), "SYNTHETIC-1", _normal),
    Sample("chest-opacity", N_("Synthetic phantom: chest with an opacity"), "SYNTHETIC-2", _opacity, Form("jpeg_ls")),
    Sample(
        "chest-opacity-later", N_("Synthetic phantom: chest, opacity after 14 days"), "SYNTHETIC-2", _opacity_later,
        Form("jpeg_2000"),
    ),
    Sample("ct-nodules", N_("Synthetic phantom: lung nodules"), "SYNTHETIC-3", _nodules, Form("jpeg_ls")),
    Sample(
        "ct-nodules-later", N_("Synthetic phantom: lung nodules after treatment"), "SYNTHETIC-3", _nodules_later,
        Form("jpeg_ls"),
    ),
    Sample("brain-lesion", N_("Synthetic phantom: brain lesion"), "SYNTHETIC-4", _lesion),
    Sample(
        "brain-lesion-later", N_("Synthetic phantom: brain lesion after treatment"), "SYNTHETIC-4", _lesion_later,
        Form("rle"),
    ),
    Sample(
        "wrist-fracture", N_("Synthetic phantom: wrist with a fracture"), "SYNTHETIC-5", _wrist,
        Form("jpeg_ls", inverted=True),
    ),
)  # fmt: skip


def write_samples(
    folder: Path, *, coarse: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> tuple[Path, ...]:
    """Write every sample study into its own folder below `folder` and return all DICOM files.

    Args:
        coarse: Make pixels that many times larger: 1 for people, 6 or so for tests.
        progress: Told the share done and the title of the study being made.
    """
    files: list[Path] = []
    for k, sample in enumerate(SAMPLES):
        if progress is not None:
            progress(k / len(SAMPLES), sample.title)
        files += write_sample(sample, folder, coarse=coarse)[1]
    thorax.cache_clear()  # points of two chests are some 80 MB
    if progress is not None:
        progress(1.0, "")
    return tuple(files)


def write_sample(sample: Sample, folder: Path, *, coarse: float = 1.0) -> tuple[Phantom, tuple[Path, ...]]:
    """One sample study as files, and its truth."""
    phantom = sample.make(coarse)
    labels = Labels(seed=SEED, patient=sample.patient, study=sample.id, study_title=sample.title)
    return phantom, write_dicom(phantom.volume, folder / sample.id, labels=labels, form=sample.form)
