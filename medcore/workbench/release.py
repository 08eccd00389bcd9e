"""May this scan leave? What speaks for text in its picture, what covers it, and who has looked and says it may."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import numpy as np

from medcore.deidentify.pixels import Rectangle, covered
from medcore.deidentify.suspicion import Ground, Suspicion, by_header, by_words, unchecked
from medcore.errors import N_, BurnedInTextError, ExportError, Message
from medcore.exports.study_files import blackened
from medcore.imaging import ocr
from medcore.imaging.overlay import encode_jpeg, shown_grey
from medcore.imaging.quality.burned_in_text import find_text
from medcore.records import ScanFacts, Study
from medcore.store.audit import Action, Deed, Event
from medcore.store.store import Store
from medcore.volume import Array, Unit, Volume
from medcore.workbench.marks import Mark

TEXT_CODE = "burned_in_text"  # of the issues of reader and quality check
MARGIN_PIXELS = 2  # around a word that is covered
MOST_ENTRIES = 10_000  # of a study's audit trail that are searched for a confirmation
LONGEST_NAME, LONGEST_REASON = 80, 500
FRAME_RGB = (255, 176, 0)
COVERED = Suspicion(Ground.HEADER, Message(N_("Parts of the picture are covered; what is left wants a look.")))
SHAPES = Suspicion(Ground.TEXT, Message(N_("Shapes like letters were found in the picture.")))

Rectangles: TypeAlias = tuple[Rectangle, ...]
Covers: TypeAlias = Mapping[str, Rectangles]  # parts to blacken, by scan


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person looked and says that the picture names nobody."""

    who: str
    why: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """What looking at one picture found.

    Args:
        by: "tesseract" (words and shapes of letters), or "shapes" alone where that program is not there.
        words: What was read. Shown to people, never stored or logged.
        boxes: Where, as rectangles to cover.
    """

    by: str
    words: tuple[str, ...] = ()
    boxes: tuple[Rectangle, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """One scan before it leaves.

    Args:
        scan: Its facts.
        suspicions: Why it is held back; empty: it may leave.
        look: What was found in its picture.
        confirmation: Who has released it as it is covered now; None: nobody.
    """

    scan: ScanFacts
    suspicions: tuple[Suspicion, ...]
    look: Look
    confirmation: Confirmation | None = None

    @property
    def blocked(self) -> bool:
        """Whether it must not leave."""
        return bool(self.suspicions) and self.confirmation is None


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """Looks at scans before they leave, and keeps who released them in the audit trail."""

    store: Store
    _looks: dict[tuple[str, str], Look] = field(default_factory=dict)  # by scan and covers: looking takes seconds
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, study: Study, scan: ScanFacts, covers: Sequence[Rectangle] = ()) -> Held:
        """What speaks against letting a scan out, with these parts of it covered.

        Raises:
            StoreError: Its voxels are missing or damaged.
        """
        look = self._look(scan, covers)
        says = any(issue.code.startswith(TEXT_CODE) for issue in scan.issues) and not covers
        found = suspicions(look, scan.modality, says_text=says)
        if covers and not found:
            found = [COVERED]
        confirmation = self._confirmation(study.id, scan.id, covers) if found else None
        return Held(scan, tuple(found), look, confirmation)

    def confirm(self, study: Study, scans: Sequence[str], *, who: str, why: str, covers: Covers) -> None:
        """Record that a person has looked at the scans, as they are covered now, and lets them go.

        Raises:
            ExportError: Name or reason is missing.
        """
        who, why = " ".join(who.split()), " ".join(why.split())
        if not who or not why:
            raise ExportError(
                N_("A release needs the name of who looked, and the reason."),
                hint=N_("Type your own name, and why the text in the picture names no patient."),
            )
        for scan in scans:
            mark = _mark(covers.get(scan, ()))
            self.store.record(
                Deed(
                    Event.CONFIRMED,
                    Action.EXECUTE,
                    study.id,
                    study.patient,
                    detail=f"{scan} {mark} {why[:LONGEST_REASON]}",
                    agent=who[:LONGEST_NAME],
                )
            )

    def require(self, held: Sequence[Held]) -> None:
        """Stop an export while a scan is held.

        Raises:
            BurnedInTextError: A scan is held, and nobody has released it.
        """
        blocked = [one for one in held if one.blocked]
        if blocked:
            raise BurnedInTextError(
                N_("{count} of {all} scans may show a name in the picture, and nobody has released them."),
                hint=N_("Look at them. Cover the text, or confirm with your name and a reason that it names nobody."),
                count=len(blocked),
                all=len(held),
            )

    def _look(self, scan: ScanFacts, covers: Sequence[Rectangle]) -> Look:
        key = (scan.id, _mark(covers))
        with self._lock:
            known = self._looks.get(key)
        if known is not None:
            return known
        found = look_at(self.store.volume(scan.id), covers)
        if not found.failed:  # the program that reads text may only have been slow this time
            with self._lock:
                self._looks[key] = found
        return found

    def _confirmation(self, study: str, scan: str, covers: Sequence[Rectangle]) -> Confirmation | None:
        start = f"{scan} {_mark(covers)} "
        for entry in self.store.audit(study=study, limit=MOST_ENTRIES):
            if entry.deed.event is Event.CONFIRMED and entry.deed.detail.startswith(start):
                return Confirmation(entry.deed.agent, entry.deed.detail.removeprefix(start), entry.recorded)
        return None


