"""From uploaded files to scans: open zips and folders, decode in the sandbox, and hide whom they belong to."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medcore.errors import N_, ArchiveError, CancelledError, ContentsOnlyError, MedcoreError, ReadError, TooLargeError
from medcore.readers import Identity, Markup, Scan
from medcore.readers._answer import unpack, unpack_markup
from medcore.readers._archive import is_litter
from medcore.readers._child import decode_bytes as _decode_bytes
from medcore.readers._numbered import piles
from medcore.readers._parts import Blob, Part
from medcore.records import Issue
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Scale, Triple, Volume
from medcore.wire import error_of

WARM = "medcore.readers._child:warm"  # for Sandbox.warm at the start of the app
READ = "medcore.readers._child:read_parts"
LOOK = "medcore.readers._child:preview"
LIST = "medcore.readers._child:list_zip"
LIMITS = ("max_image_megapixels", "zip_max_entries", "zip_max_total_mb", "zip_max_ratio")
MAX_ZIP_DEPTH = 3
MAX_CRASHES = 50  # of one upload; whoever sends more files that kill the decoder is not helped further
PSEUDONYM_LETTERS = 10


@dataclass(frozen=True, slots=True)
class Source:
    """One uploaded file, or a folder or zip of them; either on disk or in memory."""

    name: str
    path: Path | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that could not be read, and why."""

    name: str
    error: MedcoreError


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One scan of an upload.

    Args:
        volume: The scan. The name of a picture is its file name, which may hold a name; that of a DICOM series is made
            of technical words only.
        study_key: Keyed pseudonym of the study; "" for a picture.
        patient: Keyed pseudonym of the patient; "" where there is none.
        series_key: Keyed pseudonym of the series.
        issues: What is doubtful about the scan.
    """

    volume: Volume
    study_key: str = ""
    patient: str = ""
    series_key: str = ""
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FoundMarkup:
    """Regions of an upload that were drawn on a scan, which may be in it, in the store or nowhere.

    Args:
        name: The file.
        markup: The regions; every identifier in it is a keyed pseudonym.
    """

    name: str
    markup: Markup


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The outcome of an upload: every file is in a scan, in regions of a scan, or refused."""

    found: tuple[Found, ...]
    refused: tuple[Refusal, ...]
    markups: tuple[FoundMarkup, ...] = ()


def read_sources(
    sources: Sequence[Source],
    *,
    sandbox: Sandbox,
    settings: Settings,
    key: bytes = b"",
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    arrived: Callable[[Found], None] | None = None,
    stack_mm: Triple | None = None,
) -> Reading:
    """Read files, folders and zips; DICOM slices of one series become one scan. A bad file never stops the others.

    Args:
        sources: What was uploaded.
        sandbox: Where it is decoded.
        settings: Limits on sizes.
        key: Secret of this installation, for the pseudonyms.
        progress: Told the fraction done (0..1) and the file at work.
        cancelled: Asked now and then; True ends the work.
        arrived: Given each scan as soon as it is there, in the order of `Reading.found`, while others are decoded.
        stack_mm: Make numbered pictures and pages one volume with this (slice, row, column) spacing.

    Raises:
        CancelledError: `cancelled` said so.
    """
    intake = _Intake(sandbox, settings, key, progress, cancelled, arrived, stack_mm)
    parts = list(intake.expand(sources))
    while parts:
        parts = list(intake.read(parts))
    intake.stack_pictures()
    refused = intake.refused
    if intake.found or intake.markups:  # a table of contents beside its files is no fault
        refused = [refusal for refusal in refused if not isinstance(refusal.error, ContentsOnlyError)]
    return Reading(tuple(intake.found), tuple(refused), tuple(intake.markups))


def first_look(source: Source, *, sandbox: Sandbox, settings: Settings, key: bytes = b"") -> Found | None:
    """A quick picture of a zip of slices (its middle slice) or of a large compressed radiograph (at screen size).

    None where there is no short cut; then `read_sources` is the way. The result is for looking, not for analysis.

    Raises:
        ReadError: The file cannot be read.
    """
    where = source.path if source.path is not None else source.data or b""
    facts = sandbox.run(LOOK, source.name, where, _limits(settings), name=source.name)
    return _found(unpack(facts), key) if isinstance(facts, dict) else None


def decode_bytes(name: str, data: bytes | memoryview, settings: Settings) -> tuple[Found, ...]:
    """One trusted file decoded in this process, for benchmarks and tests; never for an upload.

    Raises:
        ReadError: It cannot be read.
    """
    return tuple(_found(scan, b"") for scan in _decode_bytes(name, data, _limits(settings)))


