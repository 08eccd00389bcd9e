"""The recipe in the making: steps added, moved, removed and set, with undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from medcore.recipes import Recipe, RecipeStep, Setting

REMEMBERED = 60  # changes that can be undone


@dataclass(frozen=True, slots=True)
class Entry:
    """One step; `key` stays with it wherever it is moved, so that its sliders stay too."""

    key: int
    use: RecipeStep


@dataclass(frozen=True, slots=True)
class Shape:
    """The recipe at one moment."""

    entries: tuple[Entry, ...] = ()
    title: str = ""


@dataclass(slots=True)
class Draft:
    """A recipe that is being edited.

    Args:
        shape: As it is now.
        past: As it was before each change, the latest last.
        epoch: Grows with each change that came from elsewhere than the step's own sliders, which then begin anew.
        loads: Number of recipe files loaded; a new number gives a fresh, empty upload.
        looked_at: The region that was shown by itself when it was found.
    """

    shape: Shape = field(default_factory=Shape)
    past: list[Shape] = field(default_factory=list)
    epoch: int = 0
    loads: int = 0
    looked_at: int = 0
    _keys: int = 0

    @property
    def recipe(self) -> Recipe:
        """The recipe as it is now."""
        return Recipe(tuple(entry.use for entry in self.shape.entries), self.shape.title)

    def load(self, recipe: Recipe) -> None:
        """Begin with another recipe."""
        self._change(Shape(tuple(self._entry(use) for use in recipe.steps), recipe.title))
        self.epoch += 1

    def add(self, step: str, settings: Mapping[str, Setting]) -> None:
        """Put a step at the end."""
        entry = self._entry(RecipeStep(step, settings))
        self._change(replace(self.shape, entries=(*self.shape.entries, entry)))

    def remove(self, key: int) -> None:
        """Take a step out."""
        self._change(replace(self.shape, entries=tuple(e for e in self.shape.entries if e.key != key)))

    def move(self, key: int, by: int) -> None:
        """Let a step come earlier (-1) or later (+1)."""
        entries = list(self.shape.entries)
        old = next(place for place, entry in enumerate(entries) if entry.key == key)
        new = old + by
        if 0 <= new < len(entries):
            entries.insert(new, entries.pop(old))
            self._change(replace(self.shape, entries=tuple(entries)))

    def set(self, key: int, name: str, value: Setting) -> None:
        """Change one setting of a step."""
        self._change(replace(self.shape, entries=tuple(_changed(e, key, name, value) for e in self.shape.entries)))

    def rename(self, title: str) -> None:
        """Call the recipe something else."""
        self._change(replace(self.shape, title=title))

    def undo(self) -> None:
        """Take the latest change back."""
        if self.past:
            self.shape = self.past.pop()
            self.epoch += 1

    def _entry(self, use: RecipeStep) -> Entry:
        self._keys += 1
        return Entry(self._keys, use)

    def _change(self, shape: Shape) -> None:
        if shape != self.shape:
            self.past = [*self.past, self.shape][-REMEMBERED:]
            self.shape = shape


def _changed(entry: Entry, key: int, name: str, value: Setting) -> Entry:
    if entry.key != key:
        return entry
    return replace(entry, use=replace(entry.use, settings={**entry.use.settings, name: value}))
