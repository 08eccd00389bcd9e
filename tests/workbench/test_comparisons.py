"""Stored studies compared: proposal, alignment kept, the reader's decisions, undo, conflicts, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from medcore.errors import CancelledError, HistoryError, StoreError
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import axial
from medcore.imaging.phantoms.truth import Phantom
from medcore.imaging.registration.same_contrast import turn
from medcore.records import LesionRole, Study
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Mask, MaskOrigin
from medcore.workbench import comparison_answer
from medcore.workbench.comparison_draft import NEW_LESION, Chosen, from_draft, to_draft
from medcore.workbench.comparison_readings import html
from medcore.workbench.comparison_tables import history_csv
from medcore.workbench.comparisons import rules_of
from medcore.workbench.history_table import read_history
from medcore.workbench.marks import Mark
from medcore.workbench.workbench import Workbench

STEP_MM, SHAPE = 3.0, (60, 72, 72)
MOVED = rigid(turn(np.deg2rad(5) * np.array([0.6, -0.48, 0.64])), (5.0, -3.0, 6.0))
BEFORE, AFTER = date(2021, 3, 1), date(2021, 6, 1)


@cache
def head(*sizes_mm: float, later: bool) -> Phantom:
    places = [(30.0, 10.0, 20.0), (-30.0, -20.0, 12.0), (28.0, -40.0, 18.0)]
    lesions = [Lesion(f"l{n}", at, (mm / 2,) * 3) for n, (at, mm) in enumerate(zip(places, sizes_mm, strict=False))]
    moved, when = (MOVED, AFTER) if later else (None, BEFORE)
    grid = axial(SHAPE, (STEP_MM,) * 3)
    return brain_mr(lesions, grid, SHAPE, moved=moved, seed=1 + later, acquired_on=when)


@pytest.fixture
def put(workbench: Workbench) -> Callable[..., Study]:
    def stored(phantom: Phantom, *, patient: str = "PSEUDONYM-1", masked: bool = True, title: str = "Head") -> Study:
        (added,) = workbench.store.add_studies([NewStudy(title, (NewScan(phantom.volume),), patient=patient)])
        scan = added.study.scans[0]
        if masked:
            labels = (phantom.mask.labels > 0).astype(np.uint8)
            mask = Mask(labels, {1: "lesion"}, phantom.mask.geometry)
            workbench.studies.save_mask(scan.id, mask, name="Lesions", origin=MaskOrigin.DRAWN)
        return workbench.studies.get(added.study.id)

    return stored


def test_the_later_study_of_the_same_patient_is_proposed_and_a_stranger_is_not(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    later = put(head(14.0, 11.0, later=True))
    before = put(head(24.0, 18.0, later=False))
    stranger = put(head(20.0, later=True), patient="PSEUDONYM-2")
    draft = workbench.comparisons.opened(before).draft
    assert [one.study for one in draft.visits] == [before.id, later.id]
    assert workbench.comparisons.candidates(later)[0].id == before.id
    doubts = workbench.comparisons.doubts(replace(draft, visits=(*draft.visits, Chosen(stranger.id, "x"))))
    assert {issue.code for issue in doubts} >= {"other_patient", "same_date"}


def test_from_stored_studies_to_a_response_that_a_restart_does_not_align_again(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before = put(head(24.0, 18.0, later=False))
    put(head(14.0, 11.0, later=True))
    door = workbench.comparisons
    draft = door.opened(before).draft
    assert door.known(draft) is None
    stages: list[float] = []
    aligned = door.align(draft, progress=lambda fraction, stage: stages.append(fraction))
    assert stages and aligned.alignments[0].trust.trusted
    again = door.known(draft)
    assert again is not None and np.allclose(again.alignments[0].to_moving, aligned.alignments[0].to_moving)
    found = door.conclude(again, draft)
    assert found.response is not None and found.response.timepoints[-1].overall == "PR"
    (first, second) = comparison_answer.rows(again, found)
    assert first.role is second.role is LesionRole.TARGET and first.cells[1].longest_mm == pytest.approx(14, abs=2)
    page = html(workbench.readings.report(workbench.readings.told(again, found, draft)), "en").decode()
    assert "RECIST 1.1: PR" in page and "http:" not in page
    assert page.count("data:image/jpeg") == 5, "two lesions in two studies, and their sizes over time"
    assert before.patient not in page and before.scans[0].sha256 in page
    assert len(read_history(history_csv(found.timepoints)).timepoints) == 2
    with pytest.raises(CancelledError):
        door.align(replace(draft, motion="affine"), cancelled=lambda: True)


def test_every_decision_is_kept_and_can_be_undone_and_two_readers_do_not_undo_each_other(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before = put(head(24.0, later=False))
    put(head(14.0, later=True))
    door = workbench.comparisons
    kept = door.opened(before)
    assert kept.version == 0 and not kept.undoable
    first = door.keep(before.id, replace(kept.draft, organ="brain", reader_sd_mm=2.0), version=0)
    second = door.keep(before.id, replace(first.draft, criterion="who"), version=1)
    assert door.opened(before) == second and second.undoable
    with pytest.raises(StoreError, match="Someone else changed this comparison"):
        door.keep(before.id, first.draft, version=1)
    workbench.marks.change(before.id, before.scans[0].id, before=(), after=())
    undone = door.undo(before.id, version=2)
    assert undone.draft == first.draft and undone.undoable
    proposal = door.undo(before.id, version=3)
    assert proposal.draft == kept.draft and not proposal.undoable
    assert to_draft(from_draft(second.draft)) == second.draft


def test_a_link_and_a_role_of_the_reader_hold_and_the_limits_are_explained(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before = put(head(24.0, 18.0, 14.0, later=False))
    put(head(16.0, 12.0, 11.0, later=True))
    door = workbench.comparisons
    draft = replace(door.opened(before).draft, organ="brain")
    aligned = door.align(draft)
    found = door.conclude(aligned, draft)
    lesions = comparison_answer.rows(aligned, found)
    assert [row.role.value for row in lesions] == ["target", "target", "nontarget"]
    refusal = comparison_answer.target_refusal(found, rules_of(draft), lesions[2].id)
    assert refusal is not None and "2 targets of one organ" in refusal.text()
    separate = replace(draft, links={lesions[0].cells[1].anchor: NEW_LESION})
    apart = comparison_answer.rows(aligned, door.conclude(aligned, separate))
    assert apart[0].cells[1].fate == "gone" and apart[-1].cells[1].fate == "new"
    joined = replace(separate, links={**separate.links, lesions[1].cells[1].anchor: lesions[0].anchor})
    swapped = comparison_answer.rows(aligned, door.conclude(aligned, joined))
    assert swapped[0].cells[1].anchor == lesions[1].cells[1].anchor
    forced = replace(draft, roles={row.anchor: LesionRole.TARGET for row in lesions})
    broken = comparison_answer.broken_limits(door.conclude(aligned, forced), rules_of(forced))
    assert len(broken) == 1 and "3 targets" in broken[0].text()


def test_a_corrected_mask_counts_and_a_study_without_one_gives_no_response(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before = put(head(24.0, later=False))
    after = put(head(14.0, later=True), masked=False)
    door = workbench.comparisons
    draft = door.opened(before).draft
    aligned = door.align(draft)
    assert aligned.visits == () and door.conclude(aligned, draft).response is None
    mask = Mask(np.ones(SHAPE, np.uint8), {1: "x"}, head(14.0, later=True).volume.geometry)
    old = workbench.studies.save_mask(after.scans[0].id, mask, name="x", origin=MaskOrigin.DRAWN)
    chosen = replace(draft.visits[1], sources=(old.id,))
    small = Mask(np.where(head(14.0, later=True).mask.labels, 1, 0).astype(np.uint8), {1: "x"}, mask.geometry)
    new = workbench.studies.save_mask(after.scans[0].id, small, name="x", origin=MaskOrigin.CORRECTED, replaces=old.id)
    assert door.chosen_sources(chosen) == (new.id,)


def test_a_follow_up_before_the_baseline_is_refused_with_the_reason(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before, after = put(head(24.0, later=False)), put(head(14.0, later=True))
    draft = workbench.comparisons.opened(before).draft
    wrong = replace(draft, visits=(Chosen(after.id, after.scans[0].id), Chosen(before.id, before.scans[0].id)))
    with pytest.raises(HistoryError, match="out of order"):
        workbench.comparisons.align(wrong)


def test_one_more_millimetre_flips_and_criteria_that_disagree_are_named(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before = put(head(24.0, 18.0, later=False))
    put(head(14.0, 11.0, later=True))
    draft = workbench.comparisons.opened(before).draft
    found = workbench.comparisons.conclude(workbench.comparisons.align(draft), draft)
    assert found.response is not None
    same = comparison_answer.what_if(found.timepoints, "recist11", {}, "L1", 0.0)
    longer = comparison_answer.what_if(found.timepoints, "recist11", {}, "L1", 8.0)
    assert same.overall == "PR" and longer.overall == "SD"
    said = {one.criterion: one for one in comparison_answer.opinions(found.timepoints, found.response)}
    assert said["recist11"].agrees and said["who"].category == "PR" and said["lugano"].agrees is not True


def test_a_deformation_is_kept_whole_and_stays_when_the_store_is_swept(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before = put(head(24.0, later=False))
    put(head(14.0, later=True))
    door = workbench.comparisons
    draft = replace(door.opened(before).draft, motion="deformable")
    aligned = door.align(draft)
    bending = aligned.alignments[0].bending
    workbench.store.sweep(older_than_seconds=-10.0)
    again = door.known(draft)
    assert bending is not None and again is not None
    kept = again.alignments[0]
    assert kept.bending is not None and np.array_equal(kept.bending.shift_mm, bending.shift_mm)
    place = np.array([10.0, 20.0, 5.0])
    assert np.allclose(kept.places_in_moving(place), aligned.alignments[0].places_in_moving(place))
    assert door.known(replace(draft, motion="rigid")) is None


def test_points_of_the_reader_on_both_scans_speak_for_or_against_the_alignment(
    workbench: Workbench, put: Callable[..., Study]
) -> None:
    before, after = put(head(24.0, later=False)), put(head(14.0, later=True))
    door = workbench.comparisons
    draft = door.opened(before).draft
    found = door.align(draft).alignments[0]
    here = np.array([12.0, -8.0, 30.0])
    for study, place in ((before, here), (after, found.places_in_moving(here) + np.array([0.0, 12.0, 0.0]))):
        x, y, z = place.tolist()
        point = Mark(study.id, "point", ((x, y, z),), text="A")
        workbench.marks.change(study.id, study.scans[0].id, before=(), after=[point])
    checked = door.known(draft)
    assert checked is not None and checked.alignments[0].trust.landmarks == pytest.approx((12.0,))
    assert not checked.alignments[0].trust.trusted and door.conclude(checked, draft).response is None
    workbench.marks.change(after.id, after.scans[0].id, before=[Mark(after.id, "point", ((0, 0, 0),))], after=())
    plain = door.known(draft)
    assert plain is not None and plain.alignments[0].trust.trusted
