"""Original DICOM files without identity: each is cleaned in the sandbox and called after its new UIDs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medcore.deidentify.pixels import Rectangle
from medcore.deidentify.suspicion import Suspicion, by_header, by_words, unchecked
from medcore.errors import N_, CancelledError, ExportError, MedcoreError, ReadError, StoreError
from medcore.intake import LIMITS, LIST, Refusal
from medcore.readers._archive import is_litter, looks_like_zip
from medcore.records import DatePolicy
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.store.audit import Action, Deed, Event
from medcore.store.store import Store
from medcore.volume import Geometry, Unit, Volume
from medcore.workbench.export import check_empty
from medcore.workbench.release import SHAPES, look_at

CLEAN = "medcore.deidentify.files:clean_file"
EVERY = 50  # of a series of slices, the first file and every 50th are looked at for text
SLICES = frozenset({"CT", "MR", "PT", "NM"})  # of other kinds, every file is looked at
SHORT = 12  # digits of a hash in a name
MOST_REASON, MOST_NAME = 500, 80


@dataclass(frozen=True, slots=True)
class Order:
    """How to clean.

    Args:
        dates: What becomes of the dates of imaging.
        covers: Rectangles to blacken in every file.
        who: Who has looked at the pictures and lets them go; "" holds back what may show a name.
        why: Why the text in them names nobody.
    """

    dates: DatePolicy = DatePolicy.SHIFT
    covers: tuple[Rectangle, ...] = ()
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that may show a name in its picture, and was not written."""

    name: str
    suspicions: tuple[Suspicion, ...]


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What became of the files.

    Args:
        written: New files, in the order of the old ones.
        held: Files that a person has to look at.
        refused: Files that could not be cleaned.
        removed: How often each attribute was removed or replaced, by name.
        private: Private elements removed.
    """

    written: tuple[Path, ...]
    held: tuple[HeldFile, ...]
    refused: tuple[Refusal, ...]
    removed: Mapping[str, int]
    private: int


@dataclass(frozen=True, slots=True)
class Originals:
    """Cleans files that are not in the store, with the key of this installation."""

    store: Store
    sandbox: Sandbox
    settings: Settings

    def clean(
        self,
        paths: Sequence[Path],
        folder: Path,
        order: Order,
        *,
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> CleanReport:
        """Clean files, folders and zips into a folder; a bad file never stops the others.

        Raises:
            ExportError: A release lacks the name or the reason, or there are files in the folder.
            StoreError: The folder cannot be written.
            CancelledError: `cancelled` said so.
        """
        if bool(order.who.strip()) != bool(order.why.strip()):
            raise ExportError(
                N_("A release needs the name of who looked, and the reason."),
                hint=N_("Type your own name, and why the text in the picture names no patient."),
            )
        check_empty(folder)
        work = _Work(self, folder, order, cancelled)
        parts = list(work.parts(paths))
        for index, part in enumerate(parts):
            if progress is not None:
                progress(index / len(parts), part.name)
            work.take(part)
        self._record(work, order)
        return CleanReport(tuple(work.written), tuple(work.held), tuple(work.refused), dict(work.removed), work.private)

    def _record(self, work: _Work, order: Order) -> None:
        if work.released:
            why = f"{work.released} original files: {order.why[:MOST_REASON]}"
            self.store.record(Deed(Event.CONFIRMED, Action.EXECUTE, detail=why, agent=order.who[:MOST_NAME]))
        if work.written:
            what = f"original files={len(work.written)} dates={order.dates.value}"
            self.store.record(Deed(Event.EXPORTED, Action.READ, detail=what, agent=order.who[:MOST_NAME] or "local"))


@dataclass(frozen=True, slots=True)
class _Part:
    """One file to clean: on disk, or a member of a zip on disk."""

    name: str
    path: Path
    member: Mapping[str, Any] | None = None


class _Work:
    """One call under way."""

    def __init__(self, owner: Originals, folder: Path, order: Order, cancelled: Callable[[], bool] | None) -> None:
        self.owner, self.folder, self.order, self.cancelled = owner, folder, order, cancelled
        self.limits = {name: int(getattr(owner.settings, name)) for name in LIMITS}
        self.written: list[Path] = []
        self.held: list[HeldFile] = []
        self.refused: list[Refusal] = []
        self.removed: Counter[str] = Counter()
        self.private = self.released = 0
        self.series: Counter[str] = Counter()
        self.names: Counter[Path] = Counter()
        self.looking = True

    def parts(self, paths: Iterable[Path]) -> Iterator[_Part]:
        """Folders walked and zips listed."""
        for path in paths:
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in files:
                if file.is_file() and not is_litter(file.name):
                    try:
                        yield from self._members(file, file.name)
                    except MedcoreError as error:
                        self.refused.append(Refusal(file.name, error))

    def take(self, part: _Part) -> None:
        """Clean one file, look at its picture, and write it or hold it back."""
        try:
            facts = self._cleaned(part, picture=self.looking)
            if not self.looking and self._worth_a_look(facts):
                facts = self._cleaned(part, picture=True)
        except CancelledError:
            raise
        except MedcoreError as error:
            self.refused.append(Refusal(part.name, error))
            return
        suspicions = self._suspicions(facts)
        if suspicions and not self.order.who:
            self.held.append(HeldFile(part.name, tuple(suspicions)))
            return
        self.released += bool(suspicions)
        self.written.append(self._write(facts))
        attributes, private, _, _ = facts["removed"]
        self.removed.update(attributes)
        self.private += private

    def _cleaned(self, part: _Part, *, picture: bool) -> dict[str, Any]:
        order = {
            "secret": self.owner.store.pseudonym_key.hex(),
            "dates": self.order.dates.value,
            "boxes": [[box.top, box.left, box.bottom, box.right] for box in self.order.covers],
            "picture": picture and not self.order.who,  # who has looked need not be told what to look for
        }
        member = None if part.member is None else dict(part.member)
        answer = self.owner.sandbox.run(
            CLEAN, part.name, part.path, member, self.limits, order, name=part.name, cancelled=self.cancelled
        )
        assert isinstance(answer, dict)
        return answer

    def _suspicions(self, facts: Mapping[str, Any]) -> list[Suspicion]:
        found = by_header(
            facts["modality"],
            says_text=facts["says_text"],
            sop_class=facts["sop_class"],
            image_type=facts["image_type"],
        )
        voxels = facts["picture"]
        worth = self._worth_a_look(facts)
        self.series[facts["series"]] += 1
        self.looking = facts["modality"] not in SLICES  # the next file is most likely of the same kind
        if self.order.who or voxels is None or found or not worth:
            return found
        colour = voxels.ndim == 4
        picture = Volume(np.asarray(voxels), Unit.RGB if colour else Unit.GREY, "", Geometry.pixels())
        look = look_at(picture, self.order.covers)
        shapes = [SHAPES] if look.boxes and not look.words and look.by != "tesseract" else []
        return [*found, *by_words(look.words), *shapes, *(unchecked("") if look.failed else [])]

    def _worth_a_look(self, facts: Mapping[str, Any]) -> bool:
        """Every picture, but of a series of slices only some: hundreds of them look alike."""
        if facts["modality"] not in SLICES:
            return True
        return self.series[facts["series"]] % EVERY == 0

    def _write(self, facts: Mapping[str, Any]) -> Path:
        study, series, instance = (_short(str(facts[key])) for key in ("study", "series", "instance"))
        path = self.folder / f"study-{study}" / f"series-{series}" / f"{instance}.dcm"
        self.names[path] += 1
        if self.names[path] > 1:  # two files with one UID: both are kept, whatever they are
            path = path.with_name(f"{instance}-{self.names[path]}.dcm")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(facts["data"])
        except OSError as error:
            raise StoreError(
                N_("{path} cannot be written ({reason})."),
                hint=N_("Choose a folder that you may write to and that has space."),
                path=str(path),
                reason=error.strerror or type(error).__name__,
            ) from error
        return path

    def _members(self, file: Path, name: str) -> Iterator[_Part]:
        with file.open("rb") as opened:
            is_zip = looks_like_zip(opened.read(4))
        if not is_zip:
            yield _Part(name, file)
            return
        listed = self.owner.sandbox.run(LIST, name, file, self.limits, name=name, cancelled=self.cancelled)
        if not isinstance(listed, list):
            raise ReadError(N_("“{name}” cannot be opened ({reason})."), name=name, reason="zip")
        for member in listed:
            if not is_litter(str(member["name"]).rsplit("/", 1)[-1]):
                yield _Part(f"{name}/{member['name']}", file, member)


def _short(uid: str) -> str:
    """A name for a file from its new UID, which is too long for one."""
    return hashlib.sha256(uid.encode()).hexdigest()[:SHORT]
