"""The engine on torch: loads each network once, locks the device, runs and explains."""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import safetensors.torch
import torch
from numpy import float32
from numpy.typing import NDArray
from safetensors import SafetensorError

from medcore.cards import ModelCard, gate_bytes, verify_weights
from medcore.engine import Device, HeatMap, Output
from medcore.errors import N_, CardError, DeviceError, Message, WeightsError
from medcore.evaluation.gate import Gate
from medcore.nn.explainers import load_explainer
from medcore.nn.networks import CamNet, load_network
from medcore.settings import Settings

BYTES_PER_MB = 1024 * 1024
GATE = "gate."  # begins the names of the gate's tensors in a weight file

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A network on its device, in evaluation mode."""

    network: CamNet
    precision: torch.dtype
    megabytes: float
    layer: str
    gate: Gate | None = None


class TorchEngine:
    """Runs networks on the CPU or one CUDA device.

    It holds the only mutable state of the product: networks in a least-recently-used cache within
    `settings.model_memory_mb`, and one lock per device, held over a forward pass and over an explanation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: OrderedDict[tuple[str, str, str], Loaded] = OrderedDict()
        self._cache_lock = threading.Lock()
        self._device_locks: dict[str, threading.RLock] = {}
        self._default = choose_device(settings.device)
        _without_tf32()

    @property
    def device(self) -> Device:
        """The device that runs take unless they ask for another."""
        return describe_device(self._default)

    def run(self, card: ModelCard, inputs: NDArray[float32], *, device: str = "auto") -> Output:
        """One forward pass over inputs (N, C, H, W), or (N, C, D, H, W) for a network on volumes.

        It falls back to the CPU when the GPU's memory is full.

        Raises:
            WeightsError: The weights are missing, changed, or do not fit the network.
            DeviceError: The asked-for device is absent.
        """
        place = self._default if device == "auto" else choose_device(device)
        try:
            return self._forward(card, inputs, place, ())
        except torch.OutOfMemoryError:
            log.warning("out of memory on %s; using the CPU", place)
            self._drop(place)
            note = Message(N_("The GPU's memory was full, so this ran on the CPU."))
            return self._forward(card, inputs, torch.device("cpu"), (note,))

    def explain(
        self, card: ModelCard, inputs: NDArray[float32], output: Output, *, method: str, target: int, index: int = 0
    ) -> HeatMap:
        """The heat map of one method for label number `target` of image number `index`, from the pass in `output`.

        Raises:
            UnknownNameError: There is no such method.
        """
        explainer = load_explainer(method)
        place = torch.device(output.device)
        loaded = self._network(card, place)
        started = time.perf_counter()
        with self._lock(place), torch.no_grad():
            maps = torch.from_numpy(output.features[index : index + 1]).to(place)
            image = torch.from_numpy(inputs[index : index + 1]).to(place, dtype=loaded.precision)
            heat = explainer.explain(loaded.network, image, maps, target=target)
            array = heat.detach().float().cpu().numpy()
        return HeatMap(heat=array, layer=loaded.layer, seconds=time.perf_counter() - started)

    def warm_up(self, card: ModelCard) -> None:
        """Load a model and run it once, so that the first real run is fast."""
        sides = (card.contract.size,) * load_network(card.network).axes
        self.run(card, np.zeros((1, card.contract.channels, *sides), dtype=float32))

    def software(self) -> Mapping[str, str]:
        """Versions of what runs the networks."""
        versions = {"python": platform.python_version(), "torch": torch.__version__}
        if self._default.type == "cuda":
            versions["cuda"] = str(torch.version.cuda)
        return MappingProxyType(versions)

    def loaded_models(self) -> tuple[str, ...]:
        """Ids of the models in memory, the most recently used last."""
        with self._cache_lock:
            return tuple(model for model, _, _ in self._loaded)

    def _forward(
        self, card: ModelCard, inputs: NDArray[float32], place: torch.device, notes: tuple[Message, ...]
    ) -> Output:
        loaded = self._network(card, place)
        started = time.perf_counter()
        with self._lock(place), torch.inference_mode():
            layout = torch.channels_last if inputs.ndim == 4 else torch.contiguous_format
            images = torch.from_numpy(inputs).to(place, dtype=loaded.precision, memory_format=layout)
            maps, logits, dense = loaded.network.answer(images)
            answer = logits.float().cpu().numpy(), maps.float().contiguous().cpu().numpy()
            places = None if dense is None else dense.float().contiguous().cpu().numpy()
        pooled = answer[1].reshape(*answer[1].shape[:2], -1).mean(axis=2)
        distance = None if loaded.gate is None else loaded.gate.distance(pooled)
        precision = "bf16" if loaded.precision is torch.bfloat16 else "float32"
        seconds = time.perf_counter() - started
        return Output(
            *answer,
            device=str(place),
            precision=precision,
            seconds=seconds,
            notes=notes,
            dense=places,
            distance=distance,
        )

    def _lock(self, place: torch.device) -> threading.RLock:
        with self._cache_lock:
            return self._device_locks.setdefault(str(place), threading.RLock())

    def _network(self, card: ModelCard, place: torch.device) -> Loaded:
        gate = card.familiarity.sha256 if card.familiarity else ""
        key = (card.id, card.sha256 + gate, str(place))
        with self._cache_lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
        loaded = load_model(card, place, _precision(card, place, self._settings.precision))
        with self._cache_lock:
            self._loaded[key] = loaded
            self._make_room()
        return loaded

    def _make_room(self) -> None:
        """Forget the least recently used networks until the rest fits; the newest always stays."""
        while (
            len(self._loaded) > 1 and sum(x.megabytes for x in self._loaded.values()) > self._settings.model_memory_mb
        ):
            (model, _, place), _ = self._loaded.popitem(last=False)
            log.info("unloaded %s from %s", model, place)

    def _drop(self, place: torch.device) -> None:
        with self._cache_lock:
            for key in [k for k in self._loaded if k[2] == str(place)]:
                del self._loaded[key]
        if place.type == "cuda":
            torch.cuda.empty_cache()


