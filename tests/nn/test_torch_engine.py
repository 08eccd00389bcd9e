"""The engine loads checked weights once, keeps within its memory, and never takes the app down."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from medcore.cards import ModelCard
from medcore.errors import CardError, DeviceError, UnknownNameError, WeightsError
from medcore.nn.torch_engine import TorchEngine, load_model
from medcore.settings import Settings
from tests.nn.model_folder import make_model


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return make_model(tmp_path, width=8)


@pytest.fixture
def engine() -> TorchEngine:
    return TorchEngine(Settings(device="cpu"))


def inputs(seed: int = 0, count: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 1, 64, 64)).astype(np.float32)


def test_a_run_gives_what_the_bare_network_gives(engine: TorchEngine, card: ModelCard) -> None:
    batch = inputs(count=3)
    net = load_model(card, torch.device("cpu"), torch.float32).network
    with torch.inference_mode():
        expected = net(torch.from_numpy(batch)).numpy()
    output = engine.run(card, batch)
    np.testing.assert_allclose(output.logits, expected, rtol=1e-4, atol=1e-5)
    assert output.device == "cpu"
    assert output.precision == "float32"


def test_the_heat_map_comes_from_the_pass_that_made_the_prediction(engine: TorchEngine, card: ModelCard) -> None:
    output = engine.run(card, inputs())
    heat = engine.explain(card, inputs(), output, method="grad_cam", target=0)
    weight = load_model(card, torch.device("cpu"), torch.float32).network.head.weight[0].numpy()
    expected = np.maximum(0, np.einsum("k,khw->hw", weight / 4, output.features[0]))
    np.testing.assert_allclose(heat.heat, expected, rtol=1e-4, atol=1e-5)
    assert heat.layer == "layer4"


def test_a_dense_head_can_be_explained_too(engine: TorchEngine, tmp_path: Path) -> None:
    card = make_model(tmp_path, network="simple_cnn", size=28)
    batch = np.random.default_rng(0).normal(size=(1, 1, 28, 28)).astype(np.float32)
    heat = engine.explain(card, batch, engine.run(card, batch), method="grad_cam", target=0)
    assert heat.heat.shape == (14, 14)
    assert heat.heat.max() > 0


def test_changed_weights_are_refused(engine: TorchEngine, card: ModelCard) -> None:
    data = bytearray(card.weights.read_bytes())
    data[-1] ^= 1
    card.weights.write_bytes(data)
    with pytest.raises(WeightsError, match="not the ones"):
        engine.run(card, inputs())


def test_missing_weights_are_named(engine: TorchEngine, card: ModelCard) -> None:
    card.weights.unlink()
    with pytest.raises(WeightsError, match="test-resnet18"):
        engine.run(card, inputs())


def test_weights_of_another_network_are_refused(engine: TorchEngine, tmp_path: Path) -> None:
    card = make_model(tmp_path, width=8)
    text = (card.folder / "card.toml").read_text().replace("width = 8", "width = 16")
    (card.folder / "card.toml").write_text(text)
    from medcore.cards import load_card

    with pytest.raises(WeightsError, match="do not fit"):
        engine.run(load_card(card.folder), inputs())


def test_a_card_with_a_size_that_its_network_cannot_take_is_refused(engine: TorchEngine, tmp_path: Path) -> None:
    card = make_model(tmp_path, network="simple_cnn", size=32)
    with pytest.raises(CardError, match="28 only"):
        engine.run(card, np.zeros((1, 1, 32, 32), np.float32))


def test_a_pickle_named_safetensors_is_never_opened_as_one(engine: TorchEngine, card: ModelCard) -> None:
    import hashlib
    from dataclasses import replace

    torch.save({"x": torch.zeros(1)}, card.weights)
    forged = replace(card, sha256=hashlib.sha256(card.weights.read_bytes()).hexdigest())
    with pytest.raises(WeightsError, match="do not fit"):
        engine.run(forged, inputs())


def test_the_least_recently_used_network_goes_when_memory_is_short(tmp_path: Path) -> None:
    cards = [make_model(tmp_path, name=name, width=16) for name in "abc"]
    one = load_model(cards[0], torch.device("cpu"), torch.float32).megabytes
    engine = TorchEngine(Settings(device="cpu", model_memory_mb=int(2.5 * one)))
    for card in (*cards[:2], cards[0], cards[2]):
        engine.run(card, inputs())
    assert engine.loaded_models() == ("a", "c")


def test_a_full_gpu_falls_back_to_the_cpu_with_a_note(
    engine: TorchEngine, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = TorchEngine._forward
    calls = []

    def full_once(self, *arguments):  # type: ignore[no-untyped-def]
        calls.append(arguments[2])
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, *arguments)

    monkeypatch.setattr(TorchEngine, "_forward", full_once)
    output = engine.run(card, inputs())
    assert output.device == "cpu"
    assert "memory was full" in output.notes[0].text()


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "nonsense:1"])
def test_an_absent_device_is_refused_by_name(engine: TorchEngine, card: ModelCard, name: str) -> None:
    with pytest.raises(DeviceError, match=name):
        engine.run(card, inputs(), device=name)


def test_an_unknown_method_names_the_known_ones(engine: TorchEngine, card: ModelCard) -> None:
    with pytest.raises(UnknownNameError, match="grad_cam"):
        engine.explain(card, inputs(), engine.run(card, inputs()), method="magic", target=0)


def test_many_threads_get_the_same_answer(engine: TorchEngine, card: ModelCard) -> None:
    alone = engine.run(card, inputs()).logits
    answers: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: answers.append(engine.run(card, inputs()).logits)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(np.array_equal(alone, other) for other in answers)
