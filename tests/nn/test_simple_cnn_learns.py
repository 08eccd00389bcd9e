"""The teaching network leaves its plateau: small spots at any place are learnt within a hundred steps."""

import numpy as np
import torch

from medcore.nn.networks import load_network


def test_spots_on_noise_are_learnt_in_few_steps() -> None:
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    pictures = random.normal(0.4, 0.05, (64, 1, 28, 28)).astype(np.float32)
    ill = np.arange(64) % 2 == 1
    for i in np.flatnonzero(ill):
        row, column = random.integers(4, 18, 2)
        pictures[i, 0, row : row + 6, column : column + 6] += 0.3
    network = load_network("simple_cnn").build(channels=1, labels=1, width=8)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.002)
    x, truth = torch.from_numpy(pictures), torch.from_numpy(ill.astype(np.float32))
    for _ in range(100):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network.answer(x)[1][:, 0], truth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert float(loss.detach()) < 0.3
