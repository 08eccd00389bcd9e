"""Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): feature maps weighted by the label's mean gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from medcore.errors import N_
from medcore.nn.explainers import Explainer
from medcore.nn.networks import CamNet


class GradCam(Explainer):
    """Weighs each feature map by how much the label's logit grows with it, and keeps what is positive."""

    title = N_("Grad-CAM")
    needs_input = False

    def explain(self, network: CamNet, image: Tensor, maps: Tensor, *, target: int) -> Tensor:
        """ReLU of the weighted sum (eq. 2); its mean share of the logit is the sum over the map."""
        del image
        weights = _weights(network, maps, target)  # eq. 1
        return torch.einsum("k,khw->hw", weights, maps[0]).relu()


def _weights(network: CamNet, maps: Tensor, target: int) -> Tensor:
    """Mean gradient of the logit over each map (K,).

    Behind a global average pooling and a linear layer the gradient is the same everywhere: the layer's weight
    over the number of pixels, so no backward pass is needed (section 3.1). Any other head is differentiated
    alone; the trunk is not run again.
    """
    linear = network.linear_head()
    pixels = maps.shape[2] * maps.shape[3]
    if linear is not None:
        return linear.weight[target].detach().to(maps.dtype) / pixels
    with torch.enable_grad():
        leaf = maps.detach().clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(network.classify(leaf)[0, target], leaf)
    return gradient[0].mean(dim=(1, 2))


EXPLAINER = GradCam()
