"""Decode untrusted bytes in a pool of killable child processes with memory, time and size caps.

A decoder of medical images is a large piece of C that strangers feed: it may loop, ask for all memory, or abort its
process. So it runs in a child that may use a fixed address space, is killed when it takes too long, and answers
with JSON and raw arrays only. Children are started when first needed and used again; one that misbehaved is replaced.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from medcore import wire
from medcore.errors import (
    N_,
    CancelledError,
    DecodeMemoryError,
    DecoderCrashedError,
    DecodeTimeoutError,
    MedcoreError,
    TooLargeError,
)

MEGABYTE = 1 << 20
# glibc keeps freed memory for the next image: fresh pages cost as much as decoding an uncompressed slice.
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
START_SECONDS = 120.0  # a cold disk may take long to load the libraries
TOTAL_FACTOR = 200.0  # a stream of many files may take this many times the limit of one
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from medcore.sandbox import serve; serve()"

log = logging.getLogger(__name__)


class Sandbox:
    """A reusable pool of decoding processes; safe to use from many threads.

    Args:
        workers: Most processes at a time; further callers wait.
        memory_mb: Address space of one process.
        seconds: Wall time of one answer (of each item of a stream), after which the process is killed.
        output_mb: Largest answer.
    """

    def __init__(self, *, workers: int, memory_mb: int, seconds: float, output_mb: int) -> None:
        self.workers, self.memory_mb, self.seconds, self.output_mb = max(1, workers), memory_mb, seconds, output_mb
        self._idle: list[_Child] = []
        self._alive: set[_Child] = set()
        self._taken = 0
        self._closed = False
        self._change = threading.Condition()
        self._finalizer = weakref.finalize(self, _kill_all, self._alive)

    def run(
        self, function: str, *arguments: object, name: str = "", cancelled: Callable[[], bool] | None = None
    ) -> object:
        """Call `package.module:function` in a child and return its answer.

        Args:
            function: Dotted module and function; it is trusted, the bytes given to it are not.
            arguments: Numbers, texts, lists, dicts, paths, bytes and arrays.
            name: The file at work, for error messages.
            cancelled: Asked ten times a second; True kills the child.

        Raises:
            ReadError: What the function raised, or DecodeTimeoutError, DecodeMemoryError, DecoderCrashedError.
            CancelledError: `cancelled` said so.
        """
        answers = list(self.stream(function, *arguments, name=name, cancelled=cancelled))
        return answers[-1] if answers else None

    def stream(
        self, function: str, *arguments: object, name: str = "", cancelled: Callable[[], bool] | None = None
    ) -> Iterator[object]:
        """Like `run` for a generator function: its items one by one, the wall limit counting for each."""
        child = self._take(cancelled)
        fit = False
        try:
            call: dict[str, object] = {"function": function, "arguments": list(arguments)}
            yield from self._talk(child, call, name, cancelled)
            fit = True
        except _Sound as sound:
            fit = True
            raise sound.error from None
        finally:
            self._give_back(child, fit)

    def warm(self, function: str) -> threading.Thread:
        """Start one child in the background and call `function` in it, which imports what decoding will need."""

        def start() -> None:
            with contextlib.suppress(MedcoreError):
                self.run(function)

        thread = threading.Thread(target=start, name="sandbox-warm", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Kill all children; work under way in other threads fails with DecoderCrashedError."""
        with self._change:
            self._closed = True
            _kill_all(self._alive)
            self._alive.clear()
            self._idle.clear()
            self._change.notify_all()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, cancelled: Callable[[], bool] | None) -> _Child:
        with self._change:
            while not self._closed and not self._idle and self._taken >= self.workers:
                self._change.wait(None if cancelled is None else 0.1)
                if cancelled is not None and cancelled():
                    raise CancelledError(N_("Stopped."))
            if self._closed:
                raise CancelledError(N_("MedCore is shutting down."))
            self._taken += 1
            child = self._idle.pop() if self._idle else _Child()
            self._alive.add(child)
            return child

    def _give_back(self, child: _Child, fit: bool) -> None:
        if not fit or self._closed:
            child.kill()
        with self._change:
            self._taken -= 1
            if fit and not self._closed:
                self._idle.append(child)
            else:
                self._alive.discard(child)
            self._change.notify()

    def _talk(
        self, child: _Child, call: dict[str, object], name: str, cancelled: Callable[[], bool] | None
    ) -> Iterator[object]:
        end = time.monotonic() + self.seconds * TOTAL_FACTOR
        try:
            child.start(self)
            child.send(call)
            while True:
                seconds = min(self.seconds, end - time.monotonic())
                kind, value = child.receive(seconds, self.output_mb * MEGABYTE, cancelled)
                if kind == "end":
                    return
                if kind == "error":
                    raise _answered(value, name, self)
                yield value
        except TimeoutError:
            raise _timeout(name, self.seconds) from None
        except InterruptedError:
            raise CancelledError(N_("Stopped.")) from None
        except (OSError, EOFError):
            raise _died(child.exit_code(), name, self) from None
        except wire.WireError as error:
            log.warning("a decoder sent a bad message: %s", error)
            if "too large" in str(error):
                raise _too_large(name, self.output_mb) from None
            raise _crashed(name, N_("a damaged answer")) from None


class _Sound(Exception):  # noqa: N818  (not an error: it says that the child is still fit)
    """The function raised one of MedCore's own errors; the child goes on."""

    def __init__(self, error: MedcoreError) -> None:
        self.error = error


