"""A report as a PDF: pages with the disclaimer and their number on each, Chinese with the font that MedCore brings."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor, white
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    ListFlowable,
    ListItem,
    PageTemplate,
    Paragraph,
    Spacer,
)
from reportlab.platypus import Table as PaperTable

from medcore.errors import N_, Message
from medcore.exports.report_document import (
    DISCLAIMER,
    Block,
    Document,
    Facts,
    Picture,
    Pictures,
    Points,
    Sentence,
    Table,
    Wording,
)

FONT, FONT_FILE = "MedCore Sans SC", Path(__file__).resolve().parent / "fonts" / "MedCoreSansSC-Regular.ttf"
MARGIN, HEAD, FOOT = 16 * mm, 14 * mm, 18 * mm
INK, SOFT, LINE, SHADE, STAMP = map(HexColor, ("#1a2530", "#566573", "#cfd8df", "#f1f5f8", "#f6d78b"))
FLAG = HexColor("#fdf1da")
WIDTH = A4[0] - 2 * MARGIN
BESIDE, GAP = 3, 3 * mm  # pictures in a row
CHART_SHARE = 0.7  # of the width of a page
FACTS = (0.28, 0.72)


def report_pdf(document: Document, wording: Wording) -> bytes:
    """The report as a PDF; the same report gives the same bytes, and nothing in it tells when or where it was made."""
    pages = _Pages(document, wording, total=0)
    return _Pages(document, wording, total=pages.count).data


class _Pages:
    """One way through the report; the second one knows how many pages there are."""

    def __init__(self, document: Document, wording: Wording, *, total: int) -> None:
        self.document, self.wording, self.total = document, wording, total
        _font()
        file = io.BytesIO()
        title = wording.say(document.title)
        paper = BaseDocTemplate(
            file, pagesize=A4, title=title, author="MedCore", subject=wording.say(DISCLAIMER_), creator="MedCore",
            invariant=1, lang=wording.language.replace("_", "-"), leftMargin=MARGIN, rightMargin=MARGIN,
        )  # fmt: skip
        frame = Frame(MARGIN, FOOT, WIDTH, A4[1] - HEAD - FOOT, 0, 0, 0, 0)
        paper.addPageTemplates(PageTemplate("page", [frame], onPage=self._page))
        paper.build(self._story())
        self.count = paper.page
        self.data = file.getvalue()

    def _page(self, canvas: Canvas, paper: BaseDocTemplate) -> None:
        """The disclaimer and the number of the page."""
        say = self.wording.say
        canvas.setFillColor(STAMP)
        canvas.rect(MARGIN, FOOT - 9.5 * mm, WIDTH, 5.5 * mm, stroke=0, fill=1)
        canvas.setFillColor(INK)
        canvas.setFont(FONT, 7.5)
        canvas.drawString(MARGIN + 2 * mm, FOOT - 7.6 * mm, say(DISCLAIMER_))
        canvas.setFillColor(SOFT)
        canvas.setFont(FONT, 7.5)
        canvas.drawString(MARGIN, FOOT - 13 * mm, say(self.document.title))
        number = Message(N_("Page {page} of {pages}"), {"page": canvas.getPageNumber(), "pages": self.total})
        canvas.drawRightString(A4[0] - MARGIN, FOOT - 13 * mm, say(number))

    def _story(self) -> list[Flowable]:
        say = self.wording.say
        story: list[Flowable] = [self._text(say(self.document.title), "title")]
        story += [self._text(say(line), "soft") for line in self.document.status]
        for section in self.document.sections:
            story += [CondPageBreak(_room(section.blocks[0]) * mm), self._text(say(section.title), "heading")]
            for block in section.blocks:
                story += self._block(block)
        return story

    def _block(self, block: Block) -> list[Flowable]:
        say = self.wording.say
        match block:
            case Sentence(text, tone):
                return [self._text(say(text), tone.value)]
            case Points(items):
                points = [ListItem(self._text(say(one), "plain")) for one in items]
                made = ListFlowable(
                    points, bulletType="bullet", start="•", leftIndent=10, bulletFontName=FONT, bulletFontSize=7
                )
                return [made] if points else []
            case Table():
                return [self._table(block), Spacer(0, 2 * mm)]
            case Facts(pairs):
                return [self._facts([(say(name), say(one)) for name, one in pairs]), Spacer(0, 2 * mm)]
            case Pictures(title, pictures):
                heading = [self._text(say(title), "small heading")] if title else []
                return [KeepTogether([*heading, *self._pictures(pictures)])]

    def _table(self, table: Table) -> Flowable:
        say = self.wording.say
        columns = len(table.head)
        shares = table.wide or (1.0,) * columns
        widths = [WIDTH * share / sum(shares) for share in shares]
        size = "cell" if columns <= 8 else "small cell"
        cells = [[self._text(say(cell), size) for cell in row] for row in (table.head, *table.rows)]
        looks: list[tuple[object, ...]] = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, 0), SHADE),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
            *_padding(3),
            *[("BACKGROUND", (0, row + 1), (-1, row + 1), FLAG) for row in table.flagged],
        ]
        return PaperTable(cells, widths, repeatRows=1, style=looks, splitInRow=1)

    def _facts(self, pairs: Sequence[tuple[str, str]]) -> Flowable:
        if not pairs:
            return Spacer(0, 0)
        cells = [[self._text(name, "soft cell"), self._text(value, "cell")] for name, value in pairs]
        looks = [("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(1.5)]
        return PaperTable(cells, [WIDTH * share for share in FACTS], style=looks, splitInRow=1)

    def _pictures(self, pictures: Sequence[Picture]) -> list[Flowable]:
        beside = BESIDE if len(pictures) <= BESIDE else BESIDE + 1
        chart = any(one.wide for one in pictures)
        if chart:
            beside = 1
        width = CHART_SHARE * WIDTH if chart else (WIDTH - (beside - 1) * GAP) / beside
        rows: list[list[object]] = []
        for start in range(0, len(pictures), beside):
            some = pictures[start : start + beside]
            shown: list[object] = [_picture(one, width - 2 * mm) for one in some]
            style = "soft" if chart else "caption"
            said: list[object] = [self._text(self.wording.say(one.caption), style) for one in some]
            rows += [_spaced(shown, beside), _spaced(said, beside)]
        black = [
            ("BACKGROUND", (column, row), (column, row), INK)
            for row, cells in enumerate(rows)
            for column, cell in enumerate(cells)
            if cell != "" and not chart  # light on light, as it is drawn
        ]
        looks = [*black, ("ALIGN", (0, 0), (-1, -1), "CENTER"), ("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(2)]
        widths = [width if column % 2 == 0 else GAP for column in range(2 * beside - 1)]
        return [PaperTable(rows, widths, style=looks, hAlign="LEFT"), Spacer(0, 2 * mm)]

    def _text(self, text: str, style: str) -> Paragraph:
        chinese = self.wording.language.startswith("zh")
        return Paragraph(escape(text), _style(style, chinese))


DISCLAIMER_ = Message(DISCLAIMER)
SIZES = {
    "title": (17, INK), "soft": (8.5, SOFT), "heading": (12.5, INK), "small heading": (9.5, INK),
    "plain": (9, INK), "answer": (13.5, INK), "warning": (9, INK), "cell": (8, INK), "small cell": (6.8, INK),
    "soft cell": (8, SOFT), "caption": (7.5, white),
}  # fmt: skip


@cache
def _style(name: str, chinese: bool) -> ParagraphStyle:
    size, colour = SIZES[name]
    style = ParagraphStyle(
        f"{name} {chinese}",
        fontName=FONT,
        fontSize=size,
        leading=size * 1.42,
        textColor=colour,
        alignment=TA_LEFT,
        wordWrap="CJK" if chinese else None,
        splitLongWords=1,
        spaceBefore=8 if name == "heading" else 3 if name == "small heading" else 0,
        spaceAfter=3 if name in {"heading", "answer", "title", "small heading"} else 1,
    )
    if name == "warning":
        style.backColor, style.borderPadding = FLAG, 2
    if name == "heading":
        style.borderColor, style.borderWidth = None, 0
    return style


@cache
def _font() -> None:
    """Make the font known; its characters that a report uses go into the file."""
    pdfmetrics.registerFont(TTFont(FONT, io.BytesIO(FONT_FILE.read_bytes())))


def _room(first: Block) -> float:
    """How many millimetres of a page a section needs at least, so that no heading stands alone."""
    if not isinstance(first, Pictures):
        return 35
    return 72 if any(one.wide for one in first.pictures) else 95


def _picture(picture: Picture, width: float) -> Image:
    height = width * picture.height / picture.width
    return Image(io.BytesIO(picture.jpeg), width, height)


def _spaced(cells: list[object], beside: int) -> list[object]:
    """Cells with an empty column between each two, filled up to a whole row."""
    filled = [*cells, *[""] * (beside - len(cells))]
    return [cell for one in filled for cell in (one, "")][:-1]


def _padding(points: float) -> list[tuple[object, ...]]:
    return [(f"{side}PADDING", (0, 0), (-1, -1), points) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
