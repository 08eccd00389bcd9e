"""The Models and About pages."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from medcore.cards import load_cards
from pages.ui import model_cards, state
from pages.ui.evaluate_figures import METRICS
from tests.conftest import ROOT
from tests.pages.conftest import words


def page(app: AppTest, name: str) -> AppTest:
    return app.run().switch_page(f"../{name}.py").run()


def test_a_card_says_what_it_is_for_where_it_fails_and_under_which_licence(app: AppTest) -> None:
    said = words(page(app, "models"))
    for part in ("Test resnet18", "A random network", "Knows nothing", "Apache", "Pneumonia"):
        assert part in said
    assert not app.exception


def test_every_shipped_model_has_figures_that_its_card_draws() -> None:
    for card in load_cards(ROOT / "models").values():
        assert set(model_cards.CHARTED) & set(card.metrics["all"]), card.id
        assert set(model_cards.CHARTED) <= set(model_cards.SHOWN) <= set(METRICS)


def test_the_weights_are_verified_on_request(app: AppTest) -> None:
    page(app, "models")
    app.button(key="verify").click().run()
    assert [message.value for message in app.success]
    assert not app.error


def test_without_a_model_the_page_says_where_one_comes_from(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCORE_MODELS_DIR", str(tmp_path / "none"))
    state.forget_caches()
    assert "No model yet" in words(page(app, "models"))


def test_about_names_purpose_device_versions_and_storage(app: AppTest, tmp_path: Path) -> None:
    said = words(page(app, "about"))
    for part in ("research and teaching", "torch", "MedCore", str(tmp_path), "not the chance that a person is ill"):
        assert part in said
    assert not app.exception and not app.error
