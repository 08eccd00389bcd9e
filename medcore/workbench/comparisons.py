"""The compare page's door: stored studies of one patient aligned as a job, the reader's draft kept with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from medcore.comparison.compare import (
    Choices,
    Compared,
    Moment,
    Progress,
    align,
    check,
    concluded,
    judged,
    visits_of,
)
from medcore.comparison.proof import Proof, prove
from medcore.comparison.readings import Reader, TargetRules
from medcore.comparison.tracks import GONE_TRACK, Corrections, Track, follow
from medcore.comparison.visits import Visit
from medcore.criteria import load_criterion
from medcore.errors import N_, StoreError
from medcore.imaging.registration.alignment import Alignment, Motion
from medcore.records import Issue, Study
from medcore.store.json_values import Json, as_list, as_number, as_table
from medcore.store.store import Store
from medcore.volume import Mask, MaskOrigin, Volume
from medcore.workbench import comparison_sources, kept_alignments, kept_evidence
from medcore.workbench.comparison_draft import (
    GONE_LESION,
    NEW_LESION,
    Chosen,
    Draft,
    anchor,
    end_of,
    from_draft,
    known_clear,
    to_draft,
)
from medcore.workbench.comparison_probabilities import ProbabilityChange, probability_changes
from medcore.workbench.comparison_sources import boxes_only, corrected_mask, correction_version, has_mask, outlined_in
from medcore.workbench.comparison_studies import alike, before, joined, largest, no_lesion, same_patient, study_doubts
from medcore.workbench.kept_alignments import change_part

NEURO = ("rano2010", "rano2", "rano_bm", "ms_activity")  # criteria without a limit of lesions for each organ
DRAFT = "comparison"  # name in the annotations of the baseline's study
UNDO_STEPS = 40
Found: TypeAlias = Compared  # what pages may name
Proved: TypeAlias = Proof
RUN = "run:"  # begins the source id of what a model found


@dataclass(frozen=True, slots=True)
class Source:
    """Where lesions of a scan may come from: a stored mask, or what a model found.

    Args:
        title: Text from outside.
        origin: A MaskOrigin, or "model".
    """

    id: str
    title: str
    origin: str

    @property
    def region(self) -> bool:
        """Whether it is no lesion unless somebody says so: a region that was found by its density."""
        return self.origin == MaskOrigin.REGION


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft as it is stored.

    Args:
        version: 0 when nothing has been stored yet.
        undoable: There is an earlier one to go back to.
    """

    draft: Draft
    version: int = 0
    undoable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Studies on top of each other, and their lesions.

    Args:
        moments: The baseline first.
        alignments: Of each later study.
        visits: With lesions; empty where a study has no mask.
        scans: Id of each study's scan.
    """

    moments: tuple[Moment, ...]
    alignments: tuple[Alignment, ...]
    visits: tuple[Visit, ...]
    scans: tuple[str, ...]

    def anchor(self, visit: int, piece: int) -> str:
        """Stable name of a lesion of a visit."""
        return anchor(self.scans[visit], self.visits[visit].pieces[piece].extent.corner)

    def anchor_of(self, track: Track) -> str:
        """Stable name of a lesion over time: where it is first seen."""
        piece = track.sightings[track.first].piece
        assert piece is not None, "a track begins with a lesion"
        return self.anchor(track.first, piece)


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Comparisons of stored studies."""

    store: Store

    def candidates(self, study: Study) -> tuple[Study, ...]:
        """Studies that could be its baseline or its follow-up: first the same patient's, then its kind, by date."""
        first = largest(study.scans)

        def place(one: Study) -> tuple[bool, bool, bool, str, str]:
            undated = one.acquired_on is None
            return not same_patient(one, study), alike(one.scans, first) is None, undated, str(one.acquired_on), one.id

        return tuple(sorted(self.store.studies(), key=place))

    def sources(self, scan: str, study: str) -> tuple[Source, ...]:
        """What may be lesions of a scan: its masks in their newest versions, then what models found in it."""
        masks = [Source(one.id, one.name, one.origin.value) for one in self.store.masks(scan)]
        runs = [one for one in self.store.predictions(study) if has_mask(one) and one.run.scan == scan]
        return (*masks, *(Source(RUN + one.run.id, one.run.model, "model") for one in runs))

    def unmeasured(self, scan: str, study: str) -> tuple[str, ...]:
        """Models that gave boxes without an outline, which are no lesions of a comparison."""
        runs = [one.run for one in self.store.predictions(study) if boxes_only(one)]
        return tuple(dict.fromkeys(run.model for run in runs if run.scan == scan))

    def chosen_sources(self, chosen: Chosen) -> tuple[str, ...]:
        """The sources that count: those chosen, each in its newest version; without a choice all but found regions."""
        there = self.sources(chosen.scan, chosen.study)
        if chosen.sources is None:
            masks = tuple(one.id for one in there if not one.region and not one.id.startswith(RUN))
            return masks or tuple(one.id for one in there if one.id.startswith(RUN))[:1]
        newer = {one.replaces: one.id for one in self.store.masks(chosen.scan, earlier=True) if one.replaces}
        names = {one.id for one in there}
        found = []
        for source in chosen.sources:
            newest = source
            while newest not in names and newest in newer:
                newest = newer[newest]
            if newest in names and newest not in found:
                found.append(newest)
        return tuple(found)

    def fingerprint(self, draft: Draft) -> str:
        """Changes with what is looked at: the scans, the masks that count, and how scans may move."""
        seen = [(one.scan, self._versions(one), one.study in draft.clear) for one in draft.visits]
        points = [kept_alignments.landmarks(self.store, draft, number) for number in range(1, len(draft.visits))]
        return f"{seen} {draft.motion} {sorted(draft.dates.items())} {points}"

    def _versions(self, chosen: Chosen) -> list[tuple[str, int]]:
        """The sources that count, and how often a reader has corrected each."""
        runs = [(one, one.removeprefix(RUN)) for one in self.chosen_sources(chosen)]
        return [(one, correction_version(self.store, run) if one != run else 0) for one, run in runs]

    def proposed(self, baseline: Study) -> Draft:
        """A draft to begin with: the baseline with all later studies of the same patient and kind."""
        first = largest(baseline.scans)
        later = [
            Chosen(one.id, scan.id)
            for one in self.candidates(baseline)
            if one.id != baseline.id
            and same_patient(one, baseline)
            and not before(one, baseline)
            and (scan := alike(one.scans, first)) is not None
        ]
        return Draft((Chosen(baseline.id, first.id), *later))

    def opened(self, baseline: Study) -> Kept:
        """The draft of this baseline; a proposal where none was stored. Studies deleted meanwhile are left out."""
        stored = _part(self.store.annotations(baseline.id).content, DRAFT)
        if not stored:
            return Kept(self.proposed(baseline))
        table = as_table(stored)
        draft = to_draft(table["draft"])
        there = {scan.id for study in self.store.studies() for scan in study.scans}
        draft = replace(draft, visits=tuple(one for one in draft.visits if one.scan in there))
        return Kept(draft, int(as_number(table["version"])), bool(as_list(table["undo"])))

    def keep(self, baseline: str, draft: Draft, *, version: int) -> Kept:
        """Store a draft in place of the one that was read as `version`.

        Raises:
            NotFoundError: The study of the baseline was deleted.
            StoreError: Someone else changed the comparison since.
        """

        def changed(now: Json) -> Json:
            table = _checked(now, version)
            last = table["draft"] if "draft" in table else from_draft(self.proposed(self.store.study(baseline)))
            former = [*as_list(table.get("undo", [])), last]
            return {"version": version + 1, "draft": from_draft(draft), "undo": former[-UNDO_STEPS:]}

        kept = as_table(change_part(self.store, baseline, DRAFT, changed))
        return Kept(draft, version + 1, bool(as_list(kept["undo"])))

    def undo(self, baseline: str, *, version: int) -> Kept:
        """Go back to the draft before.

        Raises:
            NotFoundError: The study of the baseline was deleted.
            StoreError: Someone else changed the comparison since.
        """

        def changed(now: Json) -> Json:
            table = _checked(now, version)
            former = as_list(table.get("undo", []))
            if not former:
                return now
            return {"version": version + 1, "draft": former[-1], "undo": former[:-1]}

        kept = as_table(change_part(self.store, baseline, DRAFT, changed))
        return Kept(to_draft(kept["draft"]), int(as_number(kept["version"])), bool(as_list(kept["undo"])))

    def doubts(self, draft: Draft) -> tuple[Issue, ...]:
        """What speaks against comparing these studies, before anything is computed."""
        studies = [self.store.study(one.study) for one in draft.visits]
        return study_doubts(studies, [one.scan for one in draft.visits], draft.dates)

    def align(
        self,
        draft: Draft,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Aligned:
        """Align the studies of a draft; alignments found before are used again, new ones are kept with the baseline.

        Raises:
            NotFoundError: A study was deleted meanwhile.
            UnfitInputError: The studies cannot be compared.
            HistoryError: They are out of order.
            CancelledError: `cancelled` became true.
        """
        moments = self._moments(draft)
        check(moments)
        found = align(moments, Motion(draft.motion), progress=progress, cancelled=cancelled)
        fresh = {n: one for n, one in enumerate(found, start=1) if moments[n].alignment is None}
        kept_alignments.keep(self.store, draft, fresh)
        return self._aligned(draft, moments, found)

    def known(self, draft: Draft) -> Aligned | None:
        """The studies of a draft on top of each other, if all of them have been aligned before."""
        if len(draft.visits) < 2:
            return None
        moments = self._moments(draft)
        check(moments)
        alignments = tuple(one.alignment for one in moments[1:] if one.alignment is not None)
        return self._aligned(draft, moments, alignments) if len(alignments) == len(moments) - 1 else None

    def conclude(self, aligned: Aligned, draft: Draft) -> Compared:
        """What follows from the reader's decisions.

        Raises:
            HistoryError: The criterion refuses the history.
        """
        corrections = _corrections(aligned, draft)
        reader = _reader(aligned, draft, corrections)
        criterion = load_criterion(draft.criterion).configured(draft.options)
        choices = Choices(Motion(draft.motion), reader, rules_of(draft), corrections, draft.accepted)
        found = concluded(aligned.moments, aligned.alignments, aligned.visits, criterion, choices)
        kept = tuple(one for one in found.issues if not known_clear(one, draft))
        sources = [() if one.study in draft.clear else self.chosen_sources(one) for one in draft.visits]
        return replace(found, issues=(*kept, *comparison_sources.model_doubts(self.store, sources, RUN)))

    def prove(
        self,
        aligned: Aligned,
        draft: Draft,
        grown_mm: float,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Proof:
        """Put a known change into the baseline and find it again; what was found is kept with the baseline.

        Raises:
            NotFoundError: The study of the baseline was deleted meanwhile.
            UnfitInputError: There is no lesion, or shrinking by so much would leave nothing.
            CancelledError: `cancelled` became true.
        """
        choices = Choices(Motion(draft.motion), rules=rules_of(draft))
        proof = prove(aligned.moments[0], grown_mm, choices=choices, progress=progress, cancelled=cancelled)
        kept_evidence.keep_proof(self.store, draft.visits[0].study, self.fingerprint(draft), proof)
        return proof

    def proved(self, draft: Draft) -> Proof | None:
        """The latest proof with the scans, masks and motion of this draft."""
        return kept_evidence.kept_proof(self.store, draft.visits[0].study, self.fingerprint(draft))

    def probabilities(self, draft: Draft) -> tuple[ProbabilityChange, ...]:
        """What one and the same model said of the studies, where it was asked about at least two of them."""
        kept = [self.store.predictions(one.study) for one in draft.visits]
        return probability_changes(kept, [one.scan for one in draft.visits])

    def _moments(self, draft: Draft) -> tuple[Moment, ...]:
        known = kept_alignments.kept(self.store, draft)
        moments = []
        for number, chosen in enumerate(draft.visits):
            scan = self.store.volume(chosen.scan)
            if scan.acquired_on is None and chosen.study in draft.dates:
                scan = replace(scan, acquired_on=draft.dates[chosen.study])
            when = scan.acquired_on.isoformat() if scan.acquired_on else ""
            label = f"T{number} {when}".strip()
            bare = chosen.study in draft.clear
            mask = no_lesion(scan) if bare else self._mask(chosen, scan)
            pairs = kept_alignments.landmarks(self.store, draft, number) if number else ()
            outlined = () if bare else outlined_in(self.store, self.chosen_sources(chosen), RUN)
            moments.append(Moment(label, scan, mask, known.get(number), pairs, outlined=outlined))
        return tuple(moments)

    def _mask(self, chosen: Chosen, scan: Volume) -> Mask | None:
        """All chosen masks as one; None where there is none."""
        sources = self.chosen_sources(chosen)
        masks = [
            corrected_mask(self.store, one.removeprefix(RUN)) if one.startswith(RUN) else self.store.mask(one)
            for one in sources
        ]
        return joined(masks, scan) if masks else None

    def _aligned(self, draft: Draft, moments: tuple[Moment, ...], found: tuple[Alignment, ...]) -> Aligned:
        found = judged(moments, found)
        return Aligned(moments, found, visits_of(moments, found), tuple(one.scan for one in draft.visits))


def rules_of(draft: Draft) -> TargetRules:
    """Which lesions may be targets; the limit of each organ counts where the criterion has one and organs are known."""
    bare = draft.criterion in NEURO or not (draft.organ or draft.organs or draft.nodes)
    return TargetRules(most_per_organ=None) if bare else TargetRules()


def tracks_by_anchor(aligned: Aligned, tracks: Sequence[Track]) -> dict[str, str]:
    """Anchor of each lesion to its id."""
    return {aligned.anchor_of(track): track.id for track in tracks}


def _corrections(aligned: Aligned, draft: Draft) -> Corrections:
    """The reader's links as numbers, visit by visit: the id of a lesion depends on the visits before."""
    found = Corrections()
    if not draft.links and not draft.ends:
        return found
    for number in range(1, len(aligned.visits)):
        ids = tracks_by_anchor(aligned, follow(aligned.visits[:number], found))
        for piece in range(len(aligned.visits[number].pieces)):
            wanted = draft.links.get(aligned.anchor(number, piece), "")
            if wanted == NEW_LESION or wanted in ids:
                found = found.corrected(number, piece, ids.get(wanted, NEW_LESION))
        for lesion, track in ids.items():
            end = draft.ends.get(end_of(aligned.scans[number], lesion), "")
            if end == GONE_LESION or end in ids:
                found = found.ends(number, track, ids.get(end, GONE_TRACK))
    return found


def _reader(aligned: Aligned, draft: Draft, corrections: Corrections) -> Reader:
    ids = tracks_by_anchor(aligned, follow(aligned.visits, corrections)) if aligned.visits else {}
    return Reader(
        organs={ids[name]: organ for name, organ in draft.organs.items() if name in ids},
        nodes=frozenset(ids[name] for name in draft.nodes if name in ids),
        roles={ids[name]: role for name, role in draft.roles.items() if name in ids},
        organ=draft.organ,
        states={at: draft.states[one.study] for at, one in enumerate(draft.visits) if one.study in draft.states},
    )


def _checked(now: Json, version: int) -> dict[str, Json]:
    table = as_table(now or {})
    if int(as_number(table.get("version", 0))) != version:
        raise StoreError(
            N_("Someone else changed this comparison meanwhile; your change was not saved."),
            hint=N_("Reload the page to see the other change, then make yours."),
        )
    return table


def _part(content: Json, name: str) -> Json:
    return content.get(name) if isinstance(content, dict) else None
