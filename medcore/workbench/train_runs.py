"""Trainings as processes of their own: start, watch, pause, go on, cancel; a restarted app finds them again."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from medcore.cards import CARD_FILE
from medcore.errors import N_, CardError, MedcoreError, Message, StoreError, TrainingError, UnknownNameError
from medcore.nn.training.recipe import Recipe, load_recipe
from medcore.nn.training.run_folder import Epoch, Stage, Status, is_training, read_curves, read_status
from medcore.nn.training.schedule import rates
from medcore.settings import ROOT, Settings

TRAININGS = "trainings"  # folder within the data folder
GOING = (Stage.READING, Stage.TRAINING, Stage.JUDGING)  # stages that know how far they are
RECIPE, ABOUT, OUTPUT, PAUSED = "recipe.toml", "about.json", "output.log", "paused"
NICE = 5  # the app itself goes first
LAST_LINES = 40


class RunState(StrEnum):
    """Where a training is in its life."""

    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DONE = "done"

    @property
    def active(self) -> bool:
        """Whether its process runs."""
        return self in (RunState.RUNNING, RunState.PAUSING)


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One training.

    Args:
        model: Id of the model it makes.
        data: Name of the picture set.
        epochs: At most.
        history: The epochs so far.
        rates: The learning rate of each epoch as it is planned.
        status: How far it is; None before it has said anything.
    """

    id: str
    title: str
    model: str
    task: str
    network: str
    data: str
    choose: str
    epochs: int
    started_at: datetime
    state: RunState
    history: tuple[Epoch, ...]
    rates: tuple[float, ...]
    status: Status | None

    @property
    def fraction(self) -> float:
        """Share of its stage that is done, for a bar."""
        if self.state is RunState.DONE:
            return 1.0
        return self.status.fraction if self.status is not None and self.status.stage in GOING else 0.0


