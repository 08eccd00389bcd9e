"""Which objective a network is trained for: masks, boxes, or whole pictures."""

from __future__ import annotations

from torch import nn

from medcore.nn.networks import CamNet, MaskNet
from medcore.nn.training.mask_objective import Segment
from medcore.nn.training.objectives import Classify, Detect, Objective
from medcore.nn.training.pictures import Pictures
from medcore.nn.training.recipe import Recipe
from medcore.tasks import Task


def objective_for(network: nn.Module, recipe: Recipe, pictures: Pictures, task: Task) -> Objective:
    """Segment for a network with a mask, Detect for one with a box head, else Classify."""
    if isinstance(network, MaskNet):
        return Segment(recipe, pictures, task)
    detector = isinstance(network, CamNet) and type(network).locate is not CamNet.locate
    return (Detect if detector else Classify)(recipe, pictures, task)
