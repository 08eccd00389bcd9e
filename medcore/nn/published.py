"""Published weights made our own: a checked download becomes a model folder with safetensors and a card."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import safetensors.torch
import torch

from medcore.cards import CARD_FILE, WEIGHTS_FILE, load_card
from medcore.errors import N_, WeightsError
from medcore.nn.networks import load_network

KNOWN_SUMS = ("sha256", "sha1", "md5")  # what publishers print beside a download
MOST_BYTES = 2 * 1024**3  # of a weight file inside a bundle
LEVELS = 2  # the last step up of MONAI's SegResNet, counted from 0


@dataclass(frozen=True, slots=True)
class Published:
    """What a card's [published] table says of a download.

    Args:
        names: Which renaming its tensors need ("monai_segresnet").
        member: Path of the weight file inside a zip bundle.
        sums: Check sums of the files that are taken, "sha1:…" as the publisher prints them.
    """

    names: str
    member: str
    sums: tuple[str, ...]


def install_published(template: Path, source: Path, models: Path) -> Path:
    """Make models/<id>/ from a card template and a downloaded file; gives the new folder.

    Args:
        template: Folder of the card, named like the model; its `sha256` is written anew.
        source: The downloaded zip bundle, or its weight file alone.

    Raises:
        WeightsError: The file is not the published one, holds more than tensors, or does not fit the network.
        CardError: The template is damaged.
    """
    text = (template / CARD_FILE).read_text(encoding="utf-8")
    table = tomllib.loads(text)
    told = table["published"]
    published = Published(str(told["names"]), str(told["member"]), tuple(map(str, told["sums"])))
    check_sum(source, published.sums)
    weights = renamed(tensors(source, published.member), published.names, labels=len(table["labels"]))
    folder = models / template.name
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    safetensors.torch.save_file(weights, partial / WEIGHTS_FILE)
    digest = hashlib.sha256((partial / WEIGHTS_FILE).read_bytes()).hexdigest()
    written = re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', text, count=1, flags=re.MULTILINE)
    (partial / CARD_FILE).write_text(written, encoding="utf-8")
    _fits(partial, weights)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder


def check_sum(source: Path, sums: tuple[str, ...]) -> None:
    """Check that a file is one of those published.

    Raises:
        WeightsError: No sum is that of the file.
    """
    try:
        with source.open("rb") as file:
            found = {kind: _digest(file, kind) for kind in KNOWN_SUMS}
    except OSError as error:
        raise WeightsError(N_("{file} cannot be read."), file=source.name) from error
    known = [text.partition(":")[::2] for text in sums]
    if not any(found.get(kind) == value.lower() for kind, value in known):
        raise WeightsError(
            N_("{file} is not the published file: its SHA-256 is {digest}…, and no known sum fits."),
            hint=N_("Download it again from the address in the card."),
            file=source.name,
            digest=found["sha256"][:12],
        )


def tensors(source: Path, member: str) -> dict[str, torch.Tensor]:
    """The tensors of a weight file, or of one inside a zip bundle; nothing but tensors is unpickled.

    Raises:
        WeightsError: It cannot be read as such.
    """
    try:
        loaded = torch.load(_opened(source, member), map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip raise nearly anything on a damaged file
        raise WeightsError(
            N_("{file} holds no plain tensors."), hint=N_("Only a state dictionary is read."), file=source.name
        ) from error
    found = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    if not found or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise WeightsError(
            N_("{file} holds no plain tensors."), hint=N_("Only a state dictionary is read."), file=source.name
        )
    return {str(name): value for name, value in found.items()}


def renamed(weights: Mapping[str, torch.Tensor], names: str, *, labels: int) -> dict[str, torch.Tensor]:
    """Published tensors under the names of our network, float32.

    Raises:
        WeightsError: A name is unknown.
    """
    if names not in RENAMING:
        raise WeightsError(N_("No renaming is called “{names}”."), names=names)
    ours = {
        RENAMING[names](name): (value.float() if value.is_floating_point() else value).contiguous()
        for name, value in weights.items()
    }
    width = max((value.shape[0] for value in ours.values() if value.ndim), default=0)
    return {**ours, "head.weight": torch.zeros(labels, width), "head.bias": torch.zeros(labels)}


def _monai_segresnet(name: str) -> str:
    """The name of one tensor of MONAI's SegResNet in ours."""
    if name.startswith("convInit.conv."):
        return name.replace("convInit.conv.", "trunk.stem.")
    if found := re.match(r"down_layers\.(\d)\.0\.conv\.(\w+)$", name):
        return f"trunk.steps.{int(found[1]) - 1}.{found[2]}"
    if found := re.match(r"down_layers\.(\d)\.(\d)\.(\w+)\.(?:conv\.)?(\w+)$", name):
        return f"trunk.levels.{found[1]}.{int(found[2]) - 1}.{found[3]}.{found[4]}"
    if found := re.match(r"up_samples\.(\d)\.0\.conv\.(\w+)$", name):
        return f"narrow.{LEVELS - int(found[1])}.{found[2]}"
    if found := re.match(r"up_layers\.(\d)\.0\.(\w+)\.(?:conv\.)?(\w+)$", name):
        return f"blend.{LEVELS - int(found[1])}.{found[2]}.{found[3]}"
    if found := re.match(r"conv_final\.(0|2\.conv)\.(\w+)$", name):
        return f"{'norm' if found[1] == '0' else 'last'}.{found[2]}"
    raise WeightsError(N_("The published network has a tensor “{name}” that is not known."), name=name[:60])


def _monai_retinanet(name: str) -> str:
    """The name of one tensor of MONAI's RetinaNet on a ResNet with a pyramid in ours."""
    for theirs, ours in RETINA_PARTS.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    raise WeightsError(N_("The published network has a tensor “{name}” that is not known."), name=name[:60])


RETINA_PARTS = {
    "feature_extractor.body.": "trunk.",
    "feature_extractor.fpn.inner_blocks.": "side.",
    "feature_extractor.fpn.layer_blocks.": "smooth.",
    "classification_head.conv.": "finding.",
    "classification_head.cls_logits.": "finding_last.",
    "regression_head.conv.": "edges.",
    "regression_head.bbox_reg.": "edges_last.",
}
RENAMING: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"monai_segresnet": _monai_segresnet, "monai_retinanet": _monai_retinanet}
)


def _digest(file: io.BufferedReader, kind: str) -> str:
    file.seek(0)
    return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def _opened(source: Path, member: str) -> Path | io.BytesIO:
    """The weight file: the source itself, or the member of a bundle (a .pt is a zip too, without that member)."""
    if not zipfile.is_zipfile(source):
        return source
    with zipfile.ZipFile(source) as bundle:
        inside = [info for info in bundle.infolist() if info.filename.endswith(member)]
        if not inside:
            return source
        if inside[0].file_size > MOST_BYTES:
            raise WeightsError(N_("{file} holds no plain tensors."), file=source.name)
        return io.BytesIO(bundle.read(inside[0]))


def _fits(folder: Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Check that the card's network takes these tensors, all of them and no other."""
    card = load_card(folder)
    with torch.device("meta"):
        network = load_network(card.network).build(
            channels=card.contract.channels, labels=len(card.labels), **card.options
        )
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if wanted != {name: tuple(value.shape) for name, value in weights.items()}:
        shutil.rmtree(folder, ignore_errors=True)
        raise WeightsError(
            N_("The weights of {model} do not fit its network {network}."), model=card.title, network=card.network
        )