class TrainRuns:
    """All trainings of this data folder. May be used from many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def folder(self) -> Path:
        """Where trainings and the prepared pictures are kept."""
        return self._settings.data_dir / TRAININGS

    def list(self) -> tuple[TrainingRun, ...]:
        """All trainings, the newest first."""
        found = [run for path in self.folder.glob(f"*/{ABOUT}") if (run := self._run(path.parent)) is not None]
        return tuple(sorted(found, key=lambda run: run.started_at, reverse=True))

    def get(self, run: str) -> TrainingRun:
        """One training.

        Raises:
            UnknownNameError: There is none of this id.
        """
        found = self._run(self._folder(run))
        if found is None:
            raise _unknown(run)
        return found

    def start(self, recipe: str, *, root: Path, model: str, data: str, device: str = "") -> TrainingRun:
        """Start a training in a process of its own.

        Args:
            recipe: TOML.
            root: Folder that the recipe's sources are below.
            model: Id of the model to write.
            data: Name of the picture set, for the list.

        Raises:
            CardError: The recipe cannot be used.
            TrainingError: Another training runs, or a model of this name is there.
            StoreError: The data folder cannot be written.
        """
        with self._lock:
            self._refuse_second()
            if (self._settings.models_dir / model / CARD_FILE).exists():
                raise TrainingError(
                    N_("There is a model “{model}” already."), hint=N_("Give the new one another title."), model=model
                )
            folder = self.folder / secrets.token_hex(6)
            try:
                folder.mkdir(parents=True)
                (folder / RECIPE).write_text(recipe, encoding="utf-8")
                load_recipe(folder / RECIPE)
                about = {"model": model, "root": str(root), "data": data, "device": device or self._settings.device}
                about["started_at"] = datetime.now(UTC).isoformat()
                (folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")
            except MedcoreError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            except OSError as error:
                shutil.rmtree(folder, ignore_errors=True)
                raise StoreError(N_("{path} cannot be written."), path=str(folder)) from error
            self._launch(folder, about)
        return self.get(folder.name)

    def pause(self, run: str) -> None:
        """Stop after the current step; what is done up to the last whole epoch is kept."""
        folder = self._folder(run)
        if self.get(run).state is RunState.RUNNING:
            (folder / PAUSED).touch()
            self._signal(folder, signal.SIGTERM)

    def go_on(self, run: str) -> None:
        """Go on from the last whole epoch.

        Raises:
            TrainingError: Another training runs.
        """
        folder = self._folder(run)
        with self._lock:
            if self.get(run).state.active:
                return
            self._refuse_second()
            (folder / PAUSED).unlink(missing_ok=True)
            self._launch(folder, _about(folder) or {})

    def cancel(self, run: str) -> None:
        """End a training and drop all of it but a model that it has finished; also takes it off the list."""
        folder = self._folder(run)
        self.get(run)
        self._signal(folder, signal.SIGKILL)
        with self._lock:
            process = self._processes.pop(run, None)
        if process is not None:
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    def log(self, run: str) -> str:
        """The last lines that the process wrote."""
        try:
            lines = (self._folder(run) / OUTPUT).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LAST_LINES:])

    def recipe(self, run: str) -> str:
        """The recipe of a training, TOML."""
        return (self._folder(run) / RECIPE).read_text(encoding="utf-8")

    def _folder(self, run: str) -> Path:
        if Path(run).name != run or not run:
            raise _unknown(run)
        return self.folder / run

    def _refuse_second(self) -> None:
        for other in self.list():
            if other.state.active:
                raise TrainingError(
                    N_("The training “{title}” is still running."),
                    hint=N_("Pause it or wait for it: two at once would both be slower than one after the other."),
                    title=other.title,
                )

    def _launch(self, folder: Path, about: Mapping[str, str]) -> None:
        out = self._settings.models_dir / about["model"]
        command = [sys.executable, "-m", "medcore", "train", str(folder / RECIPE), "--resume"]
        command += ["--data", about["root"], "--out", str(out), "--work", str(folder), "--device", about["device"]]
        known = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
        known["MEDCORE_MODELS_DIR"] = str(self._settings.models_dir)
        known["MEDCORE_DATA_DIR"] = str(self._settings.data_dir)
        known.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
        with (folder / OUTPUT).open("ab") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=known, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        self._processes[folder.name] = process
        (folder / ABOUT).write_text(json.dumps({**about, "pid": str(process.pid)}), encoding="utf-8")

    def _run(self, folder: Path) -> TrainingRun | None:
        about = _about(folder)
        recipe = _recipe(folder)
        if about is None or recipe is None:
            return None
        status = read_status(folder)
        return TrainingRun(
            id=folder.name,
            title=str(recipe.card["title"]),
            model=about["model"],
            task=recipe.task,
            network=recipe.network,
            data=about["data"],
            choose=recipe.options.choose,
            epochs=sum(stage.epochs for stage in recipe.stages),
            started_at=datetime.fromisoformat(about["started_at"]),
            state=self._state(folder, status),
            history=read_curves(folder),
            rates=rates(recipe),
            status=status,
        )

    def _state(self, folder: Path, status: Status | None) -> RunState:
        paused = (folder / PAUSED).exists()
        if self._alive(folder):
            return RunState.PAUSING if paused else RunState.RUNNING
        if status is not None and status.stage is Stage.DONE:
            return RunState.DONE
        if status is not None and status.stage is Stage.FAILED:
            return RunState.FAILED
        stopped = status is not None and status.stage is Stage.STOPPED
        return RunState.PAUSED if paused or stopped else RunState.INTERRUPTED

    def _alive(self, folder: Path) -> bool:
        """Whether its process runs: ours, or that of the app before this one, which holds the folder's lock."""
        process = self._processes.get(folder.name)
        if process is not None:
            return process.poll() is None
        return is_training(folder) or self._pid(folder) is not None

    def _pid(self, folder: Path) -> int | None:
        """The process that works in this folder; numbers are used again, so its command line must say so."""
        process = self._processes.get(folder.name)
        if process is not None:
            return process.pid if process.poll() is None else None
        pid = (_about(folder) or {}).get("pid", "")
        try:
            return int(pid) if str(folder).encode() in Path(f"/proc/{int(pid)}/cmdline").read_bytes() else None
        except (OSError, ValueError):
            return None

    def _signal(self, folder: Path, number: signal.Signals) -> None:
        pid = self._pid(folder)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _about(folder: Path) -> dict[str, str] | None:
    try:
        table = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return {str(k): str(v) for k, v in table.items()}
    except (OSError, ValueError, AttributeError):
        return None


def _recipe(folder: Path) -> Recipe | None:
    try:
        return load_recipe(folder / RECIPE)
    except CardError:
        return None


def _unknown(run: str) -> UnknownNameError:
    return UnknownNameError(N_("There is no training “{name}”."), name=run)


def state_title(state: RunState) -> Message:
    """The state in words."""
    return Message(TITLES[state])


TITLES = {
    RunState.RUNNING: N_("Running"),
    RunState.PAUSING: N_("Stopping after this step"),
    RunState.PAUSED: N_("Paused"),
    RunState.INTERRUPTED: N_("Interrupted"),
    RunState.FAILED: N_("Failed"),
    RunState.DONE: N_("Done"),
}
