"""A gate is fitted on a model's own pictures, varied ones too, and on strangers of which it is measured on the rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import safetensors.torch

from medcore.cards import Familiarity, ModelCard, load_card
from medcore.evaluation.gate import Gate, fit_gate, gate_threshold, with_strangers
from medcore.nn.torch_engine import TorchEngine, take_gate
from medcore.nn.training import gate_fitting
from medcore.nn.training.asking import Asked, ask
from medcore.nn.training.card_file import card_text
from medcore.nn.training.gate_fitting import fit_model_gate, gate_file, some_of
from medcore.nn.training.options import Augmentation
from medcore.nn.training.others import taught
from medcore.nn.training.pictures import list_cases
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.sources import Case
from medcore.settings import Settings
from medcore.tasks import load_task
from tests.nn.training.test_evaluate import card  # noqa: F401  (a fixture)
from tests.nn.training.test_training import data  # noqa: F401  (a fixture)

Fit = Callable[[Mapping[str, Sequence[Case]]], tuple[Gate, Familiarity, Asked]]
ENGINE = TorchEngine(Settings(device="cpu"))


def pooled(count: int, shift: float, seed: int) -> np.ndarray:
    """Features (count, 12), each moved by a part of its own spread: together they lie far away, one by one near."""
    return np.asarray(np.random.default_rng(seed).normal(shift, 1.0, size=(count, 12)))


def test_strangers_whose_every_feature_is_within_the_spread_of_its_own_are_told_apart() -> None:
    own, strangers, validation = pooled(800, 0.0, 0), pooled(300, 1.0, 1), pooled(400, 0.0, 2)
    bare = fit_gate(own)
    knowing = with_strangers(bare, own, strangers, validation)
    seen, blind = (gate_threshold(gate.distance(validation)) for gate in (knowing, bare))
    new = pooled(300, 1.0, 3)
    assert (bare.distance(new) > blind).mean() < 0.6
    assert (knowing.distance(new) > seen).mean() > 0.85
    assert (knowing.distance(pooled(400, 0.0, 4)) > seen).mean() < 0.06
    calm = knowing.strangeness(validation) <= 0
    assert calm.mean() >= 0.98 and np.array_equal(knowing.distance(validation)[calm], bare.distance(validation)[calm])


def test_a_gate_is_the_same_from_its_file() -> None:
    own = pooled(200, 0.0, 0)
    for gate in (fit_gate(own), with_strangers(fit_gate(own), own, pooled(50, 1.0, 1), own)):
        back = take_gate(safetensors.torch.load(gate_file(gate)))
        assert back is not None and np.allclose(back.distance(own), gate.distance(own), rtol=1e-6)
        assert (back.away is None) == (gate.away is None)


def test_near_duplicates_and_patients_stay_in_one_half() -> None:
    random = np.random.default_rng(0)
    known = np.repeat(random.random((20, 32, 32)).astype(np.float32), 2, axis=0)
    cases = [SimpleNamespace(patient=str(i)) for i in range(40)]
    half = taught(SimpleNamespace(known=known, cases=cases))  # type: ignore[arg-type]
    assert np.array_equal(half[::2], half[1::2]) and half.sum() == 20
    one = taught(SimpleNamespace(known=known[:1], cases=cases[:1]))  # type: ignore[arg-type]
    assert not one.any(), "a set of one picture is only measured on"


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Case]]:
    """White bars and checks, twelve of each."""
    folder, found = tmp_path_factory.mktemp("strange"), {}
    for kind in ("bars", "checks"):
        paths = []
        for i in range(12):
            rows, columns = np.mgrid[:48, :48] // (2 + i)
            white = 255 * ((columns if kind == "bars" else rows + columns) % 2).astype(np.uint8)
            (folder / kind / "all").mkdir(parents=True, exist_ok=True)
            paths.append(folder / kind / "all" / f"{i}.png")
            cv2.imwrite(str(paths[-1]), white)
        found[kind] = [Case(path.name, path, (False,), path.name) for path in paths]
    return found


@pytest.fixture(scope="module")
def fit(card: ModelCard, data: Path) -> Fit:  # noqa: F811
    """Fits the trained model's gate with these strangers."""
    recipe = load_recipe(card.folder / "recipe.toml")
    cases, _ = list_cases(recipe.sources, data, [label.id for label in card.labels])
    validation = ask(replace(card, familiarity=None), load_task(card.task), cases[60:], ENGINE)

    def fitted(strangers: Mapping[str, Sequence[Case]]) -> tuple[Gate, Familiarity, Asked]:
        gate, familiar = fit_model_gate(
            card, some_of(cases[:60]), validation, strangers, ENGINE, augmentation=recipe.augmentation
        )
        return gate, familiar, validation

    return fitted


