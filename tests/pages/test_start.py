"""The server answers before torch is loaded: nothing at import needs it, and start-up does not wait for it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

START = """
import asyncio, sys, threading
import app
from pages.ui import state

assert "torch" not in sys.modules, "importing the app loads torch"
state._warm_up = threading.Event().wait  # a warm-up that never ends

async def serve():
    async with state.lifespan(None):
        assert "torch" not in sys.modules, "starting the server loads torch"

asyncio.run(asyncio.wait_for(serve(), 60))
print("answered")
"""


def test_the_server_answers_before_torch_is_loaded(tmp_path: Path) -> None:
    environment = {**os.environ, "MEDCORE_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == "answered", done.stderr
