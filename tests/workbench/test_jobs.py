"""Jobs run in the background, tell how far they are, stop when asked, and fail without a traceback."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from medcore.errors import CancelledError, Message, StoreError
from medcore.workbench.jobs import KEPT_FINISHED, Job, Jobs, JobState, Progress

TITLE = Message("Work on {count} files", {"count": 2})
PATIENCE = 20.0


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


class Gate:
    """Work that stops at a gate until the test opens it."""

    def __init__(self, then: Callable[[Progress], object] = lambda progress: "result") -> None:
        self.reached, self.open, self._then = threading.Event(), threading.Event(), then

    def __call__(self, progress: Progress) -> object:
        progress(0.25, Message("Reading"))
        self.reached.set()
        assert self.open.wait(PATIENCE)
        return self._then(progress)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Iterator[Jobs]:
    made = Jobs(workers=1, clock=clock)
    yield made
    made.close()


def ended(job: Job) -> Job:
    assert job.wait(PATIENCE)
    return job


def test_a_job_tells_its_stage_and_ends_with_its_result(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.start(TITLE, gate)
    assert gate.reached.wait(PATIENCE)
    assert (job.state, job.fraction, job.stage.text()) == (JobState.RUNNING, 0.25, "Reading")
    gate.open.set()
    ended(job)
    assert (job.state, job.fraction, job.result, job.error) == (JobState.DONE, 1.0, "result", None)
    assert job.title.text() == "Work on 2 files"


def test_the_time_left_is_guessed_from_the_progress_and_counts_down(jobs: Jobs, clock: Clock) -> None:
    second = threading.Event()
    told = threading.Event()

    def tell(progress: Progress) -> None:
        progress(0.4, Message("More"))
        told.set()
        assert second.wait(PATIENCE)

    gate = Gate(tell)
    job = jobs.start(TITLE, gate)
    assert gate.reached.wait(PATIENCE)
    assert job.seconds_left is None, "no time had passed, so there is nothing to guess from"
    clock.time += 20.0
    gate.open.set()
    assert told.wait(PATIENCE)
    assert job.seconds_left == pytest.approx(30.0)
    clock.time += 10.0
    assert (job.seconds, job.seconds_left) == (pytest.approx(30.0), pytest.approx(20.0))
    clock.time += 100.0
    assert job.seconds_left == 0.0
    second.set()
    assert ended(job).seconds_left is None
    clock.time += 5.0
    assert job.seconds == pytest.approx(130.0)


def test_a_running_job_that_is_cancelled_stops_at_its_next_check(jobs: Jobs) -> None:
    gate = Gate(lambda progress: progress.check())
    job = jobs.start(TITLE, gate)
    assert gate.reached.wait(PATIENCE)
    job.cancel()
    assert (job.state, job.cancelling) == (JobState.RUNNING, True)
    gate.open.set()
    assert ended(job).state is JobState.CANCELLED
    assert job.error is None


def test_a_waiting_job_that_is_cancelled_never_starts(jobs: Jobs) -> None:
    gate, ran = Gate(), []
    first = jobs.start(TITLE, gate)
    second = jobs.start(TITLE, ran.append)
    second.cancel()
    assert (second.state, second.seconds) == (JobState.CANCELLED, 0.0)
    gate.open.set()
    ended(first)
    ended(jobs.start(TITLE, lambda progress: None))
    assert ran == []


def test_work_that_ends_before_it_notices_the_cancel_is_done(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.start(TITLE, gate)
    assert gate.reached.wait(PATIENCE)
    job.cancel()
    gate.open.set()
    assert (ended(job).state, job.result) == (JobState.DONE, "result")


def test_an_error_for_the_user_is_kept_as_it_is(jobs: Jobs) -> None:
    error = StoreError("The disk {path} is full.", hint="Make room.", path="d")

    def fail(progress: Progress) -> None:
        raise error

    job = ended(jobs.start(TITLE, fail))
    assert (job.state, job.error) == (JobState.FAILED, error)


@pytest.mark.parametrize("kind", [ValueError, BaseException])
def test_a_bug_is_logged_and_shown_as_a_reference_only(
    jobs: Jobs, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(progress: Progress) -> None:
        raise kind("DOE^JOHN")

    with caplog.at_level(logging.ERROR):
        job = ended(jobs.start(TITLE, fail))
    assert job.state is JobState.FAILED
    assert job.error is not None
    reference = str(job.error.hint.values["reference"])
    assert reference in job.error.hint.text()
    assert "DOE" not in job.error.message.text() + job.error.hint.text()
    (record,) = caplog.records
    assert reference in record.getMessage()
    assert record.exc_info is not None


def test_a_job_after_a_failed_one_runs(jobs: Jobs) -> None:
    ended(jobs.start(TITLE, lambda progress: 1 / 0))
    assert ended(jobs.start(TITLE, lambda progress: 7)).result == 7


def test_a_session_sees_its_own_jobs_only(jobs: Jobs) -> None:
    mine = ended(jobs.start(TITLE, lambda progress: 1, owner="me"))
    ended(jobs.start(TITLE, lambda progress: 2, owner="you"))
    assert jobs.list(owner="me") == (mine,)
    assert jobs.get(mine.id, owner="me") is mine
    assert jobs.get(mine.id, owner="you") is None
    jobs.dismiss(mine.id, owner="you")
    assert jobs.list(owner="me") == (mine,)
    jobs.dismiss(mine.id, owner="me")
    assert jobs.list(owner="me") == ()


def test_only_the_latest_finished_jobs_are_remembered(jobs: Jobs) -> None:
    made = [ended(jobs.start(TITLE, lambda progress: None)) for _ in range(KEPT_FINISHED + 5)]
    assert len(jobs.list()) <= KEPT_FINISHED + 1
    assert jobs.list()[-1] is made[-1]


def test_progress_outside_its_range_is_kept_inside(jobs: Jobs) -> None:
    gate = Gate(lambda progress: progress(7.0, Message("x")))
    job = jobs.start(TITLE, gate)
    gate.open.set()
    assert ended(job).fraction == 1.0


def test_many_threads_may_start_and_list_at_once(clock: Clock) -> None:
    jobs = Jobs(workers=4, clock=clock)
    started: list[Job] = []

    def start() -> None:
        for number in range(20):
            started.append(jobs.start(TITLE, lambda progress, number=number: number, owner=str(number % 3)))
            jobs.list(owner="1")

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ended(job).state is JobState.DONE for job in started)
    assert len(started) == 160
    jobs.close()


def test_closing_stops_running_and_waiting_jobs(clock: Clock) -> None:
    jobs = Jobs(workers=1, clock=clock)

    def until_cancelled(progress: Progress) -> None:
        while not progress.cancelled():
            threading.Event().wait(0.01)
        raise CancelledError("Stopped.")

    running, waiting = (jobs.start(TITLE, until_cancelled) for _ in range(2))
    jobs.close()
    assert {running.state, waiting.state} == {JobState.CANCELLED}
