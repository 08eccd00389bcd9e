"""A report as one HTML file that needs nothing else: its pictures are in it, every text of it is escaped."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined

from medcore.exports.report_document import DISCLAIMER, Document, Picture, Wording

TEMPLATE = "response_report.html"


def report_html(document: Document, wording: Wording) -> str:
    """The report as a page of its own, which a browser can also print."""
    environment = Environment(
        loader=PackageLoader("medcore.exports", "templates"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(TEMPLATE).render(
        document=document,
        say=wording.say,
        source=_source,
        kind=lambda block: type(block).__name__,
        language=wording.language.replace("_", "-"),
        disclaimer=wording.translate(DISCLAIMER),
    )


def _source(picture: Picture) -> str:
    """A picture as a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode()
