"""Writes card.toml: the recipe's card section plus what training found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from medcore.cards import MaskPoint, ModelCard
from medcore.nn.training.recipe import Recipe

HEADER = "# Model card, written by training from recipe.toml; change the recipe, not this file.\n"


def card_text(recipe: Recipe, card: ModelCard, *, trained_on: str) -> str:
    """The text of card.toml.

    Args:
        card: With the digests, calibration, operating points, limits and gate that training found.
        trained_on: ISO date.
    """
    said = dict(recipe.card)
    labels = [
        {**entry, "threshold": label.threshold} for entry, label in zip(said.pop("labels"), card.labels, strict=True)
    ]
    contract = said.pop("input")
    plain: dict[str, Any] = {
        "task": recipe.task,
        "network": recipe.network,
        "sha256": card.sha256,
        "split_sha256": card.split_sha256,
        "trained_on": trained_on,
        "precision": "float32",
        "views": card.views,
        **said,
    }
    lines = [HEADER, *_pairs(plain), "", "[options]", *_pairs(recipe.network_options), "", "[input]", *_pairs(contract)]
    lines += ["", "[calibration]", f'method = "{recipe.options.calibration}"', *_calibration(card)]
    chosen = {"method": recipe.options.operating_point, "target": recipe.options.operating_target}
    lines += ["", "[operating_point]", *_pairs(chosen)]
    if card.conformal is not None:
        limits = card.conformal
        lines += ["", "[conformal]", f"coverage = {limits.coverage}"]
        lines += [f"positive_from = {limits.positive_from}", f"negative_to = {limits.negative_to}"]
    if card.familiarity is not None:
        gate = card.familiarity
        lines += ["", "[familiarity]", f"threshold = {gate.threshold}"]
        lines += [f"refused_validation = {gate.refused_validation}"]
        lines += [f'sha256 = "{gate.sha256}"'] if gate.sha256 else []
        for name, shares in (("refused", gate.refused), ("refused_unseen", gate.refused_unseen)):
            rows = [f"{json.dumps(k)} = {v}" for k, v in shares.items()]
            lines += ["", f"[familiarity.{name}]", *rows] if rows or name == "refused" else []
    if card.mask != MaskPoint():
        lines += ["", "[mask]", f"threshold = {card.mask.threshold}", f"least_area = {card.mask.least_area}"]
    for label in labels:
        lines += ["", "[[labels]]", *_pairs(label)]
    return "\n".join(lines) + "\n"


def _calibration(card: ModelCard) -> list[str]:
    if card.calibration.knots:
        return [f"knots = {[list(knot) for knot in card.calibration.knots]}"]
    return [f"slope = {card.calibration.slope:.6f}", f"offset = {card.calibration.offset:.6f}"]


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    """A TOML value; JSON strings, numbers, booleans and arrays of them are valid TOML."""
    if isinstance(value, list):
        return "[\n" + "".join(f"  {json.dumps(v, ensure_ascii=False)},\n" for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)
