"""How the app looks beyond .streamlit/config.toml: spacing, the banner, the dark viewport, and the charts."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st

from pages.ui import state
from pages.ui.words import t

CSS = (Path(__file__).parent / "theme.css").read_text(encoding="utf-8")


def apply() -> None:
    """Put the style sheet into the page, with the words that Streamlit's own widgets know in English only."""
    words = {
        "choose-files": t("Choose files"),
        "choose-folder": t("Choose a folder"),
        "or-drop-it": t("or drop it here"),
        "or-drop": t("or drop them here, up to {limit} MB each", limit=state.settings().max_file_mb),
    }
    variables = "".join(f"--medcore-{name}: {json.dumps(text, ensure_ascii=False)};" for name, text in words.items())
    st.html(f"<style>:root {{{variables}}}\n{CSS}</style>")


def dark() -> bool:
    """Whether the dark theme is shown."""
    return st.context.theme.type == "dark"


def colours() -> list[str]:
    """Colours of the series of a chart, in the theme that is shown."""
    shown = "dark" if dark() else "light"
    return list(st.get_option(f"theme.{shown}.chartCategoricalColors") or ())
