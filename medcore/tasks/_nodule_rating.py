"""The suspicion rating of a nodule: a linear model on what it looks like, kept beside the network's weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from medcore.cards import RATING_FILE, ModelCard, rating_bytes
from medcore.errors import N_, WeightsError


@dataclass(frozen=True, slots=True)
class Rating:
    """Logistic regression.

    Args:
        features: Names, as in medcore/imaging/nodules/looks.py.
        mean, spread: Of each feature in training.
        weight: Of each standardised feature.
        offset: The logit of an average nodule.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]
    offset: float

    def rate(self, looks: Mapping[str, float]) -> float:
        """0..1: how likely a radiologist would call it malignant from its look; never a probability of cancer."""
        logit = self.offset + sum(self.parts(looks).values())
        return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))

    def parts(self, looks: Mapping[str, float]) -> Mapping[str, float]:
        """What each feature adds to the logit; values far outside of training count as 3 spreads."""
        rows = zip(self.features, self.mean, self.spread, self.weight, strict=True)
        return {name: w * max(-3.0, min(3.0, (looks[name] - m) / s)) for name, m, s, w in rows}


def load_rating(card: ModelCard) -> Rating | None:
    """The rating that belongs to a card; None where the card names none.

    Raises:
        WeightsError: The file is missing, or not the one the card was written for.
    """
    if not card.rating_sha256:
        return None
    try:
        table = json.loads(rating_bytes(card))
        mean, spread, weight = (tuple(map(float, table[name])) for name in ("mean", "spread", "weight"))
        return Rating(tuple(map(str, table["features"])), mean, spread, weight, float(table["offset"]))
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            N_("The suspicion rating of {model} is missing or is not the one its card was written for."),
            hint=N_("Restore models/{model}/{file} from the release."),
            model=card.id,
            file=RATING_FILE,
        ) from error
