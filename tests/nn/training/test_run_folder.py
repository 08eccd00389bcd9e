"""A training says how far it is, stops at a signal, and leaves word of how it ended; a second one is refused."""

import os
import signal
from pathlib import Path

import pytest

from medcore.errors import CancelledError, TrainingError
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.reporting import Reporter
from medcore.nn.training.run_folder import (
    Epoch,
    Stage,
    Status,
    is_training,
    only_training,
    only_writer,
    read_curves,
    read_status,
    refuse_second,
    write_status,
)
from medcore.nn.training.schedule import rate, rates
from tests.nn.training.test_training import recipe


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def reporter(folder: Path, clock: Clock, *, epochs: int = 4) -> Reporter:
    return Reporter(folder, load_recipe(recipe(folder, epochs=epochs)), clock=clock)


def epoch(number: int) -> Epoch:
    return Epoch(number, 48, 0.5, {"loss": 0.5}, 1.0, 10.0, 3.0, True)


def test_fraction_and_time_left_follow_the_steps(tmp_path: Path) -> None:
    clock = Clock()
    told = reporter(tmp_path, clock)
    for number in range(2):
        for _ in range(4):  # 64 draws in batches of 16
            told.stop()
            clock.now += 1.0
        told.tell(epoch(number), 4)
    found = read_status(tmp_path)
    assert found is not None and found.stage is Stage.TRAINING
    assert found.fraction == pytest.approx(0.5)
    assert found.seconds_left == pytest.approx(8.0)


def test_a_status_comes_back_with_its_error_as_templates(tmp_path: Path) -> None:
    told = reporter(tmp_path, Clock())
    with pytest.raises(TrainingError), told.watching():
        raise TrainingError("In epoch {epoch} it went wrong.", hint="Do that.", epoch=3)
    found = read_status(tmp_path)
    assert found is not None and found.stage is Stage.FAILED and found.error is not None
    assert (found.error[0].template, found.error[0].text()) == (
        "In epoch {epoch} it went wrong.",
        "In epoch 3 it went wrong.",
    )
    assert str(found.error[1]) == "Do that."


def test_a_bug_leaves_word_without_its_text(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secret"), reporter(tmp_path, Clock()).watching():
        raise ValueError("secret path")
    found = read_status(tmp_path)
    assert found is not None and found.error is not None
    assert "ValueError" in str(found.error[0]) and "secret" not in str(found.error[0])


def test_a_signal_stops_it_before_the_next_step_and_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    told = reporter(tmp_path, Clock())
    with pytest.raises(CancelledError), told.watching():
        told.stop()
        os.kill(os.getpid(), signal.SIGTERM)
        told.stop()
    found = read_status(tmp_path)
    assert found is not None and found.stage is Stage.STOPPED
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_stops_the_measuring_too(tmp_path: Path) -> None:
    told = reporter(tmp_path, Clock())
    with pytest.raises(CancelledError), told.watching():
        told.judging(0, 50)
        found = read_status(tmp_path)
        assert found is not None and found.stage is Stage.JUDGING
        os.kill(os.getpid(), signal.SIGTERM)
        told.judging(32, 50)
    found = read_status(tmp_path)
    assert found is not None and found.stage is Stage.STOPPED


def test_a_folder_is_held_while_a_training_runs_in_it(tmp_path: Path) -> None:
    assert not is_training(tmp_path)
    with only_training(tmp_path):
        assert is_training(tmp_path)
        with pytest.raises(TrainingError, match="already runs"):
            refuse_second(tmp_path)
    assert not is_training(tmp_path)


def test_a_model_folder_has_one_writer_and_nothing_is_left_where_no_model_came_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "x"
    with only_writer(folder):
        with pytest.raises(TrainingError, match="already writes"), only_writer(folder):
            pass
        assert folder.is_dir(), "the refused one leaves it to its holder"
    assert not folder.exists()
    with only_writer(folder):
        (folder / "card.toml").touch()
    assert [path.name for path in folder.iterdir()] == ["card.toml"]


def test_half_written_files_are_no_end(tmp_path: Path) -> None:
    (tmp_path / "curves.jsonl").write_text('{"number": 0, "si')
    (tmp_path / "status.json").write_text("{")
    assert read_curves(tmp_path) == ()
    assert read_status(tmp_path) is None
    write_status(tmp_path, Status(Stage.DONE, 1.0))
    assert read_status(tmp_path) == Status(Stage.DONE, 1.0)


def test_the_rate_warms_up_and_falls_to_a_hundredth(tmp_path: Path) -> None:
    found = load_recipe(recipe(tmp_path, epochs=10))
    stage = found.stages[0]
    assert rate(stage, 0.0) == pytest.approx(0.05 * stage.learning_rate)
    assert rate(stage, 1.0) == pytest.approx(0.01 * stage.learning_rate)
    assert len(rates(found)) == 10 and max(rates(found)) <= stage.learning_rate
