"""Every network of the catalogue keeps the promises that Grad-CAM and training rely on."""

import pytest
import torch
import torchvision

from medcore.nn.networks import CamNet, load_networks, skip_blocks

NETWORKS = load_networks()
SMALL = {
    "resnet18": {"width": 8},
    "resnet50": {"width": 8},
    "densenet121": {"growth": 4, "stem": 8},
    "vgg11_bn": {"width": 8},
    "box_resnet18": {"width": 8, "features": 8},
    "efficientnet_b0": {"width": 0.25, "depth": 0.5},
    "convnext_tiny": {"width": 8, "depth": 1},
    "vit_small": {"width": 24, "depth": 2},
    "patch_resnet": {"width": 8},
    "unet": {"width": 8},
    "segresnet": {"width": 8},
    "retina_resnet50": {"width": 8, "pyramid": 16, "first": 1, "second": 2},
}


def build(name: str, channels: int = 1, labels: int = 2) -> CamNet:
    torch.manual_seed(0)
    return NETWORKS[name].build(channels=channels, labels=labels, **SMALL.get(name, {})).eval()


def images(name: str, channels: int = 1, count: int = 2) -> torch.Tensor:
    sides = (
        (32, 32, 32)
        if NETWORKS[name].multiple == 16
        else (24, 24, 24)
        if NETWORKS[name].axes == 3
        else (28, 28)
        if name == "simple_cnn"
        else (96, 96)
    )
    return torch.randn(count, channels, *sides, generator=torch.Generator().manual_seed(1))


def test_the_catalogue_holds_the_promised_networks() -> None:
    assert set(NETWORKS) == {*SMALL, "simple_cnn"}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_takes_one_or_three_channels_and_gives_a_logit_per_label(name: str, channels: int) -> None:
    assert build(name, channels=channels, labels=5)(images(name, channels)).shape == (2, 5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answer_is_the_head_applied_to_the_trunk(name: str) -> None:
    net, batch = build(name), images(name)
    assert torch.equal(net.classify(net.trunk(batch)), net(batch))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_trunk_ends_after_a_relu(name: str) -> None:
    maps = build(name).trunk(images(name))
    assert maps.min() == 0
    assert maps.max() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_no_relu_works_in_place_and_each_is_used_once(name: str) -> None:
    net = build(name)
    calls: dict[torch.nn.Module, int] = {}
    for module in net.modules():
        if isinstance(module, torch.nn.ReLU):
            assert not module.inplace
            module.register_forward_hook(lambda m, i, o: calls.update({m: calls.get(m, 0) + 1}))
    net(images(name))
    assert calls
    assert set(calls.values()) == {1}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_receives_a_gradient(name: str) -> None:
    net = build(name).train()
    _, logits, dense = net.answer(images(name, count=4))
    (logits.sum() + (0 if dense is None else dense.sum())).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize(("name", "reference"), [("resnet18", "resnet18"), ("resnet50", "resnet50")])
def test_a_residual_network_computes_what_torchvision_computes(name: str, reference: str) -> None:
    theirs = torchvision.models.get_model(reference, weights=None).eval()
    ours = NETWORKS[name].build(channels=3, labels=1000).eval()
    state = theirs.state_dict()
    trunk = {k: v for k, v in state.items() if not k.startswith("fc.")}
    ours.trunk.load_state_dict(trunk)
    ours.head.load_state_dict({"weight": state["fc.weight"], "bias": state["fc.bias"]})
    batch = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(batch), theirs(batch), rtol=1e-4, atol=1e-5)


def test_the_dense_network_computes_what_torchvision_computes() -> None:
    theirs = torchvision.models.densenet121(weights=None, num_classes=7).eval()
    ours = NETWORKS["densenet121"].build(channels=3, labels=7).eval()
    state = theirs.state_dict()
    ours.trunk.load_state_dict({k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")})
    ours.head.load_state_dict({"weight": state["classifier.weight"], "bias": state["classifier.bias"]})
    batch = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(batch), theirs(batch), rtol=1e-4, atol=1e-5)


def test_a_detector_gives_each_cell_a_logit_and_four_positive_distances() -> None:
    net = build("box_resnet18", labels=1)
    dense = net.locate(net.trunk(images("box_resnet18")))
    assert dense is not None
    assert dense.shape == (2, 5, 12, 12)
    assert (dense[:, 1:] > 0).all()


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_b0", "convnext_tiny", "vit_small"])
def test_skipped_blocks_change_training_and_never_the_answer(name: str) -> None:
    net = build(name)
    before = net(images(name))
    skip_blocks(net, 0.9)
    assert torch.equal(net(images(name)), before)
    assert "skip" not in "".join(net.state_dict())
    net.train()
    assert not torch.equal(net.trunk(images(name)), net.trunk(images(name)))


@pytest.mark.parametrize("side", [64, 112])
def test_a_transformer_takes_any_size_that_its_patch_divides(side: int) -> None:
    net = build("vit_small")
    assert net(torch.zeros(1, 1, side, side)).shape == (1, 2)


def test_only_the_best_places_decide_and_grad_cam_weighs_the_maps_alike() -> None:
    network = NETWORKS["resnet18"].build(channels=1, labels=2, width=8, top_cells=3)
    maps = torch.rand(2, 64, 5, 5)
    with torch.inference_mode():
        cells = torch.einsum("nkhw,lk->nlhw", maps, network.linear_head().weight) + 0  # the bias starts at 0
        torch.testing.assert_close(network.classify(maps), cells.flatten(2).sort(dim=2).values[:, :, -3:].mean(dim=2))
    leaf = maps.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network.classify(leaf)[0, 1], leaf)
    torch.testing.assert_close(gradient[0].mean(dim=(1, 2)), network.linear_head().weight[1] / 25)


def test_a_unet_says_something_of_each_pixel_and_its_head_reads_the_coarsest_maps() -> None:
    net, batch = build("unet", labels=4), images("unet")
    maps, logits, dense = net.answer(batch)
    assert dense is not None
    assert dense.shape == (2, 1, 96, 96)
    assert maps.shape[2:] == (3, 3)
    assert torch.equal(logits, net(batch))
