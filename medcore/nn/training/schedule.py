"""The learning rate over a training."""

from __future__ import annotations

import math

from medcore.nn.training.recipe import Recipe, Stage

WARM_UP = 0.05  # share of a stage
LEAST = 0.01  # of the stage's rate, at its end


def rate(stage: Stage, progress: float) -> float:
    """Linear warm-up over the first 5 % of a stage, then half a cosine down to 1 %.

    Args:
        progress: Share of the stage that is done, 0..1.
    """
    rising = min(1.0, progress / WARM_UP + WARM_UP)
    falling = (1 + LEAST) / 2 + (1 - LEAST) / 2 * math.cos(math.pi * progress)
    return stage.learning_rate * rising * falling


def rates(recipe: Recipe) -> tuple[float, ...]:
    """The rate in the middle of each epoch."""
    return tuple(rate(stage, (i + 0.5) / stage.epochs) for stage in recipe.stages for i in range(stage.epochs))
