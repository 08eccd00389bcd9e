"""Tells other processes and the terminal how far a training is, and stops it at a signal; torch is not needed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from medcore.errors import N_, CancelledError, MedcoreError, Message
from medcore.nn.training.recipe import Recipe
from medcore.nn.training.run_folder import Epoch, Stage, Status, read_curves, write_status

EVERY_SECONDS = 0.5  # between two notes of how far it is
GUESS_FROM = 0.01  # share of the training done in this process from which a guess of the time left is worth something

Show = Callable[[Status, Epoch | None], None]


class Reporter:
    """Callbacks for `train`, which write status.json into its folder.

    Args:
        folder: Of the training.
        resume: It goes on from its checkpoint.
        show: Told the same as the file, and the epoch that has just ended.
        clock: Seconds.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        *,
        resume: bool = False,
        show: Show = lambda status, epoch: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._show, self._clock = folder, show, clock
        self._work = [
            (max(1, recipe.draws // stage.batch), (stage.crop or stage.size) ** 2)
            for stage in recipe.stages
            for _ in range(stage.epochs)
        ]
        self._total = sum(steps * area for steps, area in self._work)
        self._epoch, self._step = len(read_curves(folder)) if resume else 0, 0
        self._first: tuple[float, float] | None = None  # when this process began to train, and how much was done then
        self._latest = -EVERY_SECONDS
        self._stopping = False

    def reading(self, done: int, total: int) -> None:
        """Pictures are being decoded."""
        self._refuse_to_go_on()
        self._say(Status(Stage.READING, done / max(1, total)))

    def stop(self) -> None:
        """A step begins.

        Raises:
            CancelledError: The user asked to stop.
        """
        self._refuse_to_go_on()
        if self._first is None:
            self._first = (self._clock(), self._done())
        self._say(self._training())
        self._step += 1

    def tell(self, epoch: Epoch, total: int) -> None:
        """An epoch has ended."""
        del total
        self._epoch, self._step = epoch.number + 1, 0
        self._say(self._training(), epoch=epoch)

    def judging(self, done: int, total: int) -> None:
        """The network is trained and is now measured.

        Raises:
            CancelledError: The user asked to stop; with --resume the measuring begins anew.
        """
        self._refuse_to_go_on()
        self._say(Status(Stage.JUDGING, done / max(1, total)), at_once=done == 0)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note how the training ends. SIGTERM and Ctrl+C stop it before its next step; a second one, at once."""
        write_status(self._folder, Status(Stage.STARTING))
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        except CancelledError:
            write_status(self._folder, Status(Stage.STOPPED, self._done()))
            raise
        except MedcoreError as error:
            self._failed(error.message, error.hint)
            raise
        except Exception as error:
            self._failed(Message(N_("Something went wrong inside MedCore ({kind})."), {"kind": type(error).__name__}))
            raise
        else:
            write_status(self._folder, Status(Stage.DONE, 1.0))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _failed(self, message: Message, hint: Message | None = None) -> None:
        try:
            write_status(self._folder, Status(Stage.FAILED, self._done(), error=(message, hint or Message(""))))
        except MedcoreError:  # the disk is full, which the first error has said
            return

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._stopping:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stopping = True

    def _refuse_to_go_on(self) -> None:
        if self._stopping:
            raise CancelledError(
                N_("The training has stopped after its last whole epoch."), hint=N_("--resume goes on from there.")
            )

    def _done(self) -> float:
        """Share of the training that is done, by the area of the pictures."""
        whole = sum(steps * area for steps, area in self._work[: self._epoch])
        if self._epoch < len(self._work):
            steps, area = self._work[self._epoch]
            whole += min(self._step, steps) * area
        return whole / self._total

    def _training(self) -> Status:
        done = self._done()
        left = None
        if self._first is not None and done - self._first[1] >= GUESS_FROM:
            passed = self._clock() - self._first[0]
            left = passed / (done - self._first[1]) * (1 - done)
        return Status(Stage.TRAINING, done, left)

    def _say(self, status: Status, *, epoch: Epoch | None = None, at_once: bool = False) -> None:
        now = self._clock()
        if not at_once and epoch is None and now - self._latest < EVERY_SECONDS:
            return
        self._latest = now
        write_status(self._folder, status)
        self._show(status, epoch)
