"""The report on the Compare page: signed off, changed later as a new version with its diff, old versions, languages."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from medcore.records import Study
from medcore.workbench import kept_evidence
from pages.ui import state
from tests.pages.conftest import finish_jobs, words
from tests.pages.test_compare import open_compare, pair  # noqa: F401  (pair: a fixture)
from tests.workbench.test_kept_evidence import PROOF


def labelled(app: AppTest, kind: str, label: str) -> object:
    return next(one for one in getattr(app, kind) if one.label == label)


@pytest.fixture
def response(app: AppTest, pair: tuple[Study, Study]) -> AppTest:  # noqa: F811
    door = state.workbench().comparisons
    door.align(door.opened(pair[0]).draft)
    return open_compare(app, "response")


def sign(app: AppTest, name: str) -> AppTest:
    app.text_input(key="compare-signer").set_value(name).run()
    return app.button(key="compare-sign").click().run()


def test_a_reading_is_signed_changed_signed_again_and_the_first_version_stands(
    response: AppTest,
    pair: tuple[Study, Study],  # noqa: F811
) -> None:
    app = response
    assert "Nothing is signed off yet" in words(app) and not app.exception
    sign(app, "")
    assert "signed off by a person" in words(app) and not app.exception
    sign(app, "Dr Li")
    assert "figures are those of version 1" in words(app) and not app.exception
    sign(app, "Dr Li")
    assert "Nothing changed since version 1" in words(app) and not app.exception
    labelled(app, "number_input", "Reader SD, mm").set_value(4.0).run()  # type: ignore[attr-defined]
    assert "Changed since version 1" in words(app)
    changes = next(one.value for one in app.dataframe if "Before the change" in one.value.columns)
    assert changes.iloc[0, 1:].tolist() == ["Reader SD, mm", "1.5", "4"]
    sign(app, "Dr Wang")
    door = state.workbench().readings
    second, first = door.versions(pair[0].id)
    assert (first.signed_by, second.signed_by) == ("Dr Li", "Dr Wang")
    version = labelled(app, "selectbox", "Version")
    version.set_value(first.id).run()  # type: ignore[attr-defined]
    assert "Signed off by **Dr Li**" in words(app) and first.sha256 in words(app) and not app.exception
    labelled(app, "selectbox", "Version").set_value(second.id).run()  # type: ignore[attr-defined]
    assert "Changed since version 1" in words(app) and not app.exception
    undo = next(one for one in app.button if one.label == "Undo")
    undo.click().run()
    assert [one.version for one in door.versions(pair[0].id)] == [2, 1], "undo never touches what was signed"


def test_the_panel_speaks_chinese(response: AppTest) -> None:
    response.button(key="language").click().run()
    assert not response.exception and response.button(key="compare-sign").label


def test_a_proof_and_a_map_come_back_with_the_page_and_go_into_what_is_signed(
    app: AppTest,
    pair: tuple[Study, Study],  # noqa: F811
) -> None:
    door, store = state.workbench().comparisons, state.workbench().store
    draft = door.opened(pair[0]).draft
    door.align(draft)
    kept_evidence.keep_proof(store, pair[0].id, door.fingerprint(draft), PROOF)
    kept_evidence.keep_map(store, pair[0].id, door.fingerprint(draft), 1)
    open_compare(app, "response")
    assert "+31.2 %" in words(app) and not app.exception
    finish_jobs(app)
    sign(app, "Dr Li")
    tables = state.workbench().readings.resolve(pair[0].id).tables
    assert "31.25" in tables["proof.csv"] and tables["change_map.csv"].count("\n") > 1 and not app.exception
