"""Rules that nobody has yet read in the paper are in sight, whichever criterion is chosen."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from medcore.criteria import load_criteria
from tests.pages.conftest import words


def every_criterion() -> None:
    """A page with the response of each criterion to one and the same history."""
    from dataclasses import replace

    import streamlit as st

    from medcore.criteria import load_criteria, load_criterion
    from medcore.records import PatientState
    from pages.ui import compare_criteria
    from tests.criteria.histories import series

    visits = [replace(visit, state=PatientState(deauville=4)) for visit in series([20, 20])]
    for name in load_criteria():
        with st.container(key=f"criterion-{name}"):
            compare_criteria.to_confirm(load_criterion(name).assess(visits))


def test_what_is_to_be_confirmed_stands_beside_the_answer_of_every_criterion(app: AppTest) -> None:
    page = AppTest.from_function(every_criterion).run()
    assert not page.exception
    said = words(page).replace("\\", "")
    entries = load_criteria()
    for name, entry in entries.items():
        for text in entry.to_confirm:
            assert text in said, f"{name}: {text}"
    titles = [one.label for one in page.expander if one.label.startswith("To be confirmed")]
    assert len(titles) == len(entries), "every criterion has such a rule"
