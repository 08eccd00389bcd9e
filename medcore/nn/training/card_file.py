"""Writes card.toml: the recipe's card section plus what training found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from medcore.cards import Calibration
from medcore.nn.training.recipe import Recipe

HEADER = "# Model card, written by training from recipe.toml; change the recipe, not this file.\n"


def card_text(recipe: Recipe, *, sha256: str, calibration: Calibration, threshold: float, trained_on: str) -> str:
    """The text of card.toml.

    Args:
        sha256: Of the weight file.
        calibration: Fitted on the validation split.
        threshold: Operating point on the calibrated probability, chosen on the validation split.
        trained_on: ISO date.
    """
    card = dict(recipe.card)
    labels = [{**entry, "threshold": threshold} for entry in card.pop("labels")]
    contract = card.pop("input")
    plain: dict[str, Any] = {
        "task": recipe.task,
        "network": recipe.network,
        "sha256": sha256,
        "trained_on": trained_on,
        "precision": "float32",
        **card,
    }
    lines = [HEADER, *_pairs(plain), "", "[options]", *_pairs(recipe.options), "", "[input]", *_pairs(contract)]
    lines += ["", "[calibration]", f"slope = {calibration.slope:.6f}", f"offset = {calibration.offset:.6f}"]
    for label in labels:
        lines += ["", "[[labels]]", *_pairs(label)]
    return "\n".join(lines) + "\n"


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    """A TOML value; JSON strings, numbers, booleans and arrays of them are valid TOML."""
    if isinstance(value, list):
        return "[\n" + "".join(f"  {json.dumps(v, ensure_ascii=False)},\n" for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)
