"""A signed reading as files from the shell: by its id or its baseline, with dates moved, alone in its folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from medcore.__main__ import main
from medcore.exports.report_document import Document, Section, Sentence, from_document
from medcore.settings import Settings
from medcore.store.audit import Event
from medcore.store.store import Store
from medcore.workbench.comparison_diff import ReadingFacts, from_facts
from medcore.workbench.comparison_draft import Chosen, Draft, from_draft
from tests.store.conftest import study

Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(Settings(data_dir=tmp_path / "data"))
    yield opened
    opened.close()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    monkeypatch.setenv("MEDCORE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEDCORE_DECODE_WORKERS", "1")

    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as stop:
            main([*map(str, arguments), "--json"])
        return int(stop.value.code or 0), json.loads(capfd.readouterr().out)

    return run


def signed(store: Store) -> tuple[str, str]:
    """A study with a signed reading: their ids."""
    first = store.add_studies([study(patient="PSEUDONYM", acquired_on=date(2025, 6, 7))])[0].study
    content = {
        "form": 1,
        "document": from_document(Document("Report", (Section("Response", (Sentence("PR on 2025-06-07"),)),))),
        "facts": from_facts(ReadingFacts("recist11", {}, 1.5, False, (), ())),
        "tables": {"lesions.csv": "timepoint,date\nT0,2025-06-07\n"},
        "draft": from_draft(Draft((Chosen(first.id, first.scans[0].id),))),
    }
    return first.id, store.readings.sign(first.id, content, who="Dr A", studies=[first.id], after=0).id


@pytest.mark.parametrize("by", ["study", "reading"])
def test_a_signed_reading_leaves_as_html_pdf_and_tables_with_its_dates_moved(
    call: Call, store: Store, tmp_path: Path, by: str
) -> None:
    first, reading = signed(store)
    out = tmp_path / "out"
    code, answer = call("export", first if by == "study" else reading, "--format", "report", "--out", out)
    assert code == 0 and (answer["reading"], answer["version"], answer["dates"]) == (reading, 1, "shift")
    tables = ("tables/lesions.csv", "tables/signatures.csv")
    assert set(answer["files"]) == {str(out / name) for name in ("report.html", "report.pdf", *tables)}
    paper = "".join(page.extract_text() for page in PdfReader(out / "report.pdf").pages)
    html, *rows = ((out / name).read_text(encoding="utf-8-sig") for name in ("report.html", *tables))
    for text in (paper, html, *rows):
        assert "2025-06-07" not in text and "PSEUDONYM" not in text
    assert "Dr A" in paper and answer["sha256"] in paper.replace("\n", "") and "PR on 20" in html
    assert any(one.deed.event is Event.EXPORTED and "report v1" in one.deed.detail for one in store.audit())


def test_what_cannot_be_exported_as_a_report_says_why(call: Call, store: Store, tmp_path: Path) -> None:
    first, reading = signed(store)
    other = store.add_studies([study(1)])[0].study.id
    for target, more, words in (
        (other, ["--out", tmp_path / "a"], "Nothing was signed off"),
        ("unknown", ["--out", tmp_path / "a"], "Nothing was signed off"),
        (reading, [], "Where to?"),
        (reading, ["--format", "png", "--out", tmp_path / "a"], "leaves by itself"),
    ):
        code, answer = call("export", target, "--format", "report", *more)
        assert code == 2 and words in answer["error"]["message"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    code, answer = call("export", first, "--format", "report", "--out", tmp_path / "full")
    assert code == 2 and "not an empty folder" in answer["error"]["message"]
