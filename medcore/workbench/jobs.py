"""Long work in the background: stage, progress, time left, cancel; it goes on while the user changes pages."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

from medcore.errors import N_, CancelledError, MedcoreError, Message

WORKERS = 2
KEPT_FINISHED = 30  # finished jobs remembered for each owner; their results are in the store
GUESS_FROM_FRACTION = 0.02  # below this much progress a guess of the time left is worth nothing
GUESS_FROM_SECONDS = 1.0

log = logging.getLogger(__name__)


class JobState(StrEnum):
    """Where a job is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Progress:
    """What the work tells its job, and how it learns that it shall stop."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, fraction: float, stage: Message) -> None:
        """Say how much is done (0..1) and what is going on now."""
        self._job._report(fraction, stage)

    def cancelled(self) -> bool:
        """Whether the user asked to stop."""
        return self._job.cancelling

    def check(self) -> None:
        """Stop here if the user asked to.

        Raises:
            CancelledError: The user asked.
        """
        if self.cancelled():
            raise CancelledError(N_("Stopped."))


class Job:
    """One piece of work. Its attributes may be read from any thread."""

    def __init__(self, title: Message, owner: str, clock: Callable[[], float]) -> None:
        self.id = secrets.token_hex(8)
        self.title = title
        self.owner = owner
        self.stage = Message(N_("Waiting"))
        self.fraction = 0.0
        self.state = JobState.WAITING
        self.result: object = None
        self.error: MedcoreError | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._over = threading.Event()
        self._started: float | None = None
        self._ended: float | None = None
        self._expected_end: float | None = None

    @property
    def cancelling(self) -> bool:
        """Whether the user asked to stop; the work may need a moment to notice."""
        return self._cancel.is_set()

    @property
    def seconds(self) -> float:
        """How long the work has run, or ran; 0 while it waits."""
        with self._lock:
            if self._started is None:
                return 0.0
            return (self._clock() if self._ended is None else self._ended) - self._started

    @property
    def seconds_left(self) -> float | None:
        """Guess of the time left from the progress so far; None while it is too early to tell."""
        with self._lock:
            if self.state is not JobState.RUNNING or self._expected_end is None:
                return None
            return max(0.0, self._expected_end - self._clock())

    def cancel(self) -> None:
        """Ask the work to stop. A job that still waits is over at once."""
        self._cancel.set()
        with self._lock:
            waiting = self.state is JobState.WAITING
            if waiting:
                self.state = JobState.CANCELLED
        if waiting:
            self._over.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job is over; False when `timeout` seconds were not enough."""
        return self._over.wait(timeout)

    def _run(self, work: Callable[[Progress], object]) -> None:
        with self._lock:
            if self.state is not JobState.WAITING:
                return
            self.state, self._started, self.stage = JobState.RUNNING, self._clock(), Message(N_("Starting"))
        try:
            result = work(Progress(self))
        except CancelledError:
            self._end(JobState.CANCELLED)
        except MedcoreError as error:
            self._end(JobState.FAILED, error=error)
        except BaseException as error:  # a thread is the last to know; some decoders raise beside Exception
            reference = secrets.token_hex(4)
            log.exception("job failed, reference %s", reference)
            self._end(JobState.FAILED, error=_bug(reference, error))
        else:
            self._end(JobState.DONE, result=result)

    def _report(self, fraction: float, stage: Message) -> None:
        with self._lock:
            if self._started is None or self.state.over:
                return
            self.fraction, self.stage = min(max(fraction, 0.0), 1.0), stage
            now = self._clock()
            if self.fraction >= GUESS_FROM_FRACTION and now - self._started >= GUESS_FROM_SECONDS:
                self._expected_end = self._started + (now - self._started) / self.fraction

    def _end(self, state: JobState, *, result: object = None, error: MedcoreError | None = None) -> None:
        with self._lock:
            self.result, self.error, self._ended = result, error, self._clock()
            if state is JobState.DONE:
                self.fraction = 1.0
            self.state = state  # last: whoever sees it also sees the result
        self._over.set()


class Jobs:
    """All jobs of this process, in one pool of threads. An owner sees only his own."""

    def __init__(self, *, workers: int = WORKERS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")

    def start(self, title: Message, work: Callable[[Progress], object], *, owner: str = "") -> Job:
        """Run `work` as soon as a thread is free.

        Args:
            title: What it is, for the tray.
            work: Gets the `Progress`; what it returns becomes the job's result.
            owner: Token of the session that may see it.
        """
        job = Job(title, owner, self._clock)
        with self._lock:
            self._jobs[job.id] = job
            self._forget_old(owner)
        self._pool.submit(job._run, work)
        return job

    def list(self, *, owner: str = "") -> tuple[Job, ...]:
        """The owner's jobs, the oldest first."""
        with self._lock:
            return tuple(job for job in self._jobs.values() if job.owner == owner)

    def get(self, job_id: str, *, owner: str = "") -> Job | None:
        """One of the owner's jobs; None when it is unknown, forgotten or someone else's."""
        with self._lock:
            job = self._jobs.get(job_id)
        return job if job is not None and job.owner == owner else None

    def dismiss(self, job_id: str, *, owner: str = "") -> None:
        """Take a finished job off the list."""
        job = self.get(job_id, owner=owner)
        if job is not None and job.state.over:
            with self._lock:
                self._jobs.pop(job_id, None)

    def close(self) -> None:
        """Ask all jobs to stop and wait until they did."""
        with self._lock:
            jobs = tuple(self._jobs.values())
        for job in jobs:
            job.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _forget_old(self, owner: str) -> None:
        finished = [job.id for job in self._jobs.values() if job.owner == owner and job.state.over]
        for job_id in finished[:-KEPT_FINISHED]:
            del self._jobs[job_id]


def _bug(reference: str, error: BaseException) -> MedcoreError:
    """What the user sees of a bug: no traceback, nothing of the values in it, but a way to find it in the log."""
    return MedcoreError(
        N_("Something went wrong inside MedCore ({kind})."),
        hint=N_("This is a fault of the program, not of your files. The log names it under {reference}."),
        kind=type(error).__name__,
        reference=reference,
    )
