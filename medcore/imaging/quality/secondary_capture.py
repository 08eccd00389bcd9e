"""Secondary captures: pictures of pictures, whose grey values are no measurement any more."""

from __future__ import annotations

from collections.abc import Iterator

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.records import Issue, Severity

MODALITIES = frozenset({"SC", "OT"})


class SecondaryCapture(Check):
    """By the modality; the reader reports the other files whose SOP class is that of a secondary capture."""

    codes = {"secondary_capture": N_("Secondary capture")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        volume = sample.volume
        if volume.modality in MODALITIES:
            yield Issue(
                "secondary_capture",
                Severity.WARN,
                Message(N_("This is a secondary capture: a screenshot, a scanned film or a processed picture.")),
                Message(N_("Use the original series; measurements and grey values of a capture cannot be trusted.")),
            )


CHECK = SecondaryCapture()
