"""The viewer's words in the language of the page; its JavaScript marks them with t("...") and N_("...")."""

from __future__ import annotations

import re
from typing import Final

from pages.ui.viewer import assets
from pages.ui.words import t

MARKED: Final = re.compile(r'\b(?:t|N_)\(\s*"((?:[^"\\]|\\.)*)"')
PLACES: Final = re.compile(r"\{(\w+)\}")
TEXTS: Final = tuple(sorted({text for source in assets.scripts() for text in MARKED.findall(source)}))


def words() -> dict[str, str]:
    """Each English text with its translation, the {named} places left for the browser to fill."""
    return {text: t(text, **{name: f"{{{name}}}" for name in PLACES.findall(text)}) for text in TEXTS}


def label_name(value: int) -> str:
    """What to call a label that nobody has named."""
    return t("Label {value}", value=int(value))
