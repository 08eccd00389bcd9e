"""What speaks against looking for lung nodules in a scan: from its header, and from its voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.imaging.nodules.field import Field
from medcore.records import Issue, Severity
from medcore.tasks import Scan

if TYPE_CHECKING:
    from medcore.tasks._nodule_finding import Judged

WANTED = Message(N_("Choose a CT series of the chest."))
FEWEST_SLICES = 3
THICK_MM, LIMIT_MM = 3.0, 10.0  # a nodule of 6 mm is in two slices of 3 mm
HEADS = ("HEAD", "BRAIN", "SKULL", "HEADNECK")
PARTIAL_QUALITY = 0.5
PARTIAL = "partial_lungs"  # code of the warning that the scan shows only a part of the lungs
STRANGE_SHARE = 0.3  # of the places looked at


def header_issues(scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
    """BLOCK for what cannot be a chest CT, WARN for what makes the answer doubtful."""
    if scan.modality not in card.contract.modalities:
        text = Message(N_("This is a {modality} scan; the task takes CT."), {"modality": scan.modality or "?"})
        return (Issue("modality", Severity.BLOCK, text, WANTED),)
    if scan.shape[0] == 1:
        text = Message(
            N_("This is a single picture, such as a radiograph; nodules are looked for in the slices of a chest CT.")
        )
        return (Issue("slices", Severity.BLOCK, text, WANTED),)
    if scan.spacing_mm is None:
        text = Message(N_("This image carries no scale, and nodules are measured in millimetres."))
        return (Issue("scale", Severity.BLOCK, text, WANTED),)
    if scan.shape[0] < FEWEST_SLICES:
        text = Message(N_("This scan has {count} slices; a nodule needs several."), {"count": scan.shape[0]})
        return (Issue("slices", Severity.BLOCK, text, WANTED),)
    if scan.body_part in HEADS:
        text = Message(N_("The file says body part “{part}”; nodules are looked for in the chest."), _part(scan))
        return (Issue("body_part", Severity.BLOCK, text, WANTED),)
    return (*_value_issues(scan), *_slice_issues(scan), *_small(scan, card), *_kind_issues(scan, card))


def _value_issues(scan: Scan) -> tuple[Issue, ...]:
    if scan.value_range[0] > -500.0:
        text = Message(N_("The values are not HU: the air of a chest CT is near −1000, here the lowest is {low:.0f}."),
                       {"low": scan.value_range[0]})  # fmt: skip
        return (Issue("values", Severity.BLOCK, text, Message(N_("Choose the original series of the CT."))),)
    return ()


def _slice_issues(scan: Scan) -> tuple[Issue, ...]:
    assert scan.spacing_mm is not None
    apart = max(scan.spacing_mm)
    if apart < THICK_MM:
        return ()
    severity = Severity.BLOCK if apart > LIMIT_MM else Severity.WARN
    text = Message(N_("The slices are {apart:.1f} mm apart: small nodules fall between them."), {"apart": apart})
    hint = Message(N_("Choose a series of thin slices (1 to 2 mm), if there is one."))
    return (Issue("thick_slices", severity, text, hint, measured=apart, limit=THICK_MM),)


def _small(scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
    side = min(scan.shape[1:])
    if side >= card.contract.min_pixels:
        return ()
    text = Message(N_("The slices have {side} pixels a side; chest CT has about 512."), {"side": side})
    return (Issue("resolution", Severity.WARN, text, measured=float(side), limit=float(card.contract.min_pixels)),)


def _kind_issues(scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
    found = []
    if scan.body_part not in card.contract.body_parts:
        text = Message(N_("The file says body part “{part}”; nodules are looked for in the chest."), _part(scan))
        hint = Message(N_("Only what the scan shows of the lungs is looked at."))
        found.append(Issue("body_part", Severity.WARN, text, hint))
    if scan.synthetic:
        text = Message(N_("This is a computed phantom, not a person: good to learn the steps with."))
        found.append(Issue("synthetic", Severity.INFO, text))
    return tuple(found)


def _part(scan: Scan) -> dict[str, str | int | float]:
    return {"part": scan.body_part}


def doubts(field: Field, judged: Judged, card: ModelCard) -> tuple[Issue, ...]:
    """What only the voxels could tell."""
    found = []
    if field.partial:
        ml = {"volume": round(field.volume_ml)}
        text = Message(
            N_("Only a part of the lungs is in the scan ({volume} ml): what lies beyond is not looked at."), ml
        )
        found.append(Issue(PARTIAL, Severity.WARN, text, Message(N_("Use the whole series."))))
    worst = min(field.lungs.reasons, key=lambda reason: reason.score)
    if worst.score < PARTIAL_QUALITY:
        hint = Message(N_("Look at the outline of the lungs: nodules outside of it are missed."))
        found.append(Issue("lungs", Severity.WARN, worst.message, hint, measured=worst.score, limit=PARTIAL_QUALITY))
    elif worst.score < 1.0 and not field.partial:
        found.append(Issue("lungs", Severity.INFO, worst.message, measured=worst.score))
    if judged.distance is not None and len(judged.distance) and card.familiarity is not None:
        strange = float(np.mean(judged.distance > card.familiarity.threshold))
        if strange > STRANGE_SHARE:
            text = Message(N_("{share:.0f} % of the places looked at are unlike what the network learnt from."),
                           {"share": 100 * strange})  # fmt: skip
            hint = Message(N_("Do not rely on the result; check that the image fits the question."))
            found.append(Issue("unfamiliar", Severity.WARN, text, hint, measured=strange, limit=STRANGE_SHARE))
    return tuple(found)
