"""Reports that leave without a patient's pictures."""

from __future__ import annotations

from medcore.errors import Message
from medcore.exports.report_document import Document, Picture, Pictures, Section, Sentence
from medcore.exports.without_scans import LEFT_OUT, without_scans


def test_pictures_of_scans_go_and_are_counted_while_charts_and_words_stay() -> None:
    scan, chart = Picture(b"scan", 200, 180, "L1"), Picture(b"chart", 900, 300, "Sum")
    said = Sentence("Stable")
    document = Document("Report", (Section("Lesions", (said, Pictures("L1", (scan, scan)), Pictures("", (chart,)))),))
    (section,) = without_scans(document).sections
    assert section.blocks[:2] == (said, Pictures("", (chart,)))
    assert section.blocks[2:] == (Sentence(Message(LEFT_OUT, {"count": 2})),)


def test_a_report_without_pictures_stays_as_it_is() -> None:
    document = Document("Report", (Section("Response", (Sentence("Stable"),)),))
    assert without_scans(document) == document
