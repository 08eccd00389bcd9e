"""Makes small model folders with random weights, so that tests need no shipped model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import safetensors.torch
import torch

from medcore.cards import ModelCard, load_card
from medcore.nn.networks import load_network

CARD = """
title = "Test {network}"
task = "{task}"
network = "{network}"
version = "1"
sha256 = "{digest}"
summary = "A random network."
intended_use = "Tests."
training_data = []
limits = ["Knows nothing."]
licence = "Apache-2.0"
attribution = []

[options]
{options}

[input]
modalities = ["DX", "CR", "RG", ""]
body_parts = ["CHEST", ""]
views = ["PA", "AP", ""]
channels = {channels}
size = {size}
min_pixels = 32

[calibration]
slope = {slope}
offset = {offset}

[[labels]]
id = "pneumonia"
title = "Pneumonia-like opacity"
threshold = 0.4
"""


def make_model(
    models: Path,
    *,
    network: str = "resnet18",
    name: str = "",
    channels: int = 1,
    size: int = 64,
    seed: int = 0,
    slope: float = 1.0,
    offset: float = 0.0,
    **options: int,
) -> ModelCard:
    """Write models/<name>/ with random weights and return its card."""
    folder = models / (name or f"test-{network}")
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    net = load_network(network).build(channels=channels, labels=1, **options)
    torch.nn.init.normal_(list(net.parameters())[-2], std=0.5)  # so that the maps say something
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    safetensors.torch.save_file(net.state_dict(), folder / "weights.safetensors")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    text = CARD.format(
        network=network,
        task="chest_xray",
        digest=digest,
        channels=channels,
        size=size,
        slope=slope,
        offset=offset,
        options="\n".join(f"{k} = {v}" for k, v in options.items()),
    )
    (folder / "card.toml").write_text(text, encoding="utf-8")
    return load_card(folder)
