"""Grad-CAM is what its paper says: a toy by hand, two independent implementations, and its invariances."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from medcore.nn.explainers import load_explainer
from medcore.nn.networks import CamNet, load_network

GRAD_CAM = load_explainer("grad_cam")


def with_last_layer(net: CamNet) -> CamNet:
    """Give the trunk a last module that captum can hook: the identity after the final ReLU."""
    net.trunk = nn.Sequential(net.trunk, nn.Identity())
    return net


def test_a_toy_of_two_maps_by_hand() -> None:
    net = CamNet(nn.Identity(), features=2, labels=1)
    net.head.weight.data = torch.tensor([[8.0, -4.0]])
    maps = torch.tensor([[[[1.0, 0.0], [0.0, 2.0]], [[0.0, 3.0], [1.0, 1.0]]]])
    heat = GRAD_CAM.explain(net, maps, maps, target=0)
    # weights 8/4 = 2 and -4/4 = -1: [[2·1, -1·3], [-1·1, 2·2 - 1·1]], negatives cut
    assert heat.tolist() == [[2.0, 0.0], [0.0, 3.0]]


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "vgg11_bn", "simple_cnn"])
def test_it_equals_captums_layer_grad_cam(name: str) -> None:
    torch.manual_seed(3)
    options = {"densenet121": {"growth": 8, "stem": 16}, "simple_cnn": {}}.get(name, {"width": 16})
    net = load_network(name).build(channels=1, labels=4, **options).eval()
    nn.init.normal_(list(net.parameters())[-2], std=0.3)
    net = with_last_layer(net)
    side = 28 if name == "simple_cnn" else 96
    image = torch.randn(1, 1, side, side)
    peaks = []
    for target in range(4):
        theirs = LayerGradCam(net, net.trunk[1]).attribute(image, target=target, relu_attributions=True)
        with torch.no_grad():
            ours = GRAD_CAM.explain(net, image, net.trunk(image), target=target)
        np.testing.assert_allclose(ours.numpy(), theirs[0, 0].detach().numpy(), rtol=1e-4, atol=1e-6)
        peaks.append(float(ours.max()))
    assert max(peaks) > 0  # not all were cut away


def test_without_the_cut_its_sum_is_the_logit_less_the_bias() -> None:
    torch.manual_seed(0)
    net = load_network("resnet18").build(channels=1, labels=2, width=8).eval()
    with torch.no_grad():
        net.head.weight[1].abs_()  # all weights positive: the cut removes nothing
        image = torch.randn(1, 1, 64, 64)
        maps = net.trunk(image)
        heat = GRAD_CAM.explain(net, image, maps, target=1)
        assert heat.sum() == pytest.approx(float(net.classify(maps)[0, 1] - net.head.bias[1]), rel=1e-5)


def test_it_does_not_run_the_trunk_again() -> None:
    net = load_network("resnet18").build(channels=1, labels=1, width=8).eval()
    image = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        maps = net.trunk(image)
    net.trunk.register_forward_hook(lambda *a: pytest.fail("the trunk ran"))
    GRAD_CAM.explain(net, image, maps, target=0)


@pytest.mark.parametrize("name", ["resnet18", "simple_cnn"])
def test_it_leaves_no_hook_and_no_gradient_behind_also_after_an_error(name: str) -> None:
    net = load_network(name).build(channels=1, labels=1).eval()
    side = 28 if name == "simple_cnn" else 64
    with torch.no_grad():
        maps = net.trunk(torch.randn(1, 1, side, side))
    GRAD_CAM.explain(net, maps, maps, target=0)
    with pytest.raises(IndexError):
        GRAD_CAM.explain(net, maps, maps, target=9)
    assert all(not m._forward_hooks and not m._backward_hooks for m in net.modules())
    assert all(p.grad is None for p in net.parameters())
