"""Starts viewer_app on a free port, for the browser tests and the benchmark."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
APP = Path(__file__).parent / "viewer_app.py"
START_SECONDS = 90


@contextmanager
def serving_viewer(folder: Path) -> Iterator[str]:
    """The viewer's test app with its log and data in `folder`; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.address", "127.0.0.1"]
    command += ["--server.port", str(port), "--server.fileWatcherType", "none", "--server.headless", "true"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MEDCORE_DATA_DIR": str(folder / "data")}
    with (folder / "viewer.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, env={**environment, "OMP_NUM_THREADS": "1"}, stdout=log, stderr=log
        )
        try:
            _wait(f"http://127.0.0.1:{port}", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(START_SECONDS * 5):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the viewer's test app did not start")
