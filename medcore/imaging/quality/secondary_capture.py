"""Secondary captures: pictures of pictures, whose grey values are no measurement any more."""

from __future__ import annotations

from collections.abc import Iterator

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.records import Issue, Severity

MODALITIES = frozenset({"SC", "OT"})
SOP_CLASSES = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture Image Storage and its multi-frame relatives


class SecondaryCapture(Check):
    """What the header says."""

    codes = {"secondary_capture": N_("Secondary capture")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        volume = sample.volume
        if volume.modality in MODALITIES or volume.facts.get("sop_class", "").startswith(SOP_CLASSES):
            yield Issue(
                "secondary_capture",
                Severity.WARN,
                Message(N_("This is a secondary capture: a screenshot, a scanned film or a processed picture.")),
                Message(N_("Use the original series; measurements and grey values of a capture cannot be trusted.")),
            )


CHECK = SecondaryCapture()
