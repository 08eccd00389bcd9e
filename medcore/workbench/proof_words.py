"""What a proof on the patient's own baseline put in and found, in words; lengths in mm only where the scan has any."""

from __future__ import annotations

from medcore.comparison.proof import Proof
from medcore.errors import N_, Message
from medcore.exports.report_document import Text
from medcore.volume import Volume
from medcore.workbench.alignment_words import length_unit

KNOWN = N_("The new borders are known here, so this proves alignment, following and measuring, not a model.")
LIMITS_MM = N_(
    "Asked: the diameter to 1 mm, the volume to 10 %, and less than 2 % where nothing changed. Voxels of this "
    "size alone already move these lesions by up to {longest} mm, {volume} % and {null} % (95 of 100 places)."
)
LIMITS_VOXELS = N_(
    "Asked: the diameter to 1 voxel, the volume to 10 %, and less than 2 % where nothing changed. Counting whole "
    "voxels alone already moves these lesions by up to {longest} voxels, {volume} % and {null} % (95 of 100 places)."
)


def facts(proof: Proof, baseline: Volume) -> tuple[tuple[Message, Text], ...]:
    """Name and value of each figure."""

    def length(value: float | None) -> Text:
        if value is None:
            return "–"
        if length_unit(baseline) == "mm":
            return f"{value:+.1f} mm"
        return Message(N_("{distance:+.1f} voxels"), {"distance": value})

    return (
        (Message(N_("Border moved outwards")), length(proof.grown_mm)),
        (Message(N_("Volume put in")), f"{proof.injected_percent:+.1f} %"),
        (Message(N_("Volume found")), (f"{proof.found_percent:+.1f} %, ", _asked(proof.volume_recovered))),
        (Message(N_("Longest diameter put in")), length(proof.injected_longest_mm)),
        (Message(N_("Longest diameter found")), _and(length(proof.found_longest_mm), _asked(proof.longest_recovered))),
        (Message(N_("Found where nothing changed")), (f"{proof.null_percent:+.1f} %, ", _asked(proof.null_kept))),
        (Message(N_("Alignment trusted")), Message(N_("yes")) if proof.aligned else Message(N_("no"))),
    )


def limits(proof: Proof, baseline: Volume) -> Message:
    """What was asked for, and how much of it voxels allow."""
    template = LIMITS_MM if length_unit(baseline) == "mm" else LIMITS_VOXELS
    longest, volume, null = proof.limit_longest_mm, proof.limit_percent, proof.limit_null_percent
    return Message(template, {"longest": f"{longest:.1f}", "volume": f"{volume:.1f}", "null": f"{null:.1f}"})


def _and(text: Text, more: Message) -> Text:
    return (*text, ", ", more) if isinstance(text, tuple) else (text, ", ", more)


def _asked(recovered: bool) -> Message:
    """Whether that is as near as was asked for, or as voxels allow."""
    return Message(N_("as asked")) if recovered else Message(N_("not as asked"))
