"""Evaluations are kept and read again; a threshold moves all figures; two models are compared on what they share."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from medcore.cards import Conformal
from medcore.errors import CancelledError, DataSetError
from medcore.evaluation.kept_answers import EXTERNAL, PictureAnswer
from medcore.settings import Settings
from medcore.workbench.engine_opener import EngineOpener
from medcore.workbench.evaluate import EVERY_PART, Evaluate, Part, compare_answers
from medcore.workbench.evaluated_pictures import Gallery, worst
from medcore.workbench.models import Models
from medcore.workbench.picture_sets import PictureSets
from tests.nn.model_folder import make_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One model, and 40 pictures of 20 patients; the ill are brighter."""
    folder = tmp_path_factory.mktemp("evaluate")
    make_model(folder / "models", network="simple_cnn", name="one", size=28)
    make_model(folder / "models", network="simple_cnn", name="two", size=28, seed=1)
    (folder / "pictures" / "set").mkdir(parents=True)
    rows = []
    for i in range(40):
        picture = np.random.default_rng(i).integers(0, 120, (40, 40), dtype=np.uint8)
        cv2.imwrite(str(folder / "pictures" / "set" / f"{i}.png"), picture + np.uint8(100 * (i % 2)))
        rows.append({"file": f"{i}.png", "label": ("well", "pneumonia")[i % 2], "patient": f"p{i // 2}",
                     "sex": "FM"[i // 20]})  # fmt: skip
    with (folder / "pictures" / "set" / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Settings(
        data_dir=folder / "data", models_dir=folder / "models", pictures_dir=folder / "pictures", device="cpu"
    )


def door(place: Settings) -> Evaluate:
    return Evaluate(place, Models(place.models_dir), EngineOpener(place))


@pytest.fixture(scope="module")
def ran(place: Settings) -> Evaluate:
    """Both models evaluated on the set."""
    bench, sets = door(place), PictureSets(place)
    for model in ("one", "two"):
        chosen = sets.get("set")
        bench.run(model, chosen, sets.facts(chosen), positive=("pneumonia",), progress=lambda fraction, stage: None)
    return bench


def test_an_evaluation_is_kept_and_found_again_with_its_answers(ran: Evaluate, place: Settings) -> None:
    found = door(place).of_model("one")[0]
    assert (found.data, len(found.answers), found.folder) == ("set", 40, place.pictures_dir / "set")
    assert set(found.controls) >= {"thumbnail_ridge", "mean_brightness"}
    at = ran.at(ran.parts(found)[EVERY_PART], found.threshold)
    assert set(at.metrics) == set(found.metrics)
    for name, value in at.metrics.items():
        assert value.value == pytest.approx(found.metrics[name].value, abs=2e-4)


def test_a_threshold_moves_the_confusion_matrix_and_all_that_hangs_on_it(ran: Evaluate) -> None:
    part = ran.parts(ran.of_model("one")[0])[EVERY_PART]
    low, high = ran.at(part, 0.0), ran.at(part, 1.0)
    assert (low.confusion.true_positive, low.confusion.false_positive) == (20, 20)
    assert (high.confusion.true_negative, high.confusion.false_negative) == (20, 20)
    assert (low.metrics["sensitivity"].value, low.metrics["specificity"].value) == (1.0, 0.0)
    assert low.metrics["auc"].value == high.metrics["auc"].value


def test_subgroups_have_figures_of_their_own(ran: Evaluate) -> None:
    one = ran.of_model("one")[0]
    found = ran.subgroups(ran.parts(one)[EVERY_PART], one.threshold)
    assert [(p.name, p.value, p.n, p.positive) for p in found] == [("sex", "F", 20, 10), ("sex", "M", 20, 10)]


def test_each_set_has_figures_those_never_trained_on_last(ran: Evaluate) -> None:
    one = ran.of_model("one")[0]
    assert ran.by_source(one) == (), "one set alone is all of the test"
    near = tuple(replace(a, source="near") for a in one.answers[:20])
    far = tuple(replace(a, source="far", part=EXTERNAL) for a in one.answers[20:32])
    found = ran.by_source(replace(one, answers=(*far, *near, *one.answers)))
    assert [(p.value, p.n, p.positive, p.external) for p in found] == [
        ("near", 20, 10, False), ("set", 40, 20, False), ("far", 12, 6, True),
    ]  # fmt: skip


def test_coverage_follows_the_pictures_in_sight(ran: Evaluate) -> None:
    part = ran.parts(ran.of_model("one")[0])[EVERY_PART]
    card = ran.models.card("one")
    assert ran.coverage(replace(card, conformal=None), part) == {}
    limits = Conformal(coverage=0.9, positive_from=0.5, negative_to=0.5)
    sure = tuple(replace(a, probability=(1.0 if a.truth[0] and i < 20 else 0.0,)) for i, a in enumerate(part.answers))
    found = ran.coverage(replace(card, conformal=limits), replace(part, answers=sure))
    assert (found["positive"].value, found["negative"].value, found["all"].value) == (0.5, 1.0, 0.75)


def test_external_sets_are_parts_that_do_not_count_as_test(ran: Evaluate) -> None:
    one = ran.of_model("one")[0]
    other = tuple(replace(a, part=EXTERNAL, source="far") for a in one.answers[:6])
    found = ran.parts(replace(one, answers=one.answers + other))
    assert {name: (len(p.answers), p.external) for name, p in found.items()} == {"": (40, False), "far": (6, True)}


def test_two_models_are_compared_on_the_pictures_they_share(ran: Evaluate) -> None:
    first, second = ran.of_model("one")[0], ran.of_model("two")[0]
    part = ran.parts(first)[EVERY_PART]
    pair = ran.compare(first, replace(second, answers=second.answers[:30]), part)
    assert pair.n == 30
    assert ran.compare(first, second, replace(part, answers=part.answers[:24])).n == 24
    same = ran.compare(first, first, part)
    assert same.comparison.differences["auc"].value == 0 and same.comparison.p_mcnemar == 1.0


def test_models_that_share_nothing_or_differ_in_labels_are_refused() -> None:
    first = tuple(PictureAnswer("test", "s", f"{i}", i, (i % 2 == 0,), (0.5,)) for i in range(40))
    with pytest.raises(DataSetError, match="share 0"):
        compare_answers(first, tuple(replace(a, source="t") for a in first), (0.5, 0.5))
    with pytest.raises(DataSetError, match="different labels"):
        compare_answers(first, tuple(replace(a, truth=(not a.truth[0],)) for a in first), (0.5, 0.5))


def test_curves_need_both_answers(ran: Evaluate) -> None:
    one = ran.of_model("one")[0]
    ill = Part("ill", external=False, answers=tuple(a for a in one.answers if a.truth[0]))
    assert ran.curves(one, ill).roc is None
    assert ran.curves(one, ran.parts(one)[EVERY_PART]).roc is not None


def test_the_worst_errors_come_first_and_are_shown_with_their_explanation(ran: Evaluate, place: Settings) -> None:
    one = ran.of_model("one")[0]
    missed = worst(one.answers, 1.0, present=True)
    assert [w.probability for w in missed] == sorted(w.probability for w in missed) and len(missed) == 12
    false = worst(one.answers, 0.0, present=False, most=3)
    assert [w.probability for w in false] == sorted((w.probability for w in false), reverse=True)
    gallery = Gallery(place, Models(place.models_dir), EngineOpener(place))
    shown = gallery.shown("one", one.folder, missed[0])
    assert shown.heat is not None and shown.heat.shape == (*shown.grey.shape, 3)
    assert gallery.shown("one", one.folder, missed[0]) is shown
    name, content = gallery.file("one", one.folder, missed[0]) or ("", b"")
    assert name == missed[0].name and content[:4] == b"\x89PNG"


def test_a_picture_that_is_gone_is_named(ran: Evaluate, place: Settings) -> None:
    one = ran.of_model("one")[0]
    gallery = Gallery(place, Models(place.models_dir), EngineOpener(place))
    wrong = worst(one.answers, 1.0, present=True)[0]
    assert gallery.here("one", one.folder, wrong) and not gallery.here("one", place.data_dir, wrong)
    with pytest.raises(DataSetError, match="not here"):
        gallery.shown("one", place.data_dir, wrong)


def test_a_stopped_evaluation_leaves_nothing(place: Settings) -> None:
    bench, sets = door(replace(place, data_dir=place.data_dir / "other")), PictureSets(place)
    chosen = sets.get("set")
    with pytest.raises(CancelledError):
        bench.run("one", chosen, sets.facts(chosen), positive=("pneumonia",), progress=lambda f, s: None,
                  cancelled=lambda: True)  # fmt: skip
    assert bench.of_model("one") == ()


def test_an_evaluation_of_other_weights_is_not_shown(ran: Evaluate) -> None:
    for path in ran.folder.glob("*/about.json"):
        about = json.loads(path.read_text())
        if about["model"] == "two":
            path.write_text(json.dumps(about | {"sha256": "0" * 64}))
    assert ran.of_model("two") == () and len(ran.of_model("one")) == 1
