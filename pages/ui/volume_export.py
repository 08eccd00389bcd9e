"""Taking a result along: the table of its lesions at once, masks and pictures through the export without identity."""

from __future__ import annotations

from functools import partial

import streamlit as st

from medcore.workbench.analyse import Analysis
from pages.ui import export, state
from pages.ui.words import t

TABLES = {"csv": "text/csv", "json": "application/json"}


def show(analysis: Analysis) -> None:
    """Buttons for the table and the mask."""
    run = analysis.prediction.run
    with st.container(horizontal=True, key="take-along"):
        for ending, mime in TABLES.items():
            st.download_button(
                t("Table, {form}", form=ending.upper()),
                partial(state.workbench().export.table, run.id, ending),
                file_name=f"medcore-{run.id[:8]}.{ending}",
                mime=mime,
                icon=":material/table:",
                key=f"table-{ending}",
                on_click="ignore",
            )
        export.button_of_result(run.study, run.id)
    export.dialog(state.workbench().studies.get(run.study))
