"""A brain of four sequences outlined window by window, against MONAI's sliding window at half overlap, one thread.

The network is a SegResNet of width 8 that this script first trains on computed brains (`--weights FILE` keeps it):
with random weights a mask is noise and says nothing about seams, and after few steps nearly so. It learns at voxels of
2 mm in windows of 48, first mostly with a part of a tumour, then from anywhere in the picture as both sides place
theirs: its group norms then know windows that are half empty, which is what the two sides differ in. Width 16, as
published, costs both sides four times as much. `--shrink 2` is the quick case: voxels of 2 mm, 120×120×77, windows of
48. `--overlap` is the least share that our neighbouring windows have in common.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from monai.inferers.utils import sliding_window_inference
from numpy import float32
from numpy.typing import NDArray
from torch import nn

from medcore.engine import Output
from medcore.errors import Message
from medcore.imaging.head_grid import standardise
from medcore.nn.networks.segresnet import NETWORK, SegResNet
from medcore.tasks._windows import OVERLAP, plan_windows, slide

SHAPE = (240, 240, 155)
SIDE = 96
RARE, AIMED = -3.0, 0.6  # logit of any voxel before training; part of the training that looks at tumours above all
PROMISE_BARE, PROMISE_TIME, PROMISE_DICE, PROMISE_MB = 1.2, 0.35, 0.99, 600


def brain(seed: int, shrink: int) -> tuple[NDArray[float32], NDArray[float32]]:
    """(4, x, y, z) standardised and (3, x, y, z) truth: a brain of 1.4 litres with a tumour of three parts.

    Args:
        shrink: Side of a voxel in mm; 2 makes all of it eight times cheaper.
    """
    shape = tuple(n // shrink for n in SHAPE)
    random = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(*(np.arange(n) - n / 2 for n in shape), indexing="ij")).astype(float32) * float32(shrink)
    inside = np.sqrt((at[0] / 68) ** 2 + (at[1] / 84) ** 2 + (at[2] / 62) ** 2) <= 1
    centre = random.uniform(-30, 30, size=3)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    stretch = random.uniform(0.7, 1.3, size=(3, 1, 1, 1))
    near = np.tensordot(turn, at - centre[:, None, None, None], axes=1) / stretch
    away = np.sqrt((near**2).sum(axis=0)) + 2 * np.sin(at[0] / 5) * np.sin(at[1] / 6) * np.sin(at[2] / 4)
    least = random.uniform(10, 16)
    ring, core, whole = (away < least + more for more in (0.0, random.uniform(3, 7), random.uniform(9, 16)))
    truth = np.stack([core, whole, ring]) & inside
    folds = 8 * np.sin(at[0] / 6) * np.sin(at[1] / 7) * np.sin(at[2] / 5)
    image = np.stack([100 + folds + 60 * ring, 100 + folds - 45 * core, 100 - folds + 45 * whole,
                      100 + folds + 50 * whole]).astype(float32)  # fmt: skip
    image += random.normal(scale=4, size=image.shape).astype(float32)
    image *= inside
    for one in image:
        standardise(one)
    return image, truth.astype(float32)


def trained(steps: int) -> SegResNet:
    """A small network that outlines such brains, trained at voxels of 2 mm."""
    torch.manual_seed(0)
    network = NETWORK.build(channels=4, labels=3, width=8)
    assert network.last.bias is not None
    nn.init.constant_(network.last.bias, RARE)
    rule = torch.optim.AdamW(network.parameters(), lr=3e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(rule, max_lr=6e-3, total_steps=steps)
    random, brains, side = np.random.default_rng(0), [brain(seed, 2) for seed in range(1, 13)], SIDE // 2
    last: list[float] = []
    for step in range(steps):
        image, truth = brains[random.integers(len(brains))]
        low = _corner(truth, side, random, tumour=step < AIMED * steps and step % 4 > 0)
        part = (slice(None), *(slice(int(a), int(a) + side) for a in low))
        dense = network.answer(torch.from_numpy(np.ascontiguousarray(image[part]))[None])[2]
        assert dense is not None
        loss = _loss(dense[0], torch.from_numpy(np.ascontiguousarray(truth[part])))
        rule.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        rule.step()
        pace.step()
        last = [*last[-19:], float(loss.detach())]
    print(f"trained {steps} steps, mean loss of the last {len(last)}: {np.mean(last):.3f}", flush=True)
    return network.eval()


def _corner(truth: NDArray[float32], side: int, random: np.random.Generator, *, tumour: bool) -> list[int]:
    """Where a window begins: anywhere, or so that it shows a voxel of the whole tumour."""
    last = np.array(truth.shape[1:]) - side
    if not tumour:
        return [int(random.integers(0, n + 1)) for n in last]
    places = np.argwhere(truth[1] > 0)
    low = places[random.integers(len(places))] - random.integers(0, side, size=3)
    return [int(v) for v in np.clip(low, 0, last)]


def _loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross entropy and what is missing to a Dice of 1, of each of the three masks."""
    sure = torch.sigmoid(logits)
    both, all_ = (sure * truth).sum(dim=(1, 2, 3)), (sure + truth).sum(dim=(1, 2, 3))
    missing = 1 - (2 * both + 1) / (all_ + 1)
    return nn.functional.binary_cross_entropy_with_logits(logits, truth) + missing.mean()