def refused(gate: Gate, familiar: Familiarity, asked: Asked) -> np.ndarray:
    return gate.distance(asked.features) > familiar.threshold


def test_a_trained_model_refuses_new_pictures_of_the_kinds_it_was_shown(
    card: ModelCard,  # noqa: F811
    strange: Mapping[str, Sequence[Case]],
    fit: Fit,
) -> None:
    gate, familiar, validation = fit(strange)
    bare, limits, _ = fit({})
    assert bare.away is None and not limits.refused_unseen
    assert refused(gate, familiar, validation).mean() <= 0.1
    told, untold = [], []
    for pictures in strange.values():
        asked = ask(replace(card, familiarity=None), load_task(card.task), pictures, ENGINE)
        told.append(refused(gate, familiar, asked)[~taught(asked)])
        untold.append(refused(bare, limits, asked)[~taught(asked)])
    assert np.mean(np.concatenate(told)) >= max(0.7, np.mean(np.concatenate(untold)))


def test_how_it_meets_a_kind_it_never_saw_is_measured_by_a_gate_that_never_saw_it(
    card: ModelCard,  # noqa: F811
    strange: Mapping[str, Sequence[Case]],
    fit: Fit,
) -> None:
    unseen = fit(strange)[1].refused_unseen
    assert set(unseen) == set(strange)
    gate, familiar, _ = fit({"bars": strange["bars"]})
    assert not familiar.refused_unseen, "there is no other kind"
    checks = ask(replace(card, familiarity=None), load_task(card.task), strange["checks"], ENGINE)
    assert unseen["checks"] == pytest.approx(refused(gate, familiar, checks).mean(), abs=1e-4)


def test_varied_inputs_are_as_many_as_bright_and_the_same_each_time() -> None:
    inputs = np.random.default_rng(0).normal(size=(3, 2, 24, 24)).astype(np.float32)
    inputs[:, 1] = inputs[:, 0]
    alter = gate_fitting._variation(Augmentation(noise=0.0))
    once, again, other = alter(inputs, 0), alter(inputs, 0), alter(inputs, 1)
    assert once.shape == inputs.shape and np.array_equal(once, again) and not np.array_equal(once, other)
    assert np.array_equal(once[:, 0], once[:, 1]), "channels stay together"
    assert inputs.min() - 1e-4 <= once.min() and once.max() <= inputs.max() + 1e-4
    deep = np.zeros((1, 1, 3, 8, 8), np.float32)
    assert alter(deep, 0).shape == deep.shape and alter(np.zeros((1, 1, 4, 8), np.float32), 0).shape == (1, 1, 4, 8)


def test_a_card_keeps_the_shares_of_kinds_its_gate_never_saw(card: ModelCard, tmp_path: Path) -> None:  # noqa: F811
    assert card.familiarity is not None
    told = replace(card, familiarity=replace(card.familiarity, refused_unseen={"brain (slices)": 0.8125}))
    for name in ("weights.safetensors", "evaluation.json"):
        (tmp_path / name).write_bytes((card.folder / name).read_bytes())
    (tmp_path / "card.toml").write_text(card_text(load_recipe(card.folder / "recipe.toml"), told, trained_on=""))
    back = load_card(tmp_path).familiarity
    assert back is not None and back.refused_unseen == {"brain (slices)": 0.8125}
    assert back.refused == card.familiarity.refused
