"""Recipe: which preprocessing steps, with which settings, in which order; its TOML and JSON forms and its hash."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn, TypeAlias

from medcore.errors import N_, RecipeError

Setting: TypeAlias = bool | int | float | str

FORMAT = "medcore-recipe"
VERSION = 1  # of the form below
HEADER = "# MedCore recipe. Research and teaching; not a medical device.\n"
MAX_STEPS = 40
MAX_BYTES = 64 * 1024
_HINT = N_("A recipe is a TOML file with format, version and [[steps]]; download one from the page Prepare to see it.")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a step, as a slider or a chooser shows it.

    Args:
        id: Its name in a recipe.
        title: English, marked for translation.
        default: Its type (bool, int, float or str) is the type of every value.
        unit: "HU", "mm", "px", "%" or "" for a plain number.
        low: Smallest value of a number.
        high: Largest value of a number.
        step: What one notch of a slider changes.
        choices: Value to English title, for a text.
        explained: One sentence of help, marked for translation.
    """

    id: str
    title: str
    default: Setting
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    choices: Mapping[str, str] = field(default_factory=dict)
    explained: str = ""

    def checked(self, value: object, *, step: str) -> Setting:
        """The value in the parameter's own type; a whole number may stand for a float.

        Raises:
            RecipeError: It has another type, or lies outside of the range or the choices.
        """
        good = self._typed(value)
        if good is None:
            self._refuse(value, step)
        return good

    def _typed(self, value: object) -> Setting | None:
        """The value in the type of the default; None when it does not fit."""
        if isinstance(self.default, bool) or isinstance(value, bool):
            return value if isinstance(self.default, bool) and isinstance(value, bool) else None
        if isinstance(self.default, str):
            return value if isinstance(value, str) and value in self.choices else None
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            return None
        if isinstance(self.default, float):
            return float(value)
        return int(value) if value == int(value) else None

    def _refuse(self, value: object, step: str) -> NoReturn:
        values = {"step": step, "parameter": self.id, "value": str(value)[:40]}
        if self.choices:
            raise RecipeError(
                N_("{step}: {parameter} cannot be “{value}”."),
                hint=N_("Choose one of: {choices}."),
                choices=", ".join(self.choices),
                **values,
            )
        if isinstance(self.default, bool):
            raise RecipeError(N_("{step}: {parameter} cannot be “{value}”."), hint=N_("Write true or false."), **values)
        raise RecipeError(
            N_("{step}: {parameter} cannot be “{value}”."),
            hint=N_("Give a number from {low} to {high}.")
            if isinstance(self.default, float)
            else N_("Give a whole number from {low} to {high}."),
            low=f"{self.low:g}",
            high=f"{self.high:g}",
            **values,
        )


@dataclass(frozen=True, slots=True)
class RecipeStep:
    """One step as it shall be applied.

    Args:
        step: Id of the step, the name of its file in `medcore/imaging/steps/`.
        settings: By parameter; what is left out takes its default when the recipe is validated.
        version: Of the step's code; 0 until the recipe is validated.
    """

    step: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    version: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps in their order.

    Args:
        title: What to call it; no part of the hash.
    """

    steps: tuple[RecipeStep, ...] = ()
    title: str = ""

    @property
    def sha256(self) -> str:
        """Of the canonical JSON of form, steps, versions and settings: equal recipes have equal hashes."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @property
    def canonical(self) -> str:
        """One line of JSON with sorted names."""
        steps = [{"step": s.step, "version": s.version, "settings": dict(s.settings)} for s in self.steps]
        return json.dumps({"version": VERSION, "steps": steps}, sort_keys=True, separators=(",", ":"))


def as_toml(recipe: Recipe) -> str:
    """The recipe as a file for people and for `python -m medcore prepare --recipe`."""
    lines = [HEADER, f"format = {_toml(FORMAT)}", f"version = {VERSION}", f"title = {_toml(recipe.title)}"]
    for use in recipe.steps:
        lines += ["", "[[steps]]", f"step = {_toml(use.step)}", f"version = {use.version}"]
        lines += [f"{name} = {_toml(value)}" for name, value in use.settings.items()]
    return "\n".join(lines) + "\n"


def parsed(text: str) -> Recipe:
    """The recipe of a TOML file, or of the JSON object of the same form; its settings are not checked yet.

    Raises:
        RecipeError: It is neither, or not in this form.
    """
    if len(text.encode()) > MAX_BYTES:
        raise RecipeError(N_("The file is too long for a recipe."), hint=_HINT)
    try:
        table = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # both parsers' errors are ValueErrors
        raise RecipeError(
            N_("The recipe cannot be read: {reason}."), hint=_HINT, reason=str(error)[:200].rstrip(".")
        ) from error
    return _recipe(table)


def _recipe(table: Mapping[str, object]) -> Recipe:
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise RecipeError(N_("This file is not a MedCore recipe."), hint=_HINT)
    if table.get("version") != VERSION:
        raise RecipeError(
            N_("The recipe has version {version}; this MedCore reads version {known}."),
            hint=N_("Use the MedCore that wrote it, or write the recipe anew."),
            version=str(table.get("version"))[:20],
            known=VERSION,
        )
    unknown = sorted(set(table) - {"format", "version", "title", "steps", "sha256", "stamp"})
    if unknown:
        raise RecipeError(N_("A recipe has no entry “{name}”."), hint=_HINT, name=unknown[0][:40])
    steps, title = table.get("steps", []), table.get("title", "")
    if not isinstance(title, str) or not isinstance(steps, list) or len(steps) > MAX_STEPS:
        raise RecipeError(N_("The recipe's title or list of steps is not in order."), hint=_HINT)
    return Recipe(tuple(_step(entry, number) for number, entry in enumerate(steps, 1)), title[:120])


def _step(entry: object, number: int) -> RecipeStep:
    if not isinstance(entry, dict) or not isinstance(entry.get("step"), str):
        raise RecipeError(N_("Step {number} of the recipe does not say which step it is."), hint=_HINT, number=number)
    settings = {str(name): value for name, value in entry.items() if name not in {"step", "version", "settings"}}
    inner = entry.get("settings", {})  # the JSON form may keep them apart
    version = entry.get("version", 0)
    if not isinstance(inner, dict) or not isinstance(version, int):
        raise RecipeError(N_("Step {number} of the recipe does not say which step it is."), hint=_HINT, number=number)
    for name, value in (settings | inner).items():
        if not isinstance(value, bool | int | float | str):
            raise RecipeError(
                N_("{step}: {parameter} cannot be “{value}”."),
                hint=_HINT,
                step=entry["step"][:40],
                parameter=str(name)[:40],
                value=str(value)[:40],
            )
    return RecipeStep(entry["step"], settings | inner, version)


def _toml(value: Setting) -> str:
    """A TOML value; what JSON writes for text, numbers and truth is TOML too."""
    return json.dumps(value, ensure_ascii=False)
