"""The languages of the interface: gettext catalogues under medcore/locale, read as they are written (.po)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from babel.messages.pofile import read_po

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
LOCALE = Path(__file__).resolve().parent / "locale"
DOMAIN = "medcore"
CARD_TEXTS = (
    "title",
    "summary",
    "intended_use",
    "out_of_scope",
    "training_data",
    "limits",
)  # what people read of a card


@cache
def translator(language: str) -> Callable[[str], str]:
    """The gettext function of one language; an unknown language, or a text without translation, stays English.

    >>> translator("zh_CN")("English text without a translation")
    'English text without a translation'
    """
    texts = _translations(language) if language in LANGUAGES else {}
    return lambda text: texts.get(text, text)


def best_language(preferred: str) -> str:
    """The language to show to someone whose browser or shell prefers `preferred` ("zh-CN", "zh_Hans", "en_GB.UTF-8").

    >>> best_language("zh-Hans"), best_language("fr")
    ('zh_CN', 'en')
    """
    primary = preferred.strip().replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return next((known for known in LANGUAGES if known.partition("_")[0] == primary), "en")


def catalogue(language: str) -> Path:
    """Where the texts of one language are."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def extract_card(
    file: IO[bytes], keywords: object, comment_tags: object, options: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Babel's extraction method for models/<id>/card.toml: the texts of a card that people read.

    Yields:
        Line, function name (none), text and translator comments (none), as Babel asks.
    """
    for text in card_texts(tomllib.loads(file.read().decode("utf-8"))):
        yield 1, "", text, []


def card_texts(table: Mapping[str, Any]) -> Iterator[str]:
    """The sentences of a parsed card.toml that the catalogues translate, label titles included."""
    for field in CARD_TEXTS:
        value = table.get(field, ())
        yield from [value] if isinstance(value, str) else value
    yield from (label["title"] for label in table.get("labels", ()))


@cache
def _translations(language: str) -> Mapping[str, str]:
    path = catalogue(language)
    if not path.is_file():
        return MappingProxyType({})
    with path.open("rb") as file:
        entries = read_po(file, locale=language, domain=DOMAIN)
    pairs = ((str(entry.id), str(entry.string)) for entry in entries if not entry.fuzzy)
    return MappingProxyType({text: translation for text, translation in pairs if text and translation})
