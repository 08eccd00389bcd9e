"""The Studies page: bring in, find, rename, delete."""

from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from medcore.records import Study
from pages.ui import state
from tests.pages.conftest import finish_jobs, picture, words
from tests.readers.factory import saved
from tests.readers.regions_factory import ct_slices, seg

Add = Callable[..., Study]


def titles(app: AppTest) -> list[str]:
    return [button.label for button in app.button if str(button.key).startswith("title-")]


def test_an_empty_store_teaches_and_offers_samples(app: AppTest) -> None:
    app.run()
    assert "Bring in a scan" in words(app)
    assert app.button(key="samples").label == "Sample studies"
    assert [uploader.key for uploader in app.file_uploader] == ["files-0", "folder-0"]


def test_good_files_are_read_beside_a_bad_one_that_is_named_with_reason_and_hint(app: AppTest) -> None:
    app.run()
    files = [("one.png", picture(1), "image/png"), ("notes.dcm", b"no image", ""), ("two.png", picture(2), "image/png")]
    app.file_uploader(key="files-0").set_value(files).run()
    finish_jobs(app)
    assert "2 read, 1 refused" in words(app)
    assert "notes" in words(app)
    assert sorted(titles(app)) == ["one", "two"]
    app.button(key="close-outcome").click().run()
    assert "refused" not in words(app)
    assert sorted(titles(app)) == ["one", "two"]


def test_the_same_file_again_is_known_and_not_doubled(app: AppTest, add: Add) -> None:
    add("one.png", seed=1)
    app.run()
    app.file_uploader(key="files-0").set_value([("copy.png", picture(1), "image/png")]).run()
    finish_jobs(app)
    assert "1 of them were here already" in words(app)
    assert titles(app) == ["one"]


def test_search_narrows_the_list(app: AppTest, add: Add) -> None:
    add("apple.png", seed=1)
    add("pear.png", seed=2)
    app.run()
    app.text_input(key="search").set_value("pear").run()
    assert titles(app) == ["pear"]
    app.text_input(key="search").set_value("nothing").run()
    assert titles(app) == []
    assert "No study passes" in words(app)


def test_a_title_opens_the_study_and_stands_in_the_link(app: AppTest, add: Add) -> None:
    study = add()
    app.run()
    app.button(key=f"title-{study.id}").click().run()
    assert app.query_params["study"] == study.id
    assert "This is a picture" in words(app)
    assert not app.exception


def test_a_rename_can_be_undone(app: AppTest, add: Add) -> None:
    study = add()
    app.query_params["study"] = study.id
    app.run()
    app.text_input(key=f"new-title-{study.id}").set_value("Better name")
    app.button(key="rename").click().run()
    assert titles(app) == ["Better name"]
    app.button(key="undo-rename").click().run()
    assert titles(app) == ["chest"]


def test_a_deleted_study_is_forgotten_everywhere(app: AppTest, add: Add) -> None:
    study, other = add("one.png", seed=1), add("two.png", seed=2)
    app.query_params["study"] = study.id
    app.run()
    app.button(key="delete").click().run()
    assert [left.id for left in state.workbench().studies.list()] == [other.id]
    assert titles(app) == ["two"]
    assert app.query_params["study"] == other.id
    assert not app.error


def test_a_title_with_markdown_is_shown_as_it_is(app: AppTest, add: Add) -> None:
    study = add()
    state.workbench().studies.rename(study.id, "**[x](http://a)**")
    app.run()
    assert titles(app) == [r"\*\*\[x\]\(http://a\)\*\*"]


def numbered_slices() -> list[tuple[str, bytes, str]]:
    return [(f"img{k}.png", picture(k), "image/png") for k in (10, 8, 9)]


def test_numbered_pictures_become_one_volume_when_their_spacing_is_stated(app: AppTest) -> None:
    app.run()
    app.file_uploader(key="files-0").set_value(numbered_slices()).run()
    assert "3 of these pictures are numbered" in words(app)
    assert app.button(key="stack-volume").disabled and not state.workbench().jobs.list()
    app.number_input(key="slice-mm-0").set_value(2.0).run()
    app.number_input(key="pixel-mm-0").set_value(0.5).run()
    app.button(key="stack-volume").click().run()
    finish_jobs(app)
    (study,) = state.workbench().studies.list()
    assert study.scans[0].shape == (3, 96, 80) and study.scans[0].spacing_mm == (2.0, 0.5, 0.5)
    assert "1 read" in words(app) and "of these pictures are numbered" not in words(app)


def test_numbered_pictures_may_stay_single(app: AppTest) -> None:
    app.run()
    app.file_uploader(key="files-0").set_value(numbered_slices()).run()
    app.button(key="stack-single").click().run()
    finish_jobs(app)
    assert [study.scans[0].spacing_mm for study in state.workbench().studies.list()] == [None] * 3


def test_a_segmentation_that_comes_with_its_scan_is_counted_as_a_mask(app: AppTest) -> None:
    slices, mask = ct_slices(), np.zeros((8, 20, 24, 1), np.uint8)
    mask[2:5, 4:9, 6:12] = 1
    files = [(f"slice-{k}.dcm", saved(ds), "") for k, ds in enumerate(slices)]
    app.run()
    app.file_uploader(key="files-0").set_value([*files, ("liver.dcm", seg(slices, mask, ["Liver"]), "")]).run()
    finish_jobs(app)
    assert "1 read" in words(app) and "1 masks laid onto their scan" in words(app)
    assert not app.exception
