"""The models door lists what can be used and names what cannot."""

import hashlib
from pathlib import Path

import pytest

from medcore.errors import UnknownNameError
from medcore.workbench.models import Models
from tests.nn.model_folder import make_model


def test_a_new_folder_appears_by_itself(tmp_path: Path) -> None:
    models = Models(tmp_path)
    assert models.cards() == ()
    card = make_model(tmp_path, width=8)
    assert [c.id for c in models.cards()] == [card.id]
    assert models.for_task("chest_xray") == models.cards()
    assert models.for_task("fracture") == ()


def test_a_folder_that_is_not_there_has_no_models(tmp_path: Path) -> None:
    assert Models(tmp_path / "none").cards() == ()


def test_one_damaged_card_hides_no_other_and_is_named(tmp_path: Path) -> None:
    good, bad = make_model(tmp_path, name="good", width=8), make_model(tmp_path, name="bad", width=8)
    (bad.folder / "card.toml").write_text("title = ", encoding="utf-8")
    models = Models(tmp_path)
    assert [c.id for c in models.cards()] == ["good"]
    verdict = {v.id: v for v in models.verify()}
    assert verdict["good"].ok
    assert not verdict["bad"].ok
    assert verdict["bad"].reason is not None
    assert good.id == "good"


def test_changed_and_missing_weights_are_named(tmp_path: Path) -> None:
    changed, missing = make_model(tmp_path, name="changed", width=8), make_model(tmp_path, name="missing", width=8)
    changed.weights.write_bytes(changed.weights.read_bytes() + b"x")
    missing.weights.unlink()
    verdict = {v.id: v.reason.text() if v.reason else "" for v in Models(tmp_path).verify()}
    assert "not the ones" in verdict["changed"]
    assert "missing" in verdict["missing"]


@pytest.mark.parametrize("name", ["nothing", "../models", "", "a/b"])
def test_an_unknown_name_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    make_model(tmp_path, name="known", width=8)
    with pytest.raises(UnknownNameError, match=name or "model"):
        Models(tmp_path).card(name)


def test_a_changed_rating_beside_good_weights_is_named(tmp_path: Path) -> None:
    card = make_model(tmp_path, name="rated", width=8)
    rating = card.folder / "rating.json"
    rating.write_text("{}", encoding="utf-8")
    text = (card.folder / "card.toml").read_text(encoding="utf-8")
    digest = hashlib.sha256(rating.read_bytes()).hexdigest()
    (card.folder / "card.toml").write_text(f'rating_sha256 = "{digest}"\n{text}', encoding="utf-8")
    assert [v.ok for v in Models(tmp_path).verify()] == [True]
    rating.write_text("{ }", encoding="utf-8")
    (found,) = Models(tmp_path).verify()
    assert found.reason is not None
    assert "suspicion rating" in found.reason.text()


def test_the_preferred_model_of_a_task_is_offered_first(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_model(tmp_path, name=name, width=8)
    path = tmp_path / "b" / "card.toml"
    path.write_text("preferred = true\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert [card.id for card in Models(tmp_path).for_task("chest_xray")] == ["b", "a", "c"]
