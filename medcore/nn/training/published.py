"""Published ImageNet weights as a start, known by their whole SHA-256 before a byte of them is read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
import torchvision
from torch import Tensor

from medcore.errors import N_, CardError, WeightsError
from medcore.nn.networks import CamNet

IMAGENET = "imagenet"  # of the option start_from
OLD_DENSE_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$")


@dataclass(frozen=True, slots=True)
class Published:
    """A file of torchvision's weights: which of them, and its digest."""

    weights: str
    sha256: str


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "resnet18": Published(
            "ResNet18_Weights.IMAGENET1K_V1", "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"
        ),
        "resnet50": Published(
            "ResNet50_Weights.IMAGENET1K_V1", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"
        ),
        "densenet121": Published(
            "DenseNet121_Weights.IMAGENET1K_V1", "a639ec97d7c33b07ae66f0b5fb7d0192f95a3b11b7576c66c0126c2a727c4395"
        ),
        "convnext_tiny": Published(
            "ConvNeXt_Tiny_Weights.IMAGENET1K_V1", "983f1562536e84ff750a1576fb08e54de751dbf2e17c0d8a4a13704341fdcd3d"
        ),
    }
)


def start_from_imagenet(network: CamNet, architecture: str) -> int:
    """Take over what fits of the published trunk; colours are added up where the network sees grey.

    Returns:
        The number of tensors taken.

    Raises:
        CardError: No weights are pinned for this network, or nothing of them fits (another width).
        WeightsError: They are not here and cannot be fetched, or are not the pinned ones.
    """
    known = PUBLISHED.get(architecture.removeprefix("box_"))
    if known is None:
        raise CardError(
            N_("There are no published weights for the network {network}."),
            hint=N_("They are known for: {known}. Or start from another model here."),
            network=architecture,
            known=", ".join(PUBLISHED),
        )
    # torch's own format is a pickle: it is opened only with the pinned digest, and only tensors are let through.
    theirs: Mapping[str, Tensor] = torch.load(_fetched(known), map_location="cpu", weights_only=True)
    own = network.state_dict()
    fitting: dict[str, Tensor] = {}
    for name, value in theirs.items():
        for ours in _our_names(name):
            tensor = _in_grey(value, own[ours]) if ours in own else value
            if ours in own and own[ours].shape == tensor.shape:
                fitting[ours] = tensor
    if not fitting:
        raise CardError(
            N_("Nothing of the model {model} fits the network to train."),
            hint=N_("Start from a model of the same network and width."),
            model=IMAGENET,
        )
    network.load_state_dict({**own, **fitting})
    return len(fitting)


def _our_names(name: str) -> tuple[str, ...]:
    """Where a tensor of torchvision's network may stand in ours; a detector carries its trunk one level deeper."""
    plain = name.removeprefix("features.")
    old = OLD_DENSE_NAME.match(plain)
    plain = old.group(1) + old.group(2) if old else plain
    return f"trunk.{plain}", f"trunk.body.{plain}"


def _in_grey(value: Tensor, own: Tensor) -> Tensor:
    one_channel = value.ndim == 4 and value.shape[1] == 3 and own.ndim == 4 and own.shape[1] == 1
    return value.sum(dim=1, keepdim=True) if one_channel else value


def _fetched(known: Published) -> Path:
    """The file, fetched if it is not in torch's own folder yet."""
    address: str = torchvision.models.get_weight(known.weights).url
    path = Path(torch.hub.get_dir()) / "checkpoints" / address.rpartition("/")[2]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(address, str(path), hash_prefix=known.sha256, progress=False)
        except (OSError, RuntimeError) as error:
            raise WeightsError(
                N_("The published weights {name} are not here and cannot be fetched ({reason})."),
                hint=N_("Put the file into {folder}, or start from another model here."),
                name=path.name,
                reason=str(error),
                folder=str(path.parent),
            ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != known.sha256:
        raise WeightsError(
            N_("The file {name} is not the published one (SHA-256 {digest}… instead of {expected}…)."),
            hint=N_("Do not use it. Delete it and fetch it again."),
            name=path.name,
            digest=digest[:12],
            expected=known.sha256[:12],
        )
    return path
