"""A recipe from elsewhere and to elsewhere: presets, a file to load, a file to keep."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from medcore.errors import MedcoreError
from medcore.recipes import Recipe, as_toml
from pages.ui import faults, state
from pages.ui.words import t

FILE = "medcore-recipe.toml"


def presets(recipes: Sequence[Recipe]) -> None:
    """Recipes to begin with; the present one can be had back with undo."""
    with st.popover(t("Presets"), icon=":material/auto_awesome:"):
        for number, recipe in enumerate(recipes):
            st.button(
                t(recipe.title),
                key=f"preset-{number}",
                type="tertiary",
                icon=":material/playlist_add_check:",
                on_click=_load,
                args=(recipe, t(recipe.title)),
            )


def undo() -> None:
    """Take the latest change back."""
    draft = state.session().draft
    st.button(t("Undo"), icon=":material/undo:", key="undo-recipe", disabled=not draft.past, on_click=draft.undo)


def files() -> None:
    """Load a recipe, or keep the present one as a file that the command line takes too."""
    draft = state.session().draft
    with st.popover(t("Recipe file"), icon=":material/description:"):
        key = f"recipe-file-{draft.loads}"
        file = st.file_uploader(t("Load a recipe (TOML or JSON)"), type=["toml", "json"], key=key)
        if file is not None:
            try:
                text = file.getvalue().decode("utf-8-sig", errors="replace")
                draft.load(state.workbench().prepare.read_recipe(text))
            except MedcoreError as error:
                faults.explain(error.message, error.hint)
            else:
                draft.loads += 1
                st.rerun()
        if draft.recipe.steps:
            recipe = state.workbench().prepare.read_recipe(as_toml(draft.recipe))  # every setting written out
            st.download_button(
                t("Download as TOML"),
                as_toml(recipe),
                FILE,
                "application/toml",
                icon=":material/download:",
                key="download-recipe",
                on_click="ignore",
            )
            st.caption(t("SHA-256 of the recipe: {hash}", hash=recipe.sha256[:16]))
            st.code(f"python -m medcore prepare PATH --recipe {FILE} --out DIR", language="bash", wrap_lines=True)


def title() -> None:
    """What the recipe is called; the saved scan carries it."""
    draft = state.session().draft
    key = f"recipe-title-{draft.epoch}"
    st.text_input(
        t("Name of the recipe"),
        draft.shape.title,
        max_chars=80,
        key=key,
        placeholder=t("Name of the recipe"),
        label_visibility="collapsed",
        on_change=lambda: draft.rename(state.widget_value(key)),
    )


def _load(recipe: Recipe, title: str) -> None:
    state.session().draft.load(Recipe(recipe.steps, title))
