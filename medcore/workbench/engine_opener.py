"""Opens the engine when it is first needed: importing torch takes seconds, and most visits need no network."""

from __future__ import annotations

import threading

from medcore.engine import Engine
from medcore.settings import Settings


class EngineOpener:
    """Calling it gives the one engine of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    @property
    def opened(self) -> Engine | None:
        """The engine if it is open already."""
        return self._engine

    def __call__(self) -> Engine:
        """The engine; the first call loads torch, and callers that come meanwhile wait for it.

        Raises:
            DeviceError: The device of the settings is absent.
        """
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    from medcore.nn.torch_engine import open_engine

                    self._engine = open_engine(self._settings)
        return self._engine
