"""The latest answers to questions that are slow to answer, for all sessions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

A = TypeVar("A")


class Recent(Generic[A]):
    """Keeps as many answers as it is told to. May be used from many threads; two may ask the same at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, A] = OrderedDict()

    def get(self, key: Hashable, ask: Callable[[], A]) -> A:
        """The answer of this key, asked for if it is not known."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = ask()
        with self._lock:
            self._known[key] = found
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return found
