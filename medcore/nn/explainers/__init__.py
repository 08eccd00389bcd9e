"""Explanation methods: each file says where in the image a network found evidence for one label."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor

from medcore.nn.networks import CamNet
from medcore.registry import load_entries, load_entry


class Explainer(ABC):
    """One explanation method. A subclass is one file; its last line is `EXPLAINER = ...`."""

    title: str  # marked with N_
    needs_input: bool  # False: the feature maps of the prediction's own pass are enough

    @property
    def id(self) -> str:
        """The file's name."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def explain(self, network: CamNet, image: Tensor, maps: Tensor, *, target: int) -> Tensor:
        """Evidence for one label.

        Args:
            network: In evaluation mode.
            image: (1, C, H, W), the network's input.
            maps: (1, K, h, w), the trunk's output for this image.
            target: Number of the label.

        Returns:
            (h, w), not negative, in units of the label's logit.
        """


def load_explainer(name: str) -> Explainer:
    """The explanation method of this id.

    Raises:
        UnknownNameError: There is none.
    """
    return load_entry(sys.modules[__name__], name, "EXPLAINER", Explainer)


def load_explainers() -> Mapping[str, Explainer]:
    """All explanation methods by id."""
    return load_entries(sys.modules[__name__], "EXPLAINER", Explainer)
