"""Why a scan may carry text in its pixels: what its header says, and what kind of object it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from medcore.errors import N_, Message

# Devices that write names into the picture as a matter of course.
SCREEN_MODALITIES = frozenset({"US", "IVUS", "SC", "OT", "XC", "ES", "GM", "HC", "DOC", "ECG"})
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and those below it
SCREEN_WORDS = frozenset({"SCREEN SAVE", "SCREENSHOT", "SECONDARY CAPTURE"})  # in Image Type
WORDS_SHOWN = 6


class Ground(StrEnum):
    """What raised the suspicion."""

    HEADER = "burned_in_annotation"
    MODALITY = "modality"
    CAPTURE = "secondary_capture"
    TEXT = "text_found"
    UNCHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One reason to look at the picture before it leaves.

    Args:
        ground: For programs.
        message: For people. It may quote words read in the picture, so it is shown and never stored.
    """

    ground: Ground
    message: Message


def by_header(
    modality: str, *, says_text: bool, sop_class: str = "", image_type: Iterable[str] = ()
) -> list[Suspicion]:
    """What header and kind of object give away.

    Args:
        modality: DICOM modality; "" for a picture.
        says_text: The sender says, or the quality check found, that there is text.
        sop_class: SOP Class UID, where it is known.
        image_type: Values of Image Type, where they are known.
    """
    found = []
    if says_text:
        found.append(Suspicion(Ground.HEADER, Message(N_("Text is said or was seen to be burned into the picture."))))
    if modality in SCREEN_MODALITIES:
        message = Message(N_("Images of modality {modality} often carry names in the picture."), {"modality": modality})
        found.append(Suspicion(Ground.MODALITY, message))
    captured = sop_class == SECONDARY_CAPTURE or sop_class.startswith(SECONDARY_CAPTURE + ".")
    if captured or SCREEN_WORDS & {part.upper() for part in image_type}:
        message = Message(N_("It is a copy of a screen, and screens show names."))
        found.append(Suspicion(Ground.CAPTURE, message))
    return found


def by_words(words: Iterable[str]) -> list[Suspicion]:
    """What was read in the picture."""
    shown = list(dict.fromkeys(words))
    if not shown:
        return []
    text = ", ".join(shown[:WORDS_SHOWN]) + (" …" if len(shown) > WORDS_SHOWN else "")
    return [Suspicion(Ground.TEXT, Message(N_("Text was read in the picture: {words}"), {"words": text}))]


def unchecked(modality: str) -> list[Suspicion]:
    """A picture that nobody has looked for text in: without Tesseract, or when it failed."""
    if modality:
        return []  # a DICOM image of a kind that rarely has text; header and classical checks speak for it
    message = Message(N_("Nothing has looked for text in this picture: Tesseract is not installed or failed."))
    return [Suspicion(Ground.UNCHECKED, message)]
