"""A training survives a kill, refuses a second one beside it, a full disk and a loss that is no number."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from medcore.cards import load_card, load_cards
from medcore.errors import DataSetError, TrainingError
from medcore.nn.training import publish
from medcore.nn.training.run_folder import only_training, write_bytes
from medcore.nn.training.train import train
from medcore.tasks import load_task
from tests.nn.training.test_training import ROOT, data, recipe  # noqa: F401  (a fixture)

PROGRAM = """
import sys, torch
from pathlib import Path
from medcore.nn.training.train import train
torch.set_num_threads(1)
path, data, out, work = map(Path, sys.argv[1:])
train(path, data=data, out=out, work=work, resume=True)
"""


def curve(work: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (work / "curves.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_after_a_kill_the_loss_goes_on_as_if_nothing_had_happened(tmp_path: Path, data: Path) -> None:  # noqa: F811
    path, work = recipe(tmp_path, epochs=8), tmp_path / "runs" / "killed"
    command = [sys.executable, "-c", PROGRAM, path, data, tmp_path / "models" / "killed", work]
    first = subprocess.Popen(list(map(str, command)), cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (work / "curves.jsonl").exists() or len(curve(work)) < 2:
        assert first.poll() is None
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert len(curve(work)) < 8
    assert not (tmp_path / "models" / "killed" / "card.toml").exists()
    torch.set_num_threads(1)
    train(path, data=data, out=tmp_path / "models" / "killed", work=work, resume=True)
    train(path, data=data, out=tmp_path / "models" / "whole", work=tmp_path / "runs" / "whole")
    np.testing.assert_allclose(curve(work), curve(tmp_path / "runs" / "whole"), atol=1e-4)
    assert load_card(tmp_path / "models" / "killed").sha256 == load_card(tmp_path / "models" / "whole").sha256


@pytest.mark.slow
def test_two_processes_train_one_model_together(tmp_path: Path, data: Path) -> None:  # noqa: F811
    path, work = recipe(tmp_path, epochs=2), tmp_path / "runs" / "two"
    program = tmp_path / "program.py"
    program.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})" + PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", program]
    command += [path, data, tmp_path / "models" / "two", work]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(curve(work)) == 2
    assert load_card(tmp_path / "models" / "two").metrics["all"]["auc"].value > 0


def test_a_second_training_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with only_training(tmp_path), pytest.raises(TrainingError, match="already runs"), only_training(tmp_path):
        pass


def test_a_full_disk_is_named_and_the_last_checkpoint_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes(tmp_path / "x", b"old")

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left"):
        write_bytes(tmp_path / "x", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_loss_that_is_no_number_is_named(tmp_path: Path, data: Path) -> None:  # noqa: F811
    path = recipe(tmp_path, epochs=2)
    path.write_text(path.read_text().replace("learning_rate = 0.01", "learning_rate = 1e30"))
    with pytest.raises(TrainingError, match="no longer a number"):
        train(path, data=data, out=tmp_path / "m" / "x", work=tmp_path / "runs" / "x")
    assert not (tmp_path / "m" / "x" / "card.toml").exists()


def test_a_model_is_not_served_until_all_of_it_is_there(
    tmp_path: Path,
    data: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(staging: Path, folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publish, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            train(recipe(tmp_path), data=data, out=tmp_path / "models" / "x", work=tmp_path / "runs" / "x")
    assert not load_cards(tmp_path / "models")
    train(recipe(tmp_path), data=data, out=tmp_path / "models" / "x", work=tmp_path / "runs" / "x", resume=True)
    assert set(load_cards(tmp_path / "models")) == {"x"}


def test_few_unreadable_pictures_are_left_out_and_many_are_refused(tmp_path: Path) -> None:
    import cv2

    from medcore.nn.training.cache import open_cache
    from medcore.nn.training.recipe import load_recipe
    from medcore.nn.training.sources import Case
    from medcore.nn.training.train import draft_card

    card = draft_card(load_recipe(recipe(tmp_path)), tmp_path / "x")
    cases = []
    for i in range(30):
        path = tmp_path / f"{i}.png"
        cv2.imwrite(str(path), np.random.default_rng(i).integers(0, 255, (40, 40), dtype=np.uint8))
        cases.append(Case(path.name, path, (True,), path.name))
    cases[3].path.write_bytes(b"broken")
    found = open_cache(tmp_path / "cache", cases, task=load_task("chest_xray"), card=card)
    assert int(found.readable.sum()) == 29
    for case in cases[5:9]:
        case.path.write_bytes(b"broken too")
    with pytest.raises(DataSetError, match="5 of 30"):
        open_cache(tmp_path / "cache", cases, task=load_task("chest_xray"), card=card)


def test_pictures_are_decoded_once(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from medcore.nn.training import cache
    from tests.nn.training.test_training import pictures

    _, first = pictures(recipe(tmp_path), data)
    monkeypatch.setattr(cache, "read_case", lambda case: pytest.fail("decoded again"))
    _, again = pictures(recipe(tmp_path), data)
    assert np.array_equal(first.seen, again.seen)


def test_training_stops_early_when_nothing_gets_better(tmp_path: Path, data: Path) -> None:  # noqa: F811
    path = recipe(tmp_path, epochs=12)
    path.write_text('patience = 2\nchoose = "auc"\n' + path.read_text())
    work = tmp_path / "runs" / "p"
    train(path, data=data, out=tmp_path / "models" / "p", work=work)
    epochs = [json.loads(line) for line in (work / "curves.jsonl").read_text().splitlines()]
    assert len(epochs) < 12
    assert [e["best"] for e in epochs[-2:]] == [False, False]
