"""The header of a DICOM image: who (nobody), what, where and how, for projections, planes and multi-frame objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from medcore.readers.dicom import PHANTOM_MAKER
from medcore.volume import Unit, Volume

PHANTOM_NOTE = "Synthetic phantom computed from a formula. Not a person."
MAKER = "MedCore"
UNKNOWN_DATE = date(2000, 1, 1)
# Coded anatomy: value, scheme, meaning (PS3.16, CID 4009 and 4030).
REGIONS = {
    "CHEST": ("51185008", "SCT", "Chest"),
    "BRAIN": ("12738006", "SCT", "Brain"),
    "HEAD": ("69536005", "SCT", "Head"),
    "WRIST": ("74670003", "SCT", "Wrist joint"),
    "FOREARM": ("14975008", "SCT", "Forearm"),
}
VIEWS = {
    "PA": ("399348003", "SCT", "postero-anterior"),
    "AP": ("399067008", "SCT", "antero-posterior"),
    "LL": ("399173006", "SCT", "left lateral"),
}


@dataclass(frozen=True, slots=True)
class Labels:
    """What to call a study. Nothing here may come from a person.

    Args:
        seed: UIDs follow from it.
        patient: Patient ID; the same for studies to compare.
        study: Tells the studies of a seed apart, and becomes part of their UIDs.
        series: Tells the series of a study apart.
        study_title: Study Description.
        frame: What shares a frame of reference; empty: each series has its own.
        number: Series number.
    """

    seed: str
    patient: str
    study: str = "1"
    series: str = "1"
    study_title: str = "Synthetic phantom"
    frame: str = ""
    number: int = 1


def unique(*words: str) -> str:
    """A UID that follows from words (under 2.25, PS3.5 B.2)."""
    digest = hashlib.sha256("\x1f".join(("medcore", *words)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def common(dataset: Dataset, volume: Volume, labels: Labels) -> None:
    """Patient, study, series and equipment."""
    day = (volume.acquired_on or UNKNOWN_DATE).strftime("%Y%m%d")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if volume.modality == "CT" else ""]
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = "120000"
    dataset.AccessionNumber = ""
    dataset.Modality = volume.modality
    dataset.Manufacturer = PHANTOM_MAKER if volume.synthetic else MAKER
    dataset.ManufacturerModelName = "MedCore"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = "1"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = labels.study_title
    dataset.SeriesDescription = volume.name
    dataset.PatientName = "SYNTHETIC^PHANTOM" if volume.synthetic else "ANONYMOUS"
    dataset.PatientID = labels.patient
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Never identified" if volume.synthetic else "Written without identity by MedCore"
    dataset.BodyPartExamined = volume.body_part
    dataset.StudyInstanceUID = unique(labels.seed, labels.study)
    dataset.SeriesInstanceUID = unique(labels.seed, labels.study, labels.series)
    dataset.StudyID, dataset.SeriesNumber = "1", labels.number
    dataset.FrameOfReferenceUID = unique(labels.seed, labels.frame or f"{labels.study}/{labels.series}", "frame")
    dataset.PositionReferenceIndicator = ""
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    if volume.synthetic:
        dataset.ImageComments = PHANTOM_NOTE


def projection(dataset: Dataset, volume: Volume) -> None:
    """What DX and CR need beside the common part: detector, view, collimation, exposure."""
    _slice, row_mm, column_mm = volume.geometry.steps
    dataset.ImagerPixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.ViewPosition = volume.view
    dataset.PatientOrientation = list(_ends(volume))
    kilovolt, source, patient = ("120", "1800", "1650") if volume.body_part == "CHEST" else ("55", "1100", "1065")
    dataset.KVP, dataset.ExposureTime, dataset.XRayTubeCurrent = kilovolt, "8", "320"
    dataset.DistanceSourceToDetector, dataset.DistanceSourceToPatient = source, patient
    del dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator
    dataset.AcquisitionNumber = 1
    if volume.modality == "CR":
        dataset.PlateID = ""
        dataset.Laterality = ""
        return
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.ImageLaterality = "U"
    dataset.AnatomicRegionSequence = _code(REGIONS.get(volume.body_part, REGIONS["CHEST"]))
    dataset.ViewCodeSequence = _code(VIEWS.get(volume.view, VIEWS["PA"]))
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = Items()
    dataset.PatientOrientationCodeSequence = _code(("10904000", "SCT", "Orthostatic body position"))
    dataset.PositionerType = "NONE"
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    dataset.DetectorType, dataset.DetectorConfiguration = "DIRECT", "AREA"
    dataset.DetectorActiveShape = "RECTANGLE"
    dataset.AcquisitionContextSequence = Items()
    dataset.AcquisitionDeviceProcessingDescription = "Computed"


def plane(dataset: Dataset, volume: Volume) -> None:
    """What a CT or MR slice needs beside the common part."""
    slice_mm, row_mm, column_mm = volume.geometry.steps
    dataset.SliceThickness = _decimal(slice_mm)
    dataset.SpacingBetweenSlices = _decimal(slice_mm)
    dataset.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    dataset.ImageOrientationPatient = _orientation(volume)
    dataset.PatientPosition = "HFS"
    dataset.AcquisitionNumber = 1
    if volume.modality == "CT":
        dataset.KVP, dataset.ConvolutionKernel = "120", "STANDARD"
        return
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "GR", "SP", ""
    dataset.MRAcquisitionType, dataset.MagneticFieldStrength = "3D", "1.5"
    dataset.RepetitionTime, dataset.EchoTime, dataset.EchoTrainLength = "9", "4", 1
    dataset.FlipAngle = "15"


def slice_place(dataset: Dataset, volume: Volume, k: int) -> None:
    """Where slice `k` lies."""
    dataset.ImagePositionPatient = _position(volume, k)
    normal = np.cross(*_directions(volume))
    dataset.SliceLocation = _decimal(float(normal @ volume.geometry.to_lps(np.array([k, 0, 0]))))


def enhanced(dataset: Dataset, volume: Volume, labels: Labels, slope: float, intercept: float) -> None:
    """Turn a started dataset into an enhanced CT or MR of all slices (PS3.3, A.38 and A.36)."""
    kind = "CT" if volume.modality == "CT" else "MR"
    dataset.NumberOfFrames = volume.shape[0]
    # Derived, because an original would have to describe an acquisition that never was.
    dataset.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    dataset.PixelPresentation, dataset.VolumetricProperties = "MONOCHROME", "VOLUME"
    dataset.VolumeBasedCalculationTechnique = "NONE"
    dataset.ContentQualification = "RESEARCH"
    dataset.AcquisitionDateTime = f"{dataset.AcquisitionDate}120000"
    del dataset.AcquisitionDate, dataset.AcquisitionTime
    dataset.PatientPosition = "HFS"
    dataset.AcquisitionContextSequence = Items()
    _dimensions(dataset, unique(labels.seed, labels.study, labels.series, "dimensions"))
    shared = _shared_groups(volume)
    shared.PixelValueTransformationSequence = _one(
        RescaleIntercept=_decimal(intercept),
        RescaleSlope=f"{slope:.9g}",
        RescaleType="HU" if volume.unit is Unit.HU else "US",
    )
    frame_type = _one(
        FrameType=["DERIVED", "PRIMARY", "VOLUME", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    if kind == "MR":
        frame_type[0].ComplexImageComponent, frame_type[0].AcquisitionContrast = "MAGNITUDE", "T1"
        dataset.ComplexImageComponent, dataset.AcquisitionContrast = "MAGNITUDE", "T1"
    else:
        event = unique(labels.seed, labels.study, labels.series, "event")
        shared.IrradiationEventIdentificationSequence = _one(IrradiationEventUID=event)
    setattr(shared, f"{kind}ImageFrameTypeSequence", frame_type)
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    time = dataset.AcquisitionDateTime
    dataset.PerFrameFunctionalGroupsSequence = Items(_frame(volume, k, time) for k in range(volume.shape[0]))


def _dimensions(dataset: Dataset, organisation: str) -> None:
    dataset.DimensionOrganizationSequence = _one(DimensionOrganizationUID=organisation)
    dataset.DimensionOrganizationType = "3D"
    indices = [(0x00209056, 0x00209111), (0x00209057, 0x00209111)]  # stack, then position in it
    dataset.DimensionIndexSequence = Items(
        _item(DimensionOrganizationUID=organisation, DimensionIndexPointer=a, FunctionalGroupPointer=b)
        for a, b in indices
    )


def _shared_groups(volume: Volume) -> Dataset:
    """Functional groups that hold for every frame."""
    slice_mm, row_mm, column_mm = volume.geometry.steps
    shared = _item(
        PixelMeasuresSequence=_one(
            PixelSpacing=[_decimal(row_mm), _decimal(column_mm)],
            SliceThickness=_decimal(slice_mm),
            SpacingBetweenSlices=_decimal(slice_mm),
        ),
        PlaneOrientationSequence=_one(ImageOrientationPatient=_orientation(volume)),
        FrameAnatomySequence=_one(
            FrameLaterality="U", AnatomicRegionSequence=_code(REGIONS.get(volume.body_part, REGIONS["CHEST"]))
        ),
    )
    if volume.window is not None:
        shared.FrameVOILUTSequence = _one(
            WindowCenter=_decimal(volume.window.centre), WindowWidth=_decimal(volume.window.width)
        )
    return shared


def _frame(volume: Volume, k: int, time: str) -> Dataset:
    """Functional groups of one frame."""
    return _item(
        FrameContentSequence=_one(
            StackID="1",
            InStackPositionNumber=k + 1,
            DimensionIndexValues=[1, k + 1],
            FrameAcquisitionNumber=1,
            FrameReferenceDateTime=time,
            FrameAcquisitionDateTime=time,
            FrameAcquisitionDuration=0.0,
        ),
        PlanePositionSequence=_one(ImagePositionPatient=_position(volume, k)),
    )


def _directions(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along a row (growing column index) and along a column (growing row index)."""
    _slice, row_mm, column_mm = volume.geometry.steps
    affine = volume.geometry.affine
    return affine[:3, 2] / column_mm, affine[:3, 1] / row_mm


def _orientation(volume: Volume) -> list[str]:
    along_row, along_column = _directions(volume)
    return [_decimal(float(v)) for v in (*along_row, *along_column)]


def _position(volume: Volume, k: int) -> list[str]:
    return [_decimal(v) for v in volume.geometry.to_lps(np.array([k, 0, 0])).tolist()]


def _ends(volume: Volume) -> tuple[str, str]:
    """Patient Orientation: where rows and columns run to."""
    letters = volume.geometry.orientation.replace("S", "H").replace("I", "F")
    return letters[2], letters[1]


def _decimal(value: float) -> str:
    """A number in at most 16 characters (VR DS)."""
    for digits in range(12, 5, -1):
        text = f"{value + 0.0:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.6e}"


def _code(triple: tuple[str, str, str]) -> Items:
    value, scheme, meaning = triple
    return _one(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _one(**attributes: object) -> Items:
    return Items([_item(**attributes)])