def kept(path: Path | None) -> SegResNet | None:
    """The network of an earlier run, where there is one."""
    if path is None or not path.exists():
        return None
    network = NETWORK.build(channels=4, labels=3, width=8)
    network.load_state_dict(safetensors.torch.load_file(path))
    return network.eval()


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Of two masks; 1 where both are empty."""
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum())) if (a | b).any() else 1.0


def monais(image: NDArray[float32], side: int, network: Callable[[torch.Tensor], torch.Tensor]) -> NDArray[np.bool_]:
    """(3, x, y, z): the masks by MONAI's sliding window."""
    found = sliding_window_inference(
        torch.from_numpy(image)[None], (side,) * 3, 1, network, overlap=0.5, mode="gaussian"
    )
    assert isinstance(found, torch.Tensor)
    return np.asarray(found[0].numpy() > 0)


def memory_mb(name: str) -> float:
    """Memory of this process: "VmRSS" now, "VmHWM" the most since `forget_peak` (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def forget_peak() -> None:
    """Let the most memory count from now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def main() -> None:
    """Print times, their ratio, Dice of the three masks, and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--width", type=int, default=8, help="8 is trained here; 16 is timed with random weights")
    parser.add_argument("--overlap", type=float, default=OVERLAP, help="least share that our neighbours have in common")
    parser.add_argument("--shrink", type=int, default=1, help="2: voxels and windows of half the side, 8 times quicker")
    parser.add_argument("--weights", type=Path, help="where the trained network is kept, and taken from next time")
    asked = parser.parse_args()
    side = SIDE // asked.shrink
    torch.set_num_threads(1)
    random = NETWORK.build(channels=4, labels=3, width=asked.width).eval()
    network = random if asked.width != 8 else kept(asked.weights) or trained(asked.steps)
    if asked.weights and not asked.weights.exists():
        safetensors.torch.save_file(network.state_dict(), asked.weights)
    image, truth = brain(99, asked.shrink)

    def masks(images: torch.Tensor) -> torch.Tensor:
        dense = network.answer(images)[2]
        assert dense is not None
        return dense

    bare: list[float] = []

    def forward(inputs: NDArray[float32]) -> Output:
        began = time.process_time()
        dense = masks(torch.from_numpy(inputs))
        bare.append(time.process_time() - began)
        return Output(np.zeros((1, 3), float32), np.zeros((1, 1, 1, 1, 1), float32), "cpu", "float32", 0.0,
                      dense=dense.numpy())  # fmt: skip

    with torch.inference_mode():
        forget_peak()
        before, started = memory_mb("VmRSS"), time.process_time()
        windows = plan_windows((image != 0).any(axis=0), side, overlap=asked.overlap)
        logits = slide(image, windows, forward=forward, progress=lambda share, stage: None,
                       cancelled=lambda: False, stage=Message(""))  # fmt: skip
        ours, more = time.process_time() - started, memory_mb("VmHWM") - before
        started = time.process_time()
        theirs = monais(image, side, masks)
        reference = time.process_time() - started
        crop = (slice(None), *(slice(low, high) for low, high in windows.box))
        near = monais(np.ascontiguousarray(image[crop]), side, masks)
    mask = np.zeros(truth.shape, dtype=bool)
    mask[crop] = logits > 0
    cropped = [dice(mask[crop][k], near[k]) for k in range(3)]
    same = [dice(mask[k], theirs[k]) for k in range(3)]
    right = [dice(mask[k], truth[k] > 0) for k in range(3)]
    print(f"whole over its bare forwards: {ours / sum(bare):.3f} (aim {PROMISE_BARE})")
    print(f"{len(windows.starts)} windows, {ours:.1f} s; MONAI {reference:.1f} s; ratio {ours / reference:.3f} "
          f"(aim {PROMISE_TIME}); {more:.0f} MB more (aim {PROMISE_MB})")  # fmt: skip
    print(f"Dice to MONAI's masks: {', '.join(f'{d:.4f}' for d in same)} (aim {PROMISE_DICE}); "
          f"where it sees the same crop: {', '.join(f'{d:.4f}' for d in cropped)}; "
          f"to the truth: {', '.join(f'{d:.3f}' for d in right)}")  # fmt: skip


if __name__ == "__main__":
    main()
