"""Quality findings in the store: made once, kept, ranked, with duplicates, and on every result."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from medcore.errors import CancelledError
from medcore.imaging.quality import VERSION
from medcore.records import Severity, Study
from medcore.volume import Array
from medcore.workbench.quality import findings, with_quality
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import QUIET, Workbench
from tests.imaging.quality.scans import chest, wrist


@pytest.fixture
def add(workbench: Workbench) -> Callable[[str, Array], Study]:
    def added(name: str, grey: Array) -> Study:
        pixels = cv2.imencode(".png", np.clip(np.rint(grey), 0, 255).astype(np.uint8))[1].tobytes()
        return workbench.studies.add([uploaded(f"{name}.png", pixels)]).added[0]

    return added


def codes(study: Study) -> list[str]:
    return [one.issue.code for one in findings(study) if one.issue.code != "picture"]


def noisy(grey: Array) -> Array:
    return grey + np.random.default_rng(0).normal(0, 25, grey.shape)


def test_an_upload_does_not_wait_for_the_check_which_is_made_at_the_first_look_and_kept(
    workbench: Workbench, add: Callable[[str, Array], Study]
) -> None:
    study = add("chest", noisy(chest()))
    assert codes(study) == [] and workbench.quality.waiting() == 1
    checked = workbench.quality.checked(study)
    assert codes(checked) == ["noisy"] and checked.scans[0].quality_version == VERSION
    assert codes(workbench.studies.get(study.id)) == ["noisy"] and workbench.quality.waiting() == 0
    assert workbench.quality.checked(checked) is checked


def test_a_quiet_job_checks_all_that_is_missing(workbench: Workbench, add: Callable[[str, Array], Study]) -> None:
    add("chest", chest())
    add("wrist", wrist())
    job = workbench.check_quality(owner=QUIET)
    assert job.wait(60) and job.result == 2
    assert workbench.jobs.list() == () and workbench.quality.waiting() == 0
    assert workbench.quality.check_missing() == 0


def test_a_cancelled_check_keeps_what_it_found(workbench: Workbench, add: Callable[[str, Array], Study]) -> None:
    add("chest", chest())
    add("wrist", wrist())
    answers = iter([False, True])
    with pytest.raises(CancelledError):
        workbench.quality.check_missing(cancelled=lambda: next(answers))
    assert workbench.quality.waiting() == 1


def test_studies_are_ranked_by_the_worst_and_filtered(workbench: Workbench, add: Callable[[str, Array], Study]) -> None:
    fine, bad = add("wrist", wrist()), add("chest", noisy(chest()))
    empty = add("blank", np.full((64, 64), 9))
    workbench.quality.check_missing()
    assert [one.study.id for one in workbench.quality.ranked()] == [empty.id, bad.id, fine.id]
    assert [one.study.id for one in workbench.quality.ranked(severities=[Severity.BLOCK])] == [empty.id]
    assert [one.study.id for one in workbench.quality.ranked(codes=["noisy"])] == [bad.id]
    assert [one.study.id for one in workbench.quality.ranked(search="wrist")] == [fine.id]
    assert {"noisy": "Noise", "empty": "Empty image"}.items() <= workbench.quality.titles().items()


def test_the_same_picture_again_is_named_until_the_first_is_deleted(
    workbench: Workbench, add: Callable[[str, Array], Study]
) -> None:
    first = add("first", chest())
    small = cv2.resize(chest(), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    second, other = add("second", small), add("other", wrist())
    workbench.quality.check_missing()
    assert codes(workbench.studies.get(first.id)) == [] and codes(workbench.studies.get(other.id)) == []
    (finding,) = [one for one in findings(workbench.studies.get(second.id)) if one.issue.code == "duplicate"]
    assert finding.issue.message.values == {"title": first.title}
    workbench.studies.delete(first.id)
    assert codes(workbench.studies.get(second.id)) == []


@pytest.mark.slow
def test_phantoms_of_two_dates_are_no_duplicates_and_have_no_findings(workbench: Workbench) -> None:
    workbench.studies.add_samples(coarse=4.0)
    workbench.quality.check_missing()
    found = {code for study in workbench.studies.list() for code in codes(study)}
    assert "duplicate" not in found


def test_a_scan_that_is_not_stored_is_checked_too(workbench: Workbench) -> None:
    pixels = cv2.imencode(".png", np.clip(noisy(chest()), 0, 255).astype(np.uint8))[1].tobytes()
    reading = workbench.studies.read(
        [uploaded("a.png", pixels)], sandbox=workbench.sandbox, settings=workbench.settings
    )
    assert "noisy" in {issue.code for issue in with_quality(reading.found[0]).issues}
