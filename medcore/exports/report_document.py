"""A report as content: sections of sentences, tables and pictures, in no language yet, that JSON keeps and renders."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeAlias

from medcore.errors import N_, Message
from medcore.store.json_values import Json, as_list, as_number, as_table, as_text, from_message, to_message

Text: TypeAlias = "str | Message | tuple[Text, ...]"

WIDE_MARK = re.compile("(?<=[。！？；：，]) +")  # these carry their own space
ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
WIDE = 2.0  # width over height
DISCLAIMER = N_("Research and teaching only. Not a medical device: do not use for diagnosis or treatment.")


class Tone(StrEnum):
    """How a sentence is meant."""

    PLAIN = "plain"
    ANSWER = "answer"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A paragraph."""

    text: Text
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Points:
    """Sentences in a list."""

    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Args:
        flagged: Numbers of the rows that disagree with the rest.
        wide: Relative widths of the columns, for paper; all the same when empty.
    """

    head: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    flagged: tuple[int, ...] = ()
    wide: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    pairs: tuple[tuple[Text, Text], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG with what it shows; width and height in pixels."""

    jpeg: bytes
    width: int
    height: int
    caption: Text

    @property
    def wide(self) -> bool:
        """Whether it needs a row of its own, as a chart does."""
        return self.width > WIDE * self.height


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures that belong side by side."""

    title: Text
    pictures: tuple[Picture, ...]


Block: TypeAlias = Sentence | Points | Table | Facts | Pictures


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: Text
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report.

    Args:
        status: Whether it is a draft, or who signed it when.
    """

    title: Text
    sections: tuple[Section, ...]
    status: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Wording:
    """How a report is put into words.

    Args:
        language: "en" or "zh_CN".
        translate: Gettext function of that language.
        moved: By how much every date in it is moved; None drops the dates.
    """

    language: str
    translate: Callable[[str], str]
    moved: timedelta | None = timedelta(0)

    def say(self, text: Text) -> str:
        """A text in the reader's language, its dates moved."""
        match text:
            case Message():
                said = text.text(self.translate)
            case str():
                said = text
            case _:
                return WIDE_MARK.sub("", "".join(map(self.say, text)))
        return ISO_DATE.sub(self._day, said) if self.moved != timedelta(0) else said

    def _day(self, found: re.Match[str]) -> str:
        try:
            day = date(*map(int, found.groups()))
        except ValueError:  # digits that are no day
            return found.group()
        return "" if self.moved is None else (day + self.moved).isoformat()


def from_document(document: Document) -> Json:
    """A document as JSON."""
    return {
        "title": _from_text(document.title),
        "status": [_from_text(one) for one in document.status],
        "sections": [
            {"title": _from_text(one.title), "blocks": [_from_block(block) for block in one.blocks]}
            for one in document.sections
        ],
    }


def to_document(value: Json) -> Document:
    """The document of `from_document`.

    Raises:
        LookupError: It is not one.
        TypeError: The same.
    """
    table = as_table(value)
    sections = tuple(
        Section(_to_text(one["title"]), tuple(map(_to_block, as_list(one["blocks"]))))
        for one in map(as_table, as_list(table["sections"]))
    )
    return Document(_to_text(table["title"]), sections, _to_texts(table["status"]))


def _from_text(text: Text) -> Json:
    match text:
        case str():
            return text
        case Message():
            return from_message(text)
        case _:
            return [_from_text(one) for one in text]


def _to_text(value: Json) -> Text:
    match value:
        case str():
            return value
        case list():
            return _to_texts(value)
        case _:
            return to_message(value)


def _to_texts(value: Json) -> tuple[Text, ...]:
    return tuple(map(_to_text, as_list(value)))


def _from_block(block: Block) -> Json:
    match block:
        case Sentence(text, tone):
            return {"kind": "sentence", "text": _from_text(text), "tone": tone.value}
        case Points(items):
            return {"kind": "points", "items": [_from_text(one) for one in items]}
        case Table(head, rows, flagged, wide):
            cells: list[Json] = [[_from_text(cell) for cell in row] for row in rows]
            head_cells: list[Json] = [_from_text(one) for one in head]
            return {"kind": "table", "head": head_cells, "rows": cells, "flagged": [*flagged], "wide": [*wide]}
        case Facts(pairs):
            return {"kind": "facts", "pairs": [[_from_text(name), _from_text(one)] for name, one in pairs]}
        case Pictures(title, pictures):
            return {"kind": "pictures", "title": _from_text(title), "pictures": [_from_picture(p) for p in pictures]}


def _to_block(value: Json) -> Block:
    table = as_table(value)
    match table["kind"]:
        case "sentence":
            return Sentence(_to_text(table["text"]), Tone(as_text(table["tone"])))
        case "points":
            return Points(_to_texts(table["items"]))
        case "table":
            rows = tuple(map(_to_texts, as_list(table["rows"])))
            flagged = tuple(int(as_number(one)) for one in as_list(table["flagged"]))
            wide = tuple(as_number(one) for one in as_list(table["wide"]))
            return Table(_to_texts(table["head"]), rows, flagged, wide)
        case "facts":
            pairs = [_to_texts(pair) for pair in as_list(table["pairs"])]
            return Facts(tuple((name, one) for name, one in pairs))
        case "pictures":
            return Pictures(_to_text(table["title"]), tuple(map(_to_picture, as_list(table["pictures"]))))
    raise LookupError(f"a report has no {table['kind']}")


def _from_picture(picture: Picture) -> Json:
    return {
        "jpeg": base64.b64encode(picture.jpeg).decode(),
        "width": picture.width,
        "height": picture.height,
        "caption": _from_text(picture.caption),
    }


def _to_picture(value: Json) -> Picture:
    table = as_table(value)
    jpeg = base64.b64decode(as_text(table["jpeg"]))
    return Picture(jpeg, int(as_number(table["width"])), int(as_number(table["height"])), _to_text(table["caption"]))