@dataclass(slots=True)
class _Intake:
    """One upload on its way."""

    sandbox: Sandbox
    settings: Settings
    key: bytes
    progress: Callable[[float, str], None] | None
    cancelled: Callable[[], bool] | None
    arrived: Callable[[Found], None] | None
    stack_mm: Triple | None = None
    markups: list[FoundMarkup] = field(default_factory=list)
    pictures: list[tuple[str, Found]] = field(default_factory=list)  # to be stacked when all are read
    found: list[Found] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    nested: list[Part] = field(default_factory=list)  # zips found inside zips, listed once the child is free again
    crashes: int = 0

    def expand(self, sources: Iterable[Source]) -> Iterator[Part]:
        """Folders walked and zips listed; what is too large is refused here."""
        for source in sources:
            try:
                for part in _files(source):
                    self._check_size(part)
                    yield from self.members(part) if part.starts_like_zip() else (part,)
            except (MedcoreError, OSError) as error:
                self._refuse(source.name, error)

    def members(self, part: Part) -> Iterator[Part]:
        """The members of a zip; of a zip in a zip in a zip, but no deeper."""
        if part.depth >= MAX_ZIP_DEPTH:
            raise ArchiveError(
                N_("“{name}” is a zip inside {depth} other zips; MedCore opens no more."),
                hint=N_("Unpack it on your computer and send the files."),
                name=part.name,
                depth=part.depth,
            )
        source = part.path if part.path is not None else part.data
        try:
            listed = self.sandbox.run(
                LIST, part.name, source, _limits(self.settings), name=part.name, cancelled=self.cancelled
            )
        except ReadError as error:
            self._refuse(part.name, error)
            return
        assert isinstance(listed, list)
        for member in listed:
            label = f"{part.name}/{member['name']}"
            yield Part(label, part.path, part.data, member, part.depth + 1)

    def read(self, parts: Sequence[Part]) -> Iterator[Part]:
        """Decode all parts; yields the members of zips found inside zips, still to be read."""
        with Blob(parts) as blob:
            pending = list(range(len(parts)))
            while pending:
                pending = self._read_until_crash(parts, pending, blob)
        nested, self.nested = self.nested, []
        for part in nested:
            try:
                yield from self.members(part)
            except MedcoreError as error:
                self._refuse(part.name, error)

    def _read_until_crash(self, parts: Sequence[Part], pending: list[int], blob: Blob) -> list[int]:
        """Read the pending parts in one child; returns those to read again, without the one that killed it."""
        open_: dict[int, None] = dict.fromkeys(pending)  # neither refused nor in a scan yet
        reached = 0
        described = [blob.describe(index) for index in pending]
        total = sum(part.size for part in parts) or 1
        done = sum(part.size for index, part in enumerate(parts) if index not in open_)
        call = (READ, blob.memory, described, _limits(self.settings), self.crashes > 0)
        try:
            for answer in self.sandbox.stream(*call, cancelled=self.cancelled):
                assert isinstance(answer, dict)
                if "part" not in answer:
                    self._stacked(answer, [pending[i] for i in answer["parts"]], parts, open_)
                    continue
                before, reached = reached, answer["part"] + 1
                done += sum(parts[passed].size for passed in pending[before:reached])
                index = pending[answer["part"]]
                if self._answered(answer, parts[index]):
                    del open_[index]
                self._tell(done / total, parts[index].name)
        except CancelledError:
            raise
        except ReadError as error:
            return self._after_crash(error, parts, pending, reached, open_)
        return []

    def _answered(self, answer: Mapping[str, Any], part: Part) -> bool:
        """Take the outcome of one part; False if it is a slice, whose scan comes later."""
        if "error" in answer:
            self._refuse(part.name, error_of(answer["error"]))
        elif "zip" in answer:
            self.nested.append(replace(part, path=None, data=answer["zip"], member=None))
        else:
            for facts in answer.get("scans", ()):
                self._accept(facts, part.name)
            for facts in answer.get("markups", ()):
                self._mark(facts, part.name)
            return "scans" in answer
        return True

    def _stacked(
        self, answer: Mapping[str, Any], indices: Iterable[int], parts: Sequence[Part], open_: dict[int, None]
    ) -> None:
        members = list(indices)
        for index in members:
            open_.pop(index, None)
        if "scan" in answer:
            self._accept(answer["scan"], parts[members[0]].name)
            return
        for index in members:
            self._refuse(parts[index].name, error_of(answer["stack"], name=parts[index].name))

    def _after_crash(
        self, error: ReadError, parts: Sequence[Part], pending: list[int], reached: int, open_: dict[int, None]
    ) -> list[int]:
        self.crashes += 1
        if self.crashes == 1 and len(pending) > 1:
            return list(open_)  # not every slice was answered; now each will be, and so the guilty one found
        known = self.crashes < MAX_CRASHES and reached < len(pending)
        for index in pending[reached : reached + 1] if known else list(open_):
            open_.pop(index, None)
            self._refuse(parts[index].name, _renamed(error, parts[index].name))
        return list(open_)

    def _accept(self, facts: Mapping[str, Any], name: str) -> None:
        try:
            found = _found(unpack(facts), self.key)
        except MedcoreError as error:
            self._refuse(name, ReadError(
                N_("“{name}” was decoded, but what came out is no scan: {reason}"),
                hint=N_("Export it again from its source."), name=name, reason=str(error)))  # fmt: skip
            return
        if self.stack_mm is not None and found.volume.geometry.scale is Scale.NONE and not found.volume.modality:
            self.pictures.append((name, found))
        else:
            self._keep(found)

    def _keep(self, found: Found) -> None:
        self.found.append(found)
        if self.arrived is not None:
            self.arrived(found)

    def _mark(self, facts: Mapping[str, Any], name: str) -> None:
        try:
            self.markups.append(FoundMarkup(name, _hidden(unpack_markup(facts), self.key)))
        except MedcoreError as error:
            self._refuse(name, error)

    def stack_pictures(self) -> None:
        """Numbered pictures as volumes, where the user has stated their spacing."""
        if self.stack_mm is None or not self.pictures:
            return
        for pile in piles([(name, found.volume) for name, found in self.pictures], self.stack_mm):
            self._keep(Found(pile.volume, issues=(*pile.issues, *self.pictures[pile.members[0]][1].issues)))

    def _refuse(self, name: str, error: MedcoreError | OSError) -> None:
        if isinstance(error, CancelledError):
            raise error
        if isinstance(error, OSError):
            error = ReadError(
                N_("“{name}” cannot be opened ({reason})."),
                hint=N_("Check that the file exists and may be read."),
                name=name,
                reason=type(error).__name__,
            )
        self.refused.append(Refusal(name, error))

    def _check_size(self, part: Part) -> None:
        limit = self.settings.max_file_mb
        if part.size > limit << 20:
            raise TooLargeError(
                N_("“{name}” has {size} MB, more than the limit of {limit} MB."),
                hint=N_("Send a part of it, or raise MEDCORE_MAX_FILE_MB."),
                name=part.name,
                size=part.size >> 20,
                limit=limit,
            )

    def _tell(self, fraction: float, name: str) -> None:
        if self.cancelled is not None and self.cancelled():
            raise CancelledError(N_("Stopped."))
        if self.progress is not None:
            self.progress(min(fraction, 1.0), name)


