"""Readings of a comparison: the report of a draft, signing it off, the versions as they were signed, their files."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

from medcore.comparison.changes import VisitChange
from medcore.comparison.compare import Compared, Moment
from medcore.comparison.proof import Proof
from medcore.deidentify.keyed import time_shift
from medcore.errors import N_, Message, NotFoundError, StoreError
from medcore.exports.report_document import Document, Text, Wording, from_document, to_document
from medcore.exports.response_pdf import report_pdf
from medcore.exports.response_report import report_html
from medcore.exports.without_scans import without_scans
from medcore.language import translator
from medcore.predictions import Segmentation
from medcore.records import DatePolicy, Issue
from medcore.store.audit import Action, Deed, Event
from medcore.store.json_values import Json, as_table, to_texts
from medcore.store.readings import Signed, content_hash
from medcore.store.store import Store
from medcore.volume import MaskOrigin
from medcore.workbench.assess import Certainty
from medcore.workbench.comparison_diff import Change, change_section, differences, facts_of, from_facts, to_facts
from medcore.workbench.comparison_draft import Chosen, Draft, from_draft, to_draft
from medcore.workbench.comparison_findings import Findings, More, Source
from medcore.workbench.comparison_models import RadiographSeries
from medcore.workbench.comparison_report import comparison_document
from medcore.workbench.comparison_studies import study_doubts
from medcore.workbench.comparison_tables import WITH_MARK, comparison_tables, signed_tables
from medcore.workbench.comparisons import RUN, Aligned, Comparisons
from medcore.workbench.private import policy_of
from medcore.workbench.release import Release, look_at, suspicions

DRAFT = N_("Draft: not signed off by a reader.")
FORM = 1  # of the content of a signed reading
FIXED_TIME = (2000, 1, 1, 0, 0, 0)  # of files in a zip: when they were made is nobody's business
ORIGINS = {
    MaskOrigin.DRAWN: N_("mask drawn by a reader"),
    MaskOrigin.CORRECTED: N_("mask corrected by a reader"),
    MaskOrigin.SEG: N_("mask from DICOM SEG"),
    MaskOrigin.RTSTRUCT: N_("contours from DICOM RTSTRUCT"),
    MaskOrigin.FILE: N_("mask from a file"),
    MaskOrigin.REGION: N_("region found by grey values"),
}
SignedVersion: TypeAlias = Signed  # what pages may name
Told: TypeAlias = Findings
Changed: TypeAlias = Change
Paper: TypeAlias = Document
Said: TypeAlias = Text
Tables: TypeAlias = Mapping[str, str]  # name of a file to its CSV


@dataclass(frozen=True, slots=True)
class Papers:
    """A report and its tables."""

    document: Document
    tables: Tables


@dataclass(frozen=True, slots=True)
class Frozen:
    """A version as it was signed.

    Args:
        document: Its report, with who signed it and what changed since the version before.
        changes: Since the version `before`; none for the first, whose `before` is 0.
    """

    signed: Signed
    document: Document
    tables: Tables
    draft: Draft
    changes: tuple[Change, ...] = ()
    before: int = 0


@dataclass(frozen=True, slots=True)
class Readings:
    """Reports and signed versions of the comparisons in a store. The draft of a comparison belongs to its baseline."""

    store: Store
    release: Release

    def told(
        self,
        aligned: Aligned,
        found: Compared,
        draft: Draft,
        sure: Certainty | None = None,
        proof: Proof | None = None,
        *,
        changes: tuple[VisitChange | None, ...] = (),
        series: RadiographSeries | None = None,
    ) -> Findings:
        """What a report of this draft would be made of, but for the pictures that may not be shown.

        Args:
            changes: Of each later study, as far as they were mapped; None for the others.
            series: A model's answers to the radiographs, if it was asked.
        """
        door = Comparisons(self.store)
        return Findings(
            aligned,
            found,
            draft,
            sure,
            proof,
            door.probabilities(draft),
            self._sources(door, draft),
            self._doubts(aligned, draft),
            changes=changes,
            series=series,
        )

    def report(self, told: Findings, newest: Signed | None = None) -> Document:
        """The report of a draft that is not signed. Pictures that may show a name stay out of it until released.

        Args:
            newest: The newest signed version; where nothing at all changed since, the report is the one signed.
        """
        if newest is not None and content_hash(self._content_of(told)) == newest.sha256:
            return self.open(newest.id).document
        document = comparison_document(self._shown(told))
        return replace(document, status=(Message(DRAFT),))

    def tables(self, told: Findings, newest: Signed | None = None) -> Tables:
        """Everything of a draft as CSV, or of the signed version where nothing changed since; see report."""
        if newest is not None and content_hash(self._content_of(told)) == newest.sha256:
            return self.open(newest.id).tables
        return comparison_tables(told)

    def sign(self, told: Findings, who: str, *, after: int) -> Signed:
        """Freeze what is told now as the version that follows `after`.

        Raises:
            NotFoundError: A study was deleted meanwhile.
            StoreError: The name is missing, nothing changed, or someone else signed since.
        """
        studies = [one.study for one in told.draft.visits]
        return self.store.readings.sign(studies[0], self._content_of(told), who=who, studies=studies, after=after)

    def versions(self, baseline: str) -> tuple[Signed, ...]:
        """All signed versions, the newest first."""
        return self.store.readings.of(baseline)

    def open(self, reading: str) -> Frozen:
        """A version as it was signed.

        Raises:
            NotFoundError: There is none of this id.
            StoreError: It is not what was signed.
        """
        signed, content = self._content(reading)
        before = next((one for one in self.versions(signed.study) if one.version == signed.version - 1), None)
        document = replace(to_document(content["document"]), status=_status(signed))
        changes: tuple[Change, ...] = ()
        if before is not None:
            changes = differences(to_facts(self._content(before.id)[1]["facts"]), to_facts(content["facts"]))
            sections = (document.sections[0], change_section(changes, before.version), *document.sections[1:])
            document = replace(document, sections=sections)
        number = before.version if before is not None else 0
        signatures = [one for one in self.versions(signed.study) if one.version <= signed.version]
        tables = {**to_texts(content["tables"]), **signed_tables(signatures, changes)}
        return Frozen(signed, document, tables, to_draft(content["draft"]), changes, number)

    def changes_since(self, newest: Signed, told: Findings) -> tuple[Change, ...]:
        """How the draft differs from a signed version.

        Raises:
            StoreError: That version is not what was signed.
        """
        return differences(to_facts(self._content(newest.id)[1]["facts"]), facts_of(told))

    def resolve(self, target: str) -> Frozen:
        """The signed version of this id, or the newest of the study with this id.

        Raises:
            NotFoundError: There is none.
        """
        newest = next(iter(self.versions(target)), None)
        try:
            return self.open(newest.id if newest is not None else target)
        except NotFoundError as error:
            raise NotFoundError(
                N_("Nothing was signed off for {target}."),
                hint=N_("Give the id of a signed reading, or of the study that is its baseline."),
                target=target,
            ) from error

    def moved(self, baseline: str, dates: DatePolicy) -> timedelta | None:
        """By how much the dates of a report are moved under a policy; dates that were moved already stay."""
        study = self.store.study(baseline)
        if dates is DatePolicy.DROP:
            return None
        kept = all(policy_of(self.store.volume(scan.id)) is DatePolicy.KEEP for scan in study.scans)
        if dates is DatePolicy.KEEP or not kept:
            return timedelta(0)
        return time_shift(self.store.pseudonym_key, study.patient or study.id)

    def exported(self, baseline: str, what: str, *, who: str = "local") -> None:
        """Tell the audit trail that a report left."""
        study = self.store.study(baseline)
        self.store.record(Deed(Event.EXPORTED, Action.READ, study.id, study.patient, detail=what, agent=who))

    def _content_of(self, told: Findings) -> Json:
        """What a signature freezes."""
        return {
            "form": FORM,
            "document": from_document(comparison_document(self._shown(told))),
            "facts": from_facts(facts_of(told)),
            "tables": dict(comparison_tables(told)),
            "draft": from_draft(told.draft),
        }

    def _doubts(self, aligned: Aligned, draft: Draft) -> tuple[Issue, ...]:
        """What spoke against comparing, with visits in place of the titles that people typed."""
        named = [
            replace(self.store.study(one.study), title=moment.label)
            for one, moment in zip(draft.visits, aligned.moments, strict=True)
        ]
        return study_doubts(named, [one.scan for one in draft.visits], draft.dates)

    def _content(self, reading: str) -> tuple[Signed, dict[str, Json]]:
        signed, content = self.store.readings.open(reading)
        table = as_table(content)
        if table.get("form") != FORM:
            raise StoreError(
                N_("Version {version} of this reading has a form that this MedCore does not know."),
                hint=N_("Update MedCore to open it."),
                version=signed.version,
            )
        return signed, table

    def _shown(self, told: Findings) -> Findings:
        """Without the pictures that may show a name and that nobody has released; looking takes a second each."""
        hidden = set()
        for one in told.draft.visits:
            study = self.store.study(one.study)
            scan = next(facts for facts in study.scans if facts.id == one.scan)
            if self.release.check(study, scan).blocked:
                hidden.add(scan.id)
        return replace(told, hidden=frozenset(hidden))

    def _sources(self, door: Comparisons, draft: Draft) -> tuple[Source, ...]:
        """Masks by their id and how they came about, models by version and weights."""
        found = []
        for visit, chosen in enumerate(draft.visits):
            masks = {one.id: one for one in self.store.masks(chosen.scan, earlier=True)}
            for source in door.chosen_sources(chosen):
                if source.startswith(RUN):
                    one = self.store.prediction(source.removeprefix(RUN))
                    if isinstance(one, Segmentation):
                        what: Text = f"{one.run.model} {one.run.model_version}, SHA-256"
                        found.append(Source(visit, what, one.run.weights_sha256))
                elif source in masks:
                    found.append(Source(visit, Message(ORIGINS[masks[source].origin]), source))
        return tuple(found)


def told_of_files(
    found: Compared, moments: Sequence[Moment], chosen: Mapping[str, str], options: Mapping[str, str],
    *, accepted: bool, reader_sd_mm: float, told: More,
) -> Papers:  # fmt: skip
    """A comparison of files that no store knows: nobody has confirmed or signed anything.

    Args:
        chosen: criterion, motion and organ.
        told: How sure the response is, what changed and what a model said, as far as that was asked.
    """
    scans = tuple(f"T{number}" for number in range(len(moments)))
    aligned = Aligned(tuple(moments), found.alignments, found.visits, scans)
    draft = Draft(
        tuple(Chosen("", scan) for scan in scans), chosen["motion"], accepted, chosen["organ"],
        criterion=chosen["criterion"], options=dict(options), reader_sd_mm=reader_sd_mm,
    )  # fmt: skip
    names = zip(scans, moments, strict=True)
    hidden = frozenset(name for name, one in names if suspicions(look_at(one.scan), one.scan.modality))
    findings = Findings(
        aligned, found, draft, told.sure, hidden=hidden, changes=told.changes, series=told.series
    )  # fmt: skip
    document = replace(comparison_document(findings), status=(Message(DRAFT),))
    return Papers(document, comparison_tables(findings))


def files_of(
    document: Document, tables: Tables, language: str, moved: timedelta | None = timedelta(0)
) -> dict[str, bytes]:
    """Name of a file to its bytes: the report twice, and the tables."""
    plain = Wording("en", str, moved)
    csv = {f"tables/{name}": plain.say(text).encode(WITH_MARK) for name, text in tables.items()}
    return {"report.html": html(document, language, moved), "report.pdf": pdf(document, language, moved), **csv}


def html(document: Document, language: str, moved: timedelta | None = timedelta(0)) -> bytes:
    """A report as one HTML file in a language."""
    return report_html(document, Wording(language, translator(language), moved)).encode()


def pdf(document: Document, language: str, moved: timedelta | None = timedelta(0)) -> bytes:
    """A report as a PDF in a language."""
    return report_pdf(document, Wording(language, translator(language), moved))


def bare(document: Document) -> Document:
    """A report without the pictures of the scans."""
    return without_scans(document)


def data_url(page: bytes) -> str:
    """An HTML file as an address that needs no server."""
    return "data:text/html;base64," + base64.b64encode(page).decode()


def in_words(text: Text, translate: Callable[[str], str]) -> str:
    """A text of a report in the language of a gettext function."""
    return Wording("", translate).say(text)


def zipped(tables: Tables, moved: timedelta | None = timedelta(0)) -> bytes:
    """Tables as one zip of CSV files."""
    wording = Wording("en", str, moved)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(tables.items()):
            archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), wording.say(text).encode(WITH_MARK))
    return file.getvalue()


def _status(signed: Signed) -> tuple[Text, ...]:
    """Who signed what when; the day of signing is no day of the patient's, so it is not moved with those."""
    day = f"{signed.signed_at:%Y}\u2011{signed.signed_at:%m}\u2011{signed.signed_at:%d} {signed.signed_at:%H:%M} UTC"
    text = N_("Signed off by {who}, {when}. Version {version}.")
    return (
        Message(text, {"who": signed.signed_by, "when": day, "version": signed.version}),
        ("SHA-256 ", signed.sha256),
    )
