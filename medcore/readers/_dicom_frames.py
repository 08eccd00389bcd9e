"""Frames of enhanced multi-frame DICOM as slices: each frame's own place, rescale and window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from medcore.readers import Place
from medcore.readers._dicom_header import Header, numbers, read_window, spacing, text, values

# Where an enhanced frame keeps what a classic image keeps at the top, in the order of `_dicom_header.STEPS`.
STEP_ITEMS = (
    ("FrameContentSequence", "TemporalPositionIndex"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MRDiffusionSequence", "DiffusionBValue"),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("FrameContentSequence", "StackID"),
    ("FrameContentSequence", "FrameAcquisitionDateTime"),
    ("FrameContentSequence", "FrameReferenceDateTime"),
)
FRAME_TYPES = (
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "XAXRFFrameCharacteristicsSequence",
)


class Frames:
    """The functional groups of a dataset; a frame's own group comes before the shared one."""

    def __init__(self, dataset: Any) -> None:
        shared = values(dataset, "SharedFunctionalGroupsSequence")
        self.shared = shared[0] if shared else None
        self.own = values(dataset, "PerFrameFunctionalGroupsSequence")

    def item(self, index: int, sequence: str) -> Any:
        """The first item of a functional group, or an empty dataset."""
        from pydicom.dataset import Dataset

        for group in (self.own[index] if index < len(self.own) else None, self.shared):
            found = values(group, sequence) if group is not None else []
            if found:
                return found[0]
        return Dataset()


def frame_headers(dataset: Any, header: Header) -> Iterator[tuple[Header, float]]:
    """For each frame the header as a single image would have it, and its slice thickness."""
    frames = Frames(dataset)
    for index in range(header.frames):
        rescale = frames.item(index, "PixelValueTransformationSequence")
        slope, intercept = numbers(rescale, "RescaleSlope", 1), numbers(rescale, "RescaleIntercept", 1)
        measures = frames.item(index, "PixelMeasuresSequence")
        kind = next(
            (values(frames.item(index, name), "FrameType") for name in FRAME_TYPES if frames.item(index, name)), None
        )
        yield (
            replace(
                header,
                frames=1,
                slope=slope[0] if slope and slope[0] else header.slope,
                intercept=intercept[0] if intercept else header.intercept,
                has_rescale=bool(slope) or header.has_rescale,
                rescale_type=text(rescale, "RescaleType").upper() or header.rescale_type,
                window=read_window(frames.item(index, "FrameVOILUTSequence")) or header.window,
                orientation=numbers(frames.item(index, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
                or header.orientation,
                position_mm=numbers(frames.item(index, "PlanePositionSequence"), "ImagePositionPatient", 3)
                or header.position_mm,
                spacing_mm=spacing(measures, "PixelSpacing") or header.spacing_mm,
                image_type=tuple(str(part).upper() for part in kind) if kind else header.image_type,
                number=index + 1,
                steps=tuple(text(frames.item(index, sequence), keyword) for sequence, keyword in STEP_ITEMS),
            ),
            (numbers(measures, "SliceThickness", 1) or (0.0,))[0],
        )


def dose_grid(dataset: Any, header: Header, place: Place) -> Iterator[Place]:
    """The planes of a grid given by one position and offsets (RTDOSE, tomographic NM); nothing if there are none."""
    import numpy as np

    offsets = numbers(dataset, "GridFrameOffsetVector", header.frames)
    step = numbers(dataset, "SpacingBetweenSlices", 1)
    if offsets is None and step and header.modality == "NM":
        offsets = tuple(index * step[0] for index in range(header.frames))
    if offsets is None:
        return
    normal = np.cross(place.orientation[:3], place.orientation[3:])
    first = offsets[0] if offsets[0] == 0 else offsets[0] - offsets[0]
    for index, offset in enumerate(offsets):
        position = np.array(place.position_mm) + normal * (offset - offsets[0] + first)
        yield replace(place, position_mm=(float(position[0]), float(position[1]), float(position[2])), number=index + 1)
