"""Published weights start a network only when they are the pinned file; what fits is taken, grey from colours."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
import torchvision

from medcore.errors import CardError, WeightsError
from medcore.nn.networks import load_network
from medcore.nn.training import published
from medcore.nn.training.published import PUBLISHED, Published, start_from_imagenet

FILE = "resnet18-f37072fd.pth"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, torch.Tensor]]:
    """Puts random weights of torchvision's own ResNet-18 where the published ones would lie, and pins them."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()

    def put() -> dict[str, torch.Tensor]:
        torch.manual_seed(3)
        state = torchvision.models.resnet18(weights=None).state_dict()
        torch.save(state, tmp_path / "checkpoints" / FILE)
        digest = hashlib.sha256((tmp_path / "checkpoints" / FILE).read_bytes()).hexdigest()
        pinned = {"resnet18": Published("ResNet18_Weights.IMAGENET1K_V1", digest)}
        monkeypatch.setattr(published, "PUBLISHED", MappingProxyType(pinned))
        return dict(state)

    return put


@pytest.mark.parametrize("name", ["resnet18", "box_resnet18"])
def test_all_of_a_published_trunk_is_taken_over(kept: Callable[[], dict[str, torch.Tensor]], name: str) -> None:
    theirs = kept()
    network = load_network(name).build(channels=1, labels=1)
    count = start_from_imagenet(network, name)
    own = network.state_dict()
    prefix = "trunk.body." if name.startswith("box") else "trunk."
    assert count == len([key for key in theirs if not key.startswith("fc.")])
    assert torch.equal(own[prefix + "layer4.1.conv2.weight"], theirs["layer4.1.conv2.weight"])
    assert torch.allclose(own[prefix + "conv1.weight"], theirs["conv1.weight"].sum(dim=1, keepdim=True))


def test_another_width_and_another_network_are_refused(kept: Callable[[], dict[str, torch.Tensor]]) -> None:
    kept()
    with pytest.raises(CardError, match="simple_cnn"):
        start_from_imagenet(load_network("simple_cnn").build(channels=1, labels=1), "simple_cnn")


def test_a_file_that_is_not_the_pinned_one_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / FILE).write_bytes(b"cos\nsystem\n(S'true'\ntR.")  # a pickle that would run a command
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("opened"))
    with pytest.raises(WeightsError, match="not the published one"):
        start_from_imagenet(load_network("resnet18").build(channels=1, labels=1), "resnet18")


def test_without_a_network_it_says_where_to_put_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **named: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(WeightsError, match="no route to host") as error:
        start_from_imagenet(load_network("resnet18").build(channels=1, labels=1), "resnet18")
    assert str(tmp_path) in str(error.value.hint)


def test_each_pin_is_a_whole_digest_that_begins_as_the_file_is_named() -> None:
    for known in PUBLISHED.values():
        assert len(known.sha256) == 64
        assert f"-{known.sha256[:8]}.pth" in torchvision.models.get_weight(known.weights).url


def test_the_old_names_of_densenet_are_known() -> None:
    assert published._our_names("features.denseblock1.denselayer2.norm.1.weight")[0] == (
        "trunk.denseblock1.denselayer2.norm1.weight"
    )
    own = load_network("densenet121").build(channels=1, labels=1).state_dict()
    assert "trunk.denseblock1.denselayer2.norm1.weight" in own
