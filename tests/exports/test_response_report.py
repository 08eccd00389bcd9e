"""The report of a response: one content in two languages, as HTML and as PDF; nothing from outside, nobody named."""

from __future__ import annotations

import io
import re
import unicodedata
from datetime import timedelta

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image
from pypdf import PdfReader

from medcore.errors import Message
from medcore.exports.key_images import LONGEST_SIDE, OUTLINE, key_picture
from medcore.exports.report_document import (
    DISCLAIMER,
    Document,
    Facts,
    Pictures,
    Points,
    Section,
    Sentence,
    Table,
    Tone,
    Wording,
    from_document,
    to_document,
)
from medcore.exports.response_pdf import FONT_FILE, report_pdf
from medcore.exports.response_report import report_html
from medcore.language import catalogue, translator

ENGLISH, CHINESE = Wording("en", str), Wording("zh_CN", translator("zh_CN"))


def region() -> np.ndarray:
    inside = np.zeros((20, 30), dtype=bool)
    inside[5:12, 5:15] = True
    return inside


def document() -> Document:
    picture = key_picture(np.full((20, 30), 0.5, np.float32), region(), "T0 <b>", pixel=(2.0, 1.0), true_scale=False)
    rows = tuple((f"L{number}", Message("target"), "12.5 mm") for number in range(60))
    return Document(
        "Report of 2021-03-01",
        (
            Section(
                Message("Lesions"),
                (
                    Sentence(("RECIST 1.1: ", "PR"), Tone.ANSWER),
                    Points((Message("The sum is {sum} ≥ 30 % − <i>", {"sum": 18.5}), "→ μ²")),
                    Table((Message("Lesion"), Message("Role"), "x"), rows, (1,), (1, 2, 3)),
                    Facts(((Message("Software"), "f" * 64),)),
                    Pictures("L1", (picture,) * 5),
                ),
            ),
        ),
        (Message("Signed off by {who}", {"who": "<script>"}),),
    )


