"""A report without the pictures of the scans: for places where no patient's picture may go."""

from __future__ import annotations

from dataclasses import replace

from medcore.errors import N_, Message
from medcore.exports.report_document import Block, Document, Pictures, Section, Sentence

LEFT_OUT = N_("Pictures of the scans were left out: {count}.")
CHART = 2.0  # width over height of what is a chart and no scan, at least


def without_scans(document: Document) -> Document:
    """The same report, told where pictures of scans stood; charts stay."""
    return replace(document, sections=tuple(_bare(section) for section in document.sections))


def _bare(section: Section) -> Section:
    blocks: list[Block] = []
    left_out = 0
    for block in section.blocks:
        if not isinstance(block, Pictures):
            blocks.append(block)
            continue
        charts = tuple(one for one in block.pictures if one.width > CHART * one.height)
        left_out += len(block.pictures) - len(charts)
        if charts:
            blocks.append(replace(block, pictures=charts))
    if left_out:
        blocks.append(Sentence(Message(LEFT_OUT, {"count": left_out})))
    return replace(section, blocks=tuple(blocks))