class _Child:
    """One process and the socket to it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.connection: socket.socket | None = None
        self.killed = False

    def start(self, sandbox: Sandbox) -> None:
        """Start the process unless it runs."""
        if self.process is not None:
            return
        with wire.pair() as (ours, theirs):
            self.connection = ours
            limits = [theirs.fileno(), sandbox.memory_mb, sandbox.seconds, sandbox.output_mb]
            modules = [path for path in sys.path if path]
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-c", START, json.dumps(modules), json.dumps(limits)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders print what they meet, and that may be a name
                env=_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the app
            )
        if self.killed:
            self.kill()
        self.receive(START_SECONDS, MEGABYTE, None)

    def send(self, value: object) -> None:
        connection = self._connection()
        connection.settimeout(START_SECONDS)
        wire.send(connection, value)

    def receive(self, seconds: float, max_bytes: int, cancelled: Callable[[], bool] | None) -> tuple[str, Any]:
        connection = self._connection()
        message = wire.receive(connection, wait=wire.deadline(connection, seconds, cancelled), max_bytes=max_bytes)
        if not (isinstance(message, list) and len(message) == 2 and isinstance(message[0], str)):
            raise wire.WireError("message")
        return message[0], message[1]

    def exit_code(self) -> int | None:
        """How the process ended; None if it has not."""
        if self.process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=5)
        return None

    def kill(self) -> None:
        self.killed = True
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if self.connection is not None:
            self.connection.close()

    def _connection(self) -> socket.socket:
        if self.connection is None or self.killed:
            raise EOFError
        return self.connection


def _kill_all(children: set[_Child]) -> None:
    for child in list(children):
        child.kill()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **one_thread, **KEEP_PAGES, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}


def _answered(value: Any, name: str, sandbox: Sandbox) -> Exception:
    """The exception for an error that the child reported; a `_Sound` one leaves the child in use."""
    kind = value.get("type")
    if kind == "MemoryError":
        return _out_of_memory(name, sandbox.memory_mb)
    if kind == "OutputError":
        return _too_large(name, sandbox.output_mb)
    if value.get("ours"):
        return _Sound(wire.error_of(value))
    log.info("the decoder of an upload raised %s at %s", kind, value.get("where"))
    return _crashed(name, str(kind))


def _died(code: int | None, name: str, sandbox: Sandbox) -> MedcoreError:
    if code is not None and -code == signal.SIGXCPU:
        return _timeout(name, sandbox.seconds)
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return _crashed(name, signal.Signals(-code).name)
    return _crashed(name, str(code))


def _timeout(name: str, seconds: float) -> MedcoreError:
    return DecodeTimeoutError(
        N_("Decoding “{name}” took longer than {seconds} s and was stopped."),
        hint=N_("The file may be damaged. If it is only large, raise MEDCORE_DECODE_SECONDS."),
        name=name,
        seconds=round(seconds, 1),
    )


def _out_of_memory(name: str, memory_mb: int) -> MedcoreError:
    return DecodeMemoryError(
        N_("Decoding “{name}” wanted more than {memory} MB of memory and was stopped."),
        hint=N_("The file may be damaged. If it is only large, raise MEDCORE_DECODE_MEMORY_MB."),
        name=name,
        memory=memory_mb,
    )


def _too_large(name: str, output_mb: int) -> MedcoreError:
    return TooLargeError(
        N_("“{name}” unpacks to more than {limit} MB."),
        hint=N_("Send fewer images at a time, or a part of this one."),
        name=name,
        limit=output_mb,
    )


def _crashed(name: str, reason: str) -> MedcoreError:
    return DecoderCrashedError(
        N_("The decoder failed on “{name}” ({reason!t}); nothing else was affected."),
        hint=N_("The file is probably damaged. Export it again from its source."),
        name=name,
        reason=reason,
    )


# --- in the child -----------------------------------------------------------------------------------------------


def serve() -> None:
    """The life of a child: limit itself, then answer calls until the parent is gone."""
    descriptor, memory_mb, seconds, output_mb = json.loads(sys.argv[2])
    _limit(memory_mb, output_mb)
    with socket.socket(fileno=descriptor) as connection:
        wire.send(connection, ["ready", None])
        while True:
            try:
                call = wire.receive(connection, wait=lambda: None)
            except (EOFError, OSError):
                return
            _limit_cpu(seconds)
            _answer(connection, call)
            del call


def _limit(memory_mb: int, output_mb: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, size in ((resource.RLIMIT_AS, memory_mb), (resource.RLIMIT_FSIZE, output_mb)):
        with contextlib.suppress(ValueError, OSError):  # macOS knows no address-space limit
            resource.setrlimit(kind, (size * MEGABYTE, size * MEGABYTE))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _limit_cpu(seconds: float) -> None:
    """Let the kernel stop a runaway child even if the app itself has died."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds * TOTAL_FACTOR) + 10
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(connection: socket.socket, call: Any) -> None:
    try:
        module, _, function = call["function"].partition(":")
        answer = getattr(importlib.import_module(module), function)(*call["arguments"])
        for item in answer if inspect.isgenerator(answer) else (answer,):
            wire.send(connection, ["item", item])
        wire.send(connection, ["end", None])
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  (native decoders raise panics that are no Exception)
        wire.send(connection, ["error", _described(error)])


def _described(error: BaseException) -> dict[str, object]:
    """An exception as plain facts; texts of foreign exceptions stay here, they may quote the file."""
    if isinstance(error, MedcoreError):
        return {"ours": True, **wire.describe(error)}
    if isinstance(error, OSError) and error.errno == 27:  # EFBIG: the answer passed RLIMIT_FSIZE
        return {"type": "OutputError"}
    where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
    return {"type": "MemoryError" if isinstance(error, MemoryError) else type(error).__name__, "where": where}
