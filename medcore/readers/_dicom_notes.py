"""What is doubtful about a DICOM image by its header alone: loss, burned-in text, magnification, missing scale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from medcore.errors import N_, Message
from medcore.readers._dicom_header import Header, numbers, text, whole
from medcore.readers._dicom_pixels import LOSSY
from medcore.readers._dicom_place import region_scale
from medcore.records import Issue, Severity

J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # the SOP class and its multi-frame relatives
# Ratios up to which loss is held to be harmless (consensus conference of the German Roentgen Society, 2009); CT of the
# brain is rated stricter there, at 5.
MAX_RATIO = {"CT": 8.0, "MR": 7.0, "MG": 15.0, "RF": 6.0, "XA": 6.0}
MAX_RATIO_ELSEWHERE = 10.0
MAGNIFIED = (1.001, 3.0)  # factors that a radiograph can have


def notes(header: Header, dataset: Any) -> Iterable[Issue]:
    """Findings on one image."""
    yield from _loss(header, dataset)
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        yield Issue(
            "burned_in_text",
            Severity.WARN,
            Message(N_("The sender says that text is burned into the pixels; it may name the patient.")),
            Message(N_("Look at the image before you share it.")),
        )
    if text(dataset, "SOPClassUID").startswith(SECONDARY_CAPTURE):
        yield Issue(
            "secondary_capture",
            Severity.WARN,
            Message(N_("This is a secondary capture: a screenshot, a scanned film or a processed picture.")),
            Message(N_("Use the original series; measurements and grey values of a capture cannot be trusted.")),
        )
    if header.projection:
        yield from _magnification(dataset)
    if header.modality == "US":
        yield from _no_scale(dataset)
    if header.modality == "RTDOSE":
        yield Issue(
            "dose_grid",
            Severity.WARN,
            Message(N_("This is a radiotherapy dose distribution, not a scan; its values are doses.")),
        )
    high_bit = whole(dataset, "HighBit", "", default=header.bits_stored - 1) if "HighBit" in dataset else None
    if high_bit is not None and high_bit != header.bits_stored - 1 and header.bits_stored > 1:
        yield Issue(
            "high_bit",
            Severity.WARN,
            Message(N_("The header contradicts itself about which bits hold the image; its values may be wrong.")),
            Message(N_("Compare it with the image at its source, or export it again.")),
            measured=float(high_bit),
            limit=float(header.bits_stored - 1),
        )


def _loss(header: Header, dataset: Any) -> Iterable[Issue]:
    lossy = header.transfer_syntax in LOSSY or text(dataset, "LossyImageCompression") == "01"
    if not lossy or header.transfer_syntax == J2K_LOSSLESS:
        return
    stated = text(dataset, "LossyImageCompressionRatio")
    ratio = float(stated) if _is_number(stated) else None
    limit = MAX_RATIO.get(header.modality, MAX_RATIO_ELSEWHERE)
    if ratio is not None and ratio > limit:
        yield Issue(
            "lossy",
            Severity.WARN,
            Message(N_("The image was compressed {ratio:.0f} to 1 with loss; fine detail is probably missing."),
                    {"ratio": ratio}),
            Message(N_("Use the original file; up to {limit:.0f} to 1 is held to be harmless for this modality."),
                    {"limit": limit}),
            measured=ratio,
            limit=limit,
        )  # fmt: skip
        return
    message = Message(N_("The image was compressed with loss; fine detail may be missing."))
    yield Issue("lossy", Severity.INFO, message, measured=ratio, limit=None if ratio is None else limit)


def _magnification(dataset: Any) -> Iterable[Issue]:
    found = numbers(dataset, "EstimatedRadiographicMagnificationFactor", 1)
    if found and MAGNIFIED[0] < found[0] < MAGNIFIED[1]:
        yield Issue(
            "magnification",
            Severity.INFO,
            Message(
                N_("The detector shows the patient about {factor} times too large, by the header's own estimate."),
                {"factor": round(found[0], 3)},
            ),
            Message(N_("Divide lengths measured on the detector by that factor for an estimate in the patient.")),
            measured=found[0],
            limit=1.0,
        )


def _no_scale(dataset: Any) -> Iterable[Issue]:
    reason = region_scale(dataset).reason
    if reason and not numbers(dataset, "PixelSpacing", 2):
        yield Issue(
            "no_scale",
            Severity.INFO,
            Message(N_("This ultrasound image cannot be measured in millimetres: {reason!t}."), {"reason": reason}),
        )


def _is_number(value: str) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False
