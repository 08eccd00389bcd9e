"""SEG and RTSTRUCT files for tests: segmentations written by highdicom, structure sets element by element."""

from collections.abc import Mapping, Sequence

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.readers.factory import FRAME, SERIES, STUDY, ct_dataset, saved

TISSUES = {
    "BINARY": hd.seg.SegmentationTypeValues.BINARY,
    "FRACTIONAL": hd.seg.SegmentationTypeValues.FRACTIONAL,
    "LABELMAP": hd.seg.SegmentationTypeValues.LABELMAP,
}
OBLIQUE = [0.8, 0.6, 0.0, -0.48, 0.64, 0.6]  # direction cosines of a row and of a column


def ct_slices(
    shape: tuple[int, int, int] = (8, 20, 24),
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    step: float = 2.5,
    spacing: tuple[float, float] = (0.8, 0.7),
) -> list[Dataset]:
    """A CT series with complete headers, from (-40, -30, 10) mm on, along the normal of its slices."""
    normal = np.cross(orientation[:3], orientation[3:])
    made = []
    for k in range(shape[0]):
        ds = ct_dataset(
            np.full(shape[1:], 100 + k, np.uint16),
            InstanceNumber=k + 1,
            ImageOrientationPatient=list(map(float, orientation)),
            ImagePositionPatient=[float(v) for v in np.array([-40.0, -30.0, 10.0]) + normal * step * k],
            PixelSpacing=list(spacing),
            SliceThickness=step,
        )
        for keyword in ("StudyID", "AccessionNumber", "PatientSex", "StudyTime", "ReferringPhysicianName"):
            setattr(ds, keyword, "")
        ds.PositionReferenceIndicator = ""
        made.append(ds)
    return made


def seg(
    slices: Sequence[Dataset], masks: np.ndarray, names: Sequence[str], kind: str = "BINARY", **options: object
) -> bytes:
    """A SEG of the slices by highdicom; masks (S, R, C, regions), or (S, R, C) labels for a label map."""
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number, name in enumerate(names, start=1)
    ]
    made = hd.seg.Segmentation(
        source_images=list(slices),
        pixel_array=masks,
        segmentation_type=TISSUES[kind],
        segment_descriptions=described,
        series_instance_uid=f"{SERIES}.77",
        series_number=77,
        sop_instance_uid=f"{SERIES}.77.1",
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        **options,  # type: ignore[arg-type]
    )
    return saved(made)


def rtstruct(
    contours: Mapping[str, Sequence[np.ndarray]], series: str = SERIES, frame: str = FRAME, kind: str = "CLOSED_PLANAR"
) -> bytes:
    """A structure set with the contours (P, 3 LPS mm) of each named structure."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.481.3")
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(f"{SERIES}.88.1")
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = STUDY, f"{SERIES}.88", "RTSTRUCT"
    ds.PatientName, ds.PatientID = "DOE^JOHN", "HOSP-4711"
    drawn_on, study, place = Dataset(), Dataset(), Dataset()
    drawn_on.SeriesInstanceUID = series
    study.RTReferencedSeriesSequence = Items([drawn_on])
    place.FrameOfReferenceUID, place.RTReferencedStudySequence = frame, Items([study])
    ds.ReferencedFrameOfReferenceSequence = Items([place])
    ds.StructureSetROISequence, ds.ROIContourSequence = Items([]), Items([])
    for number, (name, polygons) in enumerate(contours.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, frame
        ds.StructureSetROISequence.append(roi)
        drawn.ReferencedROINumber, drawn.ContourSequence = number, Items([])
        for polygon in polygons:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(polygon)
            contour.ContourData = [f"{value:.9g}" for value in np.asarray(polygon).ravel()]
            drawn.ContourSequence.append(contour)
        ds.ROIContourSequence.append(drawn)
    return saved(ds)
