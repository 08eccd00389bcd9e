"""The keyboard sheet: the page's own keys, and the viewer's as its JavaScript lists them."""

from __future__ import annotations

import re
from pathlib import Path

from pages.ui.words import t

SOURCE = Path(__file__).parent / "viewer" / "web" / "keyboard.js"
ENTRY = re.compile(r'^ {2}\[\[(.+?)\], N_\("(.+?)"\)', re.MULTILINE)
KEY = re.compile(r'"(.+?)"')
NAMES = {"ArrowUp": "↑", "ArrowDown": "↓", "ArrowLeft": "←", "ArrowRight": "→", " ": "Space", "Escape": "Esc"}


def sheet() -> dict[str, str]:
    """What each key does; the viewer's keys work while it has the focus."""
    viewer = {
        " ".join(_name(key) for key in KEY.findall(keys)): t(meaning)
        for keys, meaning in ENTRY.findall(SOURCE.read_text(encoding="utf-8"))
    }
    return {"Ctrl + Enter": t("Run the analysis"), **viewer}


def _name(key: str) -> str:
    if key.startswith("ctrl+"):
        return f"Ctrl + {key[-1].upper()}"
    return NAMES.get(key, key.upper() if key.isalpha() and len(key) == 1 else key)
