"""The studies page's door: add files, list, search, rename, delete, and fetch pixels and thumbnails."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from medcore.errors import N_, CancelledError, MedcoreError, Message, StoreError
from medcore.imaging.thumbnail import thumbnail
from medcore.intake import Found, FoundMarkup, Reading, Refusal, Source, read_sources
from medcore.readers._numbered import numbered
from medcore.records import DatePolicy, Study
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.store.json_values import Json
from medcore.store.results import Annotations
from medcore.store.store import Store
from medcore.store.studies import Added, NewScan, NewStudy, clean_title
from medcore.volume import Mask, MaskFacts, MaskOrigin, Triple, Volume
from medcore.workbench.markups import lay
from medcore.workbench.private import Privacy

READING_SHARE = 0.9  # of the progress bar; the rest is storing
BATCH_STUDIES = 16  # studies of one transaction: it costs as much for many as for one

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of an upload.

    Args:
        added: Studies that are new or got a new scan.
        known: Studies that were there already with all that was sent.
        refused: Files that could not be read or stored, each with the reason.
        masks: Masks that came with their scan or were laid onto one that was there (DICOM SEG, RTSTRUCT).
    """

    added: tuple[Study, ...] = ()
    known: tuple[Study, ...] = ()
    refused: tuple[Refusal, ...] = ()
    masks: tuple[MaskFacts, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Arrived:
    """A scan on its way into the store, what it belongs to ("" for a picture), and a title for its study."""

    new: NewScan
    study: str
    patient: str
    title: str


Group: TypeAlias = Sequence[_Arrived]


class ReadSources(Protocol):
    """The form of `medcore.intake.read_sources`."""

    def __call__(
        self,
        sources: Sequence[Source],
        *,
        sandbox: Sandbox,
        settings: Settings,
        key: bytes = b"",
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        arrived: Callable[[Found], None] | None = None,
        stack_mm: Triple | None = None,
    ) -> Reading: ...


@dataclass(frozen=True, slots=True)
class Studies:
    """The stored studies."""

    store: Store
    sandbox: Sandbox
    settings: Settings
    read: ReadSources = read_sources

    def add(
        self,
        sources: Sequence[Source],
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        stack_mm: Triple | None = None,
        dates: DatePolicy | None = None,
    ) -> AddReport:
        """Read files, folders and zips and store what is in them; a bad file never stops the others.

        A picture is a study of its own. DICOM series of one study join it, also when they come in later uploads.
        Scans that must not be analysed (BLOCK issues) are stored with their issues. DICOM SEG and RTSTRUCT become masks
        of the scan they were drawn on, which may come in the same upload or have come before.

        Args:
            stack_mm: Make numbered pictures one volume with this (slice, row, column) spacing.
            dates: What becomes of the dates; None: what the settings say. A patient who is here already is treated
                as before.

        Raises:
            CancelledError: `cancelled` became true; studies stored until then stay.
            StoreError: Nothing at all could be stored, for instance because the disk is full.
        """
        privacy = Privacy(self.store, dates or DatePolicy(self.settings.dates))
        return self._add(sources, privacy, progress=progress, cancelled=cancelled, stack_mm=stack_mm)

    def add_samples(
        self,
        progress: Progress | None = None,
        *,
        cancelled: Callable[[], bool] | None = None,
        coarse: float = 1.0,
    ) -> AddReport:
        """Make the sample studies, as real files, and add them on the way that uploads take.

        Args:
            coarse: Make pixels that many times larger, for tests.

        Raises:
            CancelledError: `cancelled` became true; samples added until then stay.
            StoreError: The disk is full or read-only.
        """
        from medcore.exports.samples import SAMPLES, write_sample  # pydicom and scipy: only when asked

        tell = progress or (lambda fraction, stage: None)
        reports = []
        with tempfile.TemporaryDirectory(prefix="medcore-samples-") as folder:
            for number, sample in enumerate(SAMPLES):
                tell(number / len(SAMPLES), Message(sample.title))
                _stop_if(cancelled)
                write_sample(sample, Path(folder), coarse=coarse)
                source = Source(sample.id, path=Path(folder) / sample.id)
                private = Privacy(self.store, DatePolicy.KEEP)
                reports.append(self._add([source], private, cancelled=cancelled, synthetic_title=sample.title))
        return AddReport(
            added=tuple(study for report in reports for study in report.added),
            known=tuple(study for report in reports for study in report.known),
            refused=tuple(refusal for report in reports for refusal in report.refused),
        )

    def list(self, *, search: str = "", modality: str = "", task: str = "") -> tuple[Study, ...]:
        """Studies whose title, patient, modality, body part or date contain all given words, newest upload first.

        Args:
            modality: One of the study's modalities, or "" for any.
            task: A task that was run on the study, or "" for any.
        """
        return self.store.studies(search=search, modality=modality or None, task=task)

    def get(self, study_id: str) -> Study:
        """One study.

        Raises:
            NotFoundError: There is none.
        """
        return self.store.study(study_id)

    def rename(self, study_id: str, title: str) -> str:
        """Give a study another title; returns the former one, with which the change can be undone.

        Raises:
            NotFoundError: There is no such study.
            StoreError: The title is empty.
        """
        return self.store.rename(study_id, title)

    def delete(self, study_id: str) -> None:
        """Delete a study with its scans and results for good; ask the user first.

        Raises:
            NotFoundError: There is no such study.
        """
        self.store.delete(study_id)

    def volume(self, scan_id: str) -> Volume:
        """One scan, memory-mapped.

        Raises:
            NotFoundError: There is none.
            StoreError: Its voxels are missing or damaged.
        """
        return self.store.volume(scan_id)

    def thumbnail(self, scan_id: str) -> bytes:
        """A small JPEG of one scan.

        Raises:
            NotFoundError: There is none.
        """
        return self.store.thumbnail(scan_id)

    def annotations(self, study_id: str) -> Annotations:
        """What was drawn and measured on a study."""
        return self.store.annotations(study_id)

    def save_annotations(self, study_id: str, content: Json, *, version: int) -> int:
        """Replace the annotations that were read as `version`; returns the new version.

        Raises:
            NotFoundError: There is no such study.
            StoreError: Someone saved since.
        """
        return self.store.save_annotations(study_id, content, version=version)

    def save_mask(
        self, scan_id: str, mask: Mask, *, name: str, origin: MaskOrigin, replaces: str = "", instead: str = ""
    ) -> MaskFacts:
        """Keep a mask with its scan; as a newer version of the mask `replaces`, if one is named.

        Args:
            instead: Id of a mask that is given up for this one: its state before the latest stroke of the brush.

        Raises:
            NotFoundError: The scan, or the mask to replace, is not in the store.
            StoreError: The mask does not lie on the scan's grid.
        """
        return self.store.save_mask(scan_id, mask, name=name, origin=origin, replaces=replaces, instead=instead)

    def masks(self, scan_id: str, *, earlier: bool = False) -> tuple[MaskFacts, ...]:
        """Masks of a scan in the order they were made; with `earlier`, also those that a newer version replaces."""
        return self.store.masks(scan_id, earlier=earlier)

    def mask(self, mask_id: str) -> Mask:
        """One mask, on its scan's grid.

        Raises:
            NotFoundError: There is none.
            StoreError: Its labels are missing or damaged.
        """
        return self.store.mask(mask_id)

    def delete_mask(self, mask_id: str) -> None:
        """Delete one version of a mask for good; the version before it is the newest again.

        Raises:
            NotFoundError: There is none.
        """
        self.store.delete_mask(mask_id)

    def tasks_run(self) -> dict[str, tuple[str, ...]]:
        """The tasks that were run on each study, by study id."""
        return self.store.tasks_run()

    def _add(
        self,
        sources: Sequence[Source],
        privacy: Privacy,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        synthetic_title: str = "",
        stack_mm: Triple | None = None,
    ) -> AddReport:
        tell = progress or (lambda fraction, stage: None)
        scans: list[_Arrived] = []
        try:
            reading = self.read(
                sources,
                sandbox=self.sandbox,
                settings=self.settings,
                key=self.store.pseudonym_key,
                progress=lambda done, name: tell(done * READING_SHARE, Message(N_("Reading {name}"), {"name": name})),
                cancelled=cancelled,
                arrived=lambda found: scans.append(self._arrived(privacy.private(found), synthetic_title)),
                stack_mm=stack_mm,
            )
            added, failed = self._store_all(grouped(scans), tell, cancelled)
        except BaseException:
            self.store.discard([scan.new.voxels for scan in scans if scan.new.voxels is not None])
            raise
        if failed and not added:
            raise failed[0].error
        masks, studies, homeless = self._lay_all(reading.markups, cancelled)
        report = _report(added, (*reading.refused, *failed, *homeless))
        known = {study.id: study for study in report.known}
        new = {study.id for study in report.added}
        known |= {study: self.store.study(study) for study in studies if study not in new}
        return replace(report, known=tuple(known.values()), masks=masks)

    def _lay_all(
        self, markups: Sequence[FoundMarkup], cancelled: Callable[[], bool] | None
    ) -> tuple[tuple[MaskFacts, ...], Sequence[str], Sequence[Refusal]]:
        """Masks stored, ids of the studies they went to, and what found no scan."""
        masks: list[MaskFacts] = []
        studies: dict[str, None] = {}
        homeless = []
        for found in markups:
            _stop_if(cancelled)
            origin = MaskOrigin.SEG if found.markup.kind == "SEG" else MaskOrigin.RTSTRUCT
            try:
                near = self.store.scans_of(found.markup.series, found.markup.frame_of_reference)
                scan, layers = lay(found, near, self.sandbox)
                masks += [self.save_mask(scan.id, layer.mask, name=layer.name, origin=origin) for layer in layers]
                studies[scan.study] = None
            except CancelledError:
                raise
            except MedcoreError as error:
                homeless.append(Refusal(found.name, error))
        return tuple(masks), list(studies), homeless

    def _arrived(self, found: Found, synthetic_title: str) -> _Arrived:
        """Begin to store a scan while the next one is decoded."""
        volume = replace(found.volume, synthetic=True) if synthetic_title else found.volume
        voxels = self.store.put(volume)
        new = NewScan(volume, found.issues, found.series_key, thumbnail(volume), voxels)
        return _Arrived(new, found.study_key, found.patient, title=synthetic_title or _title(found))

    def _store_all(
        self, groups: Sequence[Group], tell: Progress, cancelled: Callable[[], bool] | None
    ) -> tuple[Sequence[Added], Sequence[Refusal]]:
        added: tuple[Added, ...] = ()
        failed: tuple[Refusal, ...] = ()
        for start in range(0, len(groups), BATCH_STUDIES):
            _stop_if(cancelled)
            tell(READING_SHARE + (1 - READING_SHARE) * start / len(groups), Message(N_("Storing")))
            stored, lost = self._store(groups[start : start + BATCH_STUDIES])
            added, failed = (*added, *stored), (*failed, *lost)
        return added, failed

    def _store(self, batch: Sequence[Group]) -> tuple[Sequence[Added], Sequence[Refusal]]:
        """Store a batch in one transaction; when that fails, each study by itself, so that one cannot harm another."""
        studies = [_new_study(group) for group in batch]
        try:
            return self.store.add_studies(studies), ()
        except StoreError as error:
            if len(studies) == 1:
                return (), (Refusal(studies[0].title, error),)
        outcomes = [self._store([group]) for group in batch]
        return [x for added, _ in outcomes for x in added], [x for _, failed in outcomes for x in failed]


def uploaded(name: str, data: bytes) -> Source:
    """A file that came through the browser."""
    return Source(name=name, data=data)


def numbered_pictures(names: Sequence[str]) -> int:
    """How many of these files are pictures of one numbered set, which may be the slices of one volume; 0 for none."""
    return numbered(names)


def grouped(scans: Iterable[_Arrived]) -> Sequence[Group]:
    """Scans that make a study together, in the order in which the studies first appear."""
    groups: dict[str, list[_Arrived]] = {}
    for number, scan in enumerate(scans):
        groups.setdefault(scan.study or f"picture {number}", []).append(scan)
    return list(groups.values())


def _new_study(group: Group) -> NewStudy:
    largest = max(group, key=lambda scan: scan.new.volume.voxels.size)  # the survey images of a study are small
    return NewStudy(
        title=largest.title,
        scans=tuple(scan.new for scan in group),
        key=group[0].study,
        patient=next((scan.patient for scan in group if scan.patient), ""),
    )


def _title(found: Found) -> str:
    """What a scan calls itself; a picture by the harmless words of its file name."""
    return clean_title(found.volume.name) or "–"


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError(N_("Stopped."))


def _report(added: Sequence[Added], refused: tuple[Refusal, ...]) -> AddReport:
    """Each study once, as it is after the whole upload."""
    latest = {entry.study.id: entry.study for entry in added}
    new = {entry.study.id for entry in added if entry.new_scans}
    return AddReport(
        added=tuple(study for study_id, study in latest.items() if study_id in new),
        known=tuple(study for study_id, study in latest.items() if study_id not in new),
        refused=refused,
    )