def text_of(data: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


def test_a_document_comes_back_from_json_as_it_was() -> None:
    assert to_document(from_document(document())) == document()


def test_html_holds_its_pictures_and_escapes_what_was_typed() -> None:
    html = report_html(document(), CHINESE)
    assert "<script>" not in html and "&lt;script&gt;" in html and "T0 &lt;b&gt;" in html
    assert 'lang="zh-CN"' in html and CHINESE.translate(DISCLAIMER) in html and CHINESE.translate("Lesions") in html
    assert "http:" not in html and "https:" not in html and html.count('src="data:image/jpeg;base64,') == 5


@pytest.mark.parametrize("wording", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_page_of_the_pdf_has_the_disclaimer_and_its_number(wording: Wording) -> None:
    pages = text_of(report_pdf(document(), wording))
    assert len(pages) > 2
    for page in pages:
        assert wording.translate(DISCLAIMER) in page
    if wording is ENGLISH:
        assert [f"Page {n} of {len(pages)}" in page for n, page in enumerate(pages, start=1)] == [True] * len(pages)


def test_the_words_of_the_pdf_can_be_read_back_in_both_languages() -> None:
    english, chinese = ("\n".join(text_of(report_pdf(document(), one))) for one in (ENGLISH, CHINESE))
    assert "RECIST 1.1: PR" in english and "18.5 ≥ 30 % − <i>" in english and "→ μ²" in english
    assert "Lesion" in english and "target" in english and "f" * 64 in english.replace("\n", "")
    assert translator("zh_CN")("Lesions") in chinese and translator("zh_CN")("target") in chinese


def test_chinese_is_embedded_so_that_no_font_of_the_readers_machine_is_needed() -> None:
    for page in PdfReader(io.BytesIO(report_pdf(document(), CHINESE))).pages:
        for font in page["/Resources"]["/Font"].values():
            one = font.get_object()
            described = one.get("/DescendantFonts", [one])[0].get_object().get("/FontDescriptor")
            embedded = described is not None and "/FontFile2" in described.get_object()
            assert embedded or one["/BaseFont"] == "/Helvetica", "the library names Helvetica on every page, unused"


def test_the_font_has_every_letter_of_the_translations_and_the_signs_of_a_report() -> None:
    with TTFont(FONT_FILE, lazy=True) as font:
        known = font.getBestCmap()
    words = catalogue("zh_CN").read_text(encoding="utf-8")
    letters = {sign for sign in words if unicodedata.category(sign)[0] in "LNP"}
    assert not {sign for sign in {*letters, *"✓⚠→−±≥≤×²³µ…–"} if ord(sign) not in known}


def test_the_pdf_tells_neither_who_nor_when_nor_where_and_is_the_same_each_time() -> None:
    data = report_pdf(document(), ENGLISH)
    assert data == report_pdf(document(), ENGLISH)
    facts = PdfReader(io.BytesIO(data)).metadata
    assert facts is not None and facts.author == facts.creator == "MedCore" and facts.creation_date.year == 2000
    assert set(facts) <= {
        "/Author", "/CreationDate", "/Creator", "/Keywords", "/ModDate", "/Producer", "/Subject", "/Title", "/Trapped",
    }  # fmt: skip
    assert b"/work" not in data and b"/home" not in data


@pytest.mark.parametrize(("moved", "expected"), [(timedelta(-10), "2021-02-19"), (None, "")])
def test_dates_of_a_report_move_or_vanish_everywhere(moved: timedelta | None, expected: str) -> None:
    wording = Wording("en", str, moved)
    html = report_html(document(), wording)
    pages = text_of(report_pdf(document(), wording))
    assert "2021-03-01" not in html and f"Report of {expected}" in html
    assert not any("2021-03-01" in page for page in pages) and f"Report of {expected}".strip() in pages[0]
    assert "2021-03-01" not in str(PdfReader(io.BytesIO(report_pdf(document(), wording))).metadata)


def test_digits_that_are_no_day_stay() -> None:
    assert Wording("en", str, timedelta(1)).say("2021-13-01 1.2.3-45-67") == "2021-13-01 1.2.3-45-67"


def test_sentences_of_chinese_follow_each_other_without_a_space() -> None:
    assert CHINESE.say(("已运行。", " ", "无病灶。 ", "T1 2021")) == "已运行。无病灶。T1 2021"
    assert ENGLISH.say(("Run.", " ", "No lesion.")) == "Run. No lesion."


def test_a_key_image_has_true_proportions_its_outline_and_a_bar_of_ten_millimetres() -> None:
    made = key_picture(np.full((20, 30), 0.5, np.float32), region(), "", pixel=(2.0, 1.0), true_scale=True)
    picture = np.asarray(Image.open(io.BytesIO(made.jpeg))).astype(int)
    assert (made.width, made.height) == (315, 420) == picture.shape[1::-1], "a pixel twice as high as wide"
    near = np.abs(picture - OUTLINE).sum(axis=2) < 100
    rows, columns = np.nonzero(near)
    scale = LONGEST_SIDE / 40
    assert rows.min() == pytest.approx(5 * 2 * scale, abs=4) and rows.max() == pytest.approx(12 * 2 * scale, abs=4)
    assert columns.min() == pytest.approx(5 * scale, abs=4) and columns.max() == pytest.approx(15 * scale, abs=4)
    assert near.sum() < 0.5 * (rows.max() - rows.min()) * (columns.max() - columns.min()), "a line, not the whole"
    bar = (picture.min(axis=2) > 220).sum(axis=1).max()
    assert bar == pytest.approx(10 * scale, abs=4)


def test_a_report_names_no_address_of_the_web() -> None:
    assert not re.search(rb"https?://", report_pdf(document(), ENGLISH).replace(b"http://www.reportlab.com", b""))