def rectangle(text: str) -> Rectangle:
    """A rectangle typed as four numbers: top, left, bottom, right, in pixels.

    Raises:
        ExportError: It is none.
    """
    numbers = text.replace(",", " ").split()
    if len(numbers) != 4 or not all(number.isdigit() for number in numbers):
        raise ExportError(
            N_("“{text}” is no rectangle."),
            hint=N_("Write four numbers, in pixels: top, left, bottom, right."),
            text=text,
        )
    return Rectangle(*map(int, numbers))


def typed(box: Rectangle) -> str:
    """The rectangle as `rectangle` reads it.

    >>> typed(Rectangle(0, 5, 20, 90))
    '0, 5, 20, 90'
    """
    return f"{box.top}, {box.left}, {box.bottom}, {box.right}"


def from_marks(marks: Sequence[Mark], volume: Volume) -> tuple[Rectangle, ...]:
    """The rectangles among what was drawn on a scan, in its pixels; they cover every slice."""
    found = []
    for mark in marks:
        if mark.kind == "rectangle" and mark.points_lps_mm:
            index = volume.geometry.to_index(np.array(mark.points_lps_mm))[:, 1:]
            (top, left), (bottom, right) = np.floor(index.min(axis=0)), np.ceil(index.max(axis=0))
            found.append(Rectangle(max(int(top), 0), max(int(left), 0), int(bottom) + 1, int(right) + 1))
    return tuple(found)


def picture(volume: Volume, covers: Sequence[Rectangle], boxes: Sequence[Rectangle] = ()) -> bytes:
    """A JPEG of the middle slice as it would leave, with frames around what was found in it."""
    shown = blackened(volume, covers)
    middle = shown.shape[0] // 2
    grey = shown.voxels[middle] if shown.unit is Unit.RGB else shown_grey(shown, side=max(shown.shape[1:]))
    page = np.repeat(grey[..., None], 3, axis=2) if grey.ndim == 2 else np.array(grey)
    for box in boxes:
        rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
        for edge in ((box.top, columns), (box.bottom - 1, columns), (rows, box.left), (rows, box.right - 1)):
            _paint(page, edge)
    return encode_jpeg(np.ascontiguousarray(page, np.uint8))


def _paint(page: Array, edge: tuple[int | slice, int | slice]) -> None:
    with suppress(IndexError):  # a frame may reach past the border
        page[edge] = FRAME_RGB


def suspicions(look: Look, modality: str, *, says_text: bool = False) -> list[Suspicion]:
    """Why a picture may show a name.

    Args:
        says_text: The file itself says that text is burned in.
    """
    found = [*by_header(modality, says_text=says_text)]
    found += by_words(look.words) if look.words else [SHAPES] if look.boxes else []
    if look.failed or look.by != "tesseract":
        found += unchecked(modality)
    return found


def look_at(volume: Volume, covers: Sequence[Rectangle] = ()) -> Look:
    """Look for text in the first, middle and last slice of a scan, with parts of it covered."""
    pictures = [covered(np.array(picture)[None], covers, 0)[0] for picture in ocr.pictures_of(volume)]
    lines = [line for picture in pictures for line in find_text(_grey(picture))]
    shapes = _boxes((line.top, line.left, line.bottom + 1, line.right + 1) for line in lines)
    if not ocr.available():
        return Look("shapes", boxes=shapes)
    try:
        words = [word for picture in pictures for word in ocr.read_words(picture)]
    except RuntimeError:
        return Look("tesseract", boxes=shapes, failed=True)
    boxes = (*_boxes(word.box for word in words), *shapes)
    return Look("tesseract", tuple(dict.fromkeys(word.text for word in words)), tuple(dict.fromkeys(boxes)))


def _boxes(found: Iterable[tuple[int, int, int, int]]) -> tuple[Rectangle, ...]:
    """Boxes as rectangles to cover, each once."""
    m = MARGIN_PIXELS
    grown = (Rectangle(max(top - m, 0), max(left - m, 0), bottom + m, right + m) for top, left, bottom, right in found)
    return tuple(dict.fromkeys(grown))


def _grey(picture: Array) -> Array:
    return picture if picture.ndim == 2 else picture.mean(axis=2).astype(np.uint8)


def _mark(covers: Sequence[Rectangle]) -> str:
    """Short name of a set of covers: a release holds for the picture that was looked at, and for no other."""
    if not covers:
        return "uncovered"
    text = ";".join(sorted(f"{box.top},{box.left},{box.bottom},{box.right}" for box in covers))
    return f"covered-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
