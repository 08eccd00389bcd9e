"""Two processes under torchrun train one model from the same recipe, on the processor alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medcore.cards import load_card, verify_weights
from medcore.settings import ROOT
from tests.nn.training.test_training import data, recipe  # noqa: F401  (a fixture)


@pytest.mark.slow
def test_torchrun_trains_with_two_processes_what_one_would_be_given(tmp_path: Path, data: Path) -> None:  # noqa: F811
    out, work = tmp_path / "models" / "pair", tmp_path / "work" / "pair"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "medcore"]
    command += ["train", str(recipe(tmp_path, epochs=2)), "--data", str(data), "--out", str(out), "--work", str(work)]
    known = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*command, "--device", "cpu", "--json"], cwd=ROOT, env=known, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads(ended.stdout)["model"]["id"] == "pair"  # the first process alone speaks
    verify_weights(load_card(out))
    epochs = [json.loads(line) for line in (out / "training.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [epoch["number"] for epoch in epochs] == [0, 1]