def _files(source: Source) -> Iterator[Part]:
    if source.data is not None or source.path is None:
        yield Part(source.name, data=source.data or b"")
    elif source.path.is_dir():
        for path in sorted(source.path.rglob("*")):
            if path.is_file() and not is_litter(path.name):
                yield Part(f"{source.name}/{path.relative_to(source.path).as_posix()}", path=path)
    else:
        yield Part(source.name, path=source.path)


def _limits(settings: Settings) -> dict[str, int]:
    return {name: int(getattr(settings, name)) for name in LIMITS}


def _found(scan: Scan, key: bytes) -> Found:
    who = scan.identity
    return Found(
        volume=_unlinked(scan.volume, key),
        study_key=pseudonym(key, "study", who.study),
        patient=pseudonym(key, "patient", who.patient),
        series_key=pseudonym(key, "series", who.series),
        issues=scan.issues,
    )


def _hidden(markup: Markup, key: bytes) -> Markup:
    """The regions with keyed pseudonyms in place of every identifier."""
    who = markup.identity
    return replace(
        markup,
        series=tuple(pseudonym(key, "series", series) for series in markup.series),
        frame_of_reference=pseudonym(key, "frame", markup.frame_of_reference),
        identity=Identity(
            pseudonym(key, "study", who.study),
            pseudonym(key, "patient", who.patient),
            pseudonym(key, "series", who.series),
        ),
    )


def _unlinked(volume: Volume, key: bytes) -> Volume:
    """The volume with its frame of reference, a DICOM UID, under a pseudonym too."""
    geometry = volume.geometry
    frame = pseudonym(key, "frame", geometry.frame_of_reference)
    return replace(volume, geometry=replace(geometry, frame_of_reference=frame))


def pseudonym(key: bytes, kind: str, value: str) -> str:
    """A short name for an identifier, the same on this installation and unrelated elsewhere; "" stays ""."""
    if not value:
        return ""
    digest = hmac.new(key, f"{kind}\0{value}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:PSEUDONYM_LETTERS]


def _renamed(error: MedcoreError, name: str) -> MedcoreError:
    values = {**error.message.values, "name": name}
    return type(error)(error.message.template, hint=error.hint.template, **values)