def open_engine(settings: Settings) -> TorchEngine:
    """The engine for these settings; also sets the number of CPU threads, once for the process.

    More threads than free cores slow a network down several times, so the default is half the cores.
    """
    torch.set_num_threads(settings.threads or max(1, torch.get_num_threads() // 2))
    return TorchEngine(settings)


def _without_tf32() -> None:
    """A GPU's float32 is float32: convolutions rounded to ten bits, torch's default, would draw other masks."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def choose_device(name: str) -> torch.device:
    """The torch device for "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        DeviceError: It is absent or the name is none.
    """
    if name in ("auto", ""):
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(
            N_("“{name}” is not a device."), hint=N_("Use auto, cpu, cuda or cuda:N."), name=name
        ) from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise DeviceError(
                N_("The device {name} is not on this machine."),
                hint=N_("Use auto or cpu; {count} CUDA devices are present."),
                name=name,
                count=count,
            )
        return torch.device("cuda", device.index or 0)
    return device


def describe_device(place: torch.device) -> Device:
    """Name and memory of a device."""
    if place.type == "cuda":
        facts = torch.cuda.get_device_properties(place)
        return Device(str(place), facts.name, int(facts.total_memory / BYTES_PER_MB))
    return Device("cpu", platform.processor() or platform.machine() or "CPU", 0)


def load_model(card: ModelCard, place: torch.device, precision: torch.dtype) -> Loaded:
    """Build the card's network and fill it with its checked weights.

    Raises:
        CardError: The card asks for an input size that the network does not take.
        WeightsError: The weights are missing, changed, or do not fit the network.
    """
    verify_weights(card)
    architecture = load_network(card.network)
    if architecture.side not in (None, card.contract.size):
        raise CardError(
            N_("The card of {model} asks for {size} pixels a side, but its network {network} takes {side} only."),
            model=card.id,
            size=card.contract.size,
            network=card.network,
            side=architecture.side or 0,
        )
    try:
        weights = safetensors.torch.load_file(card.weights)
        gate = take_gate(weights)
        if beside := gate_bytes(card):
            gate = take_gate(safetensors.torch.load(beside))
        with torch.device("meta"):
            network = architecture.build(channels=card.contract.channels, labels=len(card.labels), **card.options)
        network.load_state_dict({k: _full(v, precision) for k, v in weights.items()}, assign=True)
    except (SafetensorError, RuntimeError, TypeError, OSError) as error:
        raise WeightsError(
            N_("The weights of {model} do not fit its network {network}."),
            hint=N_("Card and weights are from different trainings; restore both."),
            model=card.id,
            network=card.network,
        ) from error
    network.eval().requires_grad_(False)
    if architecture.axes == 2:
        network.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    else:
        network.to(place)
    megabytes = sum(v.numel() * v.element_size() for v in network.state_dict().values()) / BYTES_PER_MB
    return Loaded(network, precision, megabytes, architecture.layer, gate)


def take_gate(weights: dict[str, torch.Tensor]) -> Gate | None:
    """The gate that lies in a weight file beside the network, taken out of its tensors; None without one."""
    names = ("mean", "directions", "rest", "away", "start")
    parts = {name: weights.pop(GATE + name) for name in names if GATE + name in weights}
    if not {"mean", "directions", "rest"} <= set(parts):
        return None
    gate = Gate(parts["mean"].float().numpy(), parts["directions"].float().numpy(), float(parts["rest"]))
    if not {"away", "start"} <= set(parts):
        return gate
    return replace(gate, away=parts["away"].float().numpy(), start=float(parts["start"]))


def _full(value: torch.Tensor, precision: torch.dtype) -> torch.Tensor:
    return value.to(precision) if value.is_floating_point() else value


def _precision(card: ModelCard, place: torch.device, wanted: str) -> torch.dtype:
    """bf16 only on a GPU that computes in it and where the card says it was measured; float32 otherwise."""
    able = place.type == "cuda" and torch.cuda.is_bf16_supported()
    if wanted == "bf16" or (wanted == "auto" and card.precision == "bf16" and able):
        return torch.bfloat16
    return torch.float32
