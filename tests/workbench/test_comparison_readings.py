"""Readings that are signed off: frozen with report, figures and tables; a later change is a new version with a diff."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from pypdf import PdfReader

from medcore.comparison.certainty import Noise
from medcore.comparison.compare import Compared
from medcore.comparison.proof import Proof
from medcore.errors import NotFoundError, StoreError
from medcore.exports.report_document import Wording
from medcore.imaging.registration.alignment import Alignment, Motion
from medcore.imaging.registration.register import register
from medcore.language import translator
from medcore.records import DatePolicy, LesionRole, Study
from medcore.settings import Settings
from medcore.volume import Mask, MaskOrigin
from medcore.workbench import comparison_answer
from medcore.workbench.assess import certainty
from medcore.workbench.comparison_draft import Chosen, Draft
from medcore.workbench.comparison_readings import Told, html, pdf, zipped
from medcore.workbench.comparisons import Aligned
from medcore.workbench.history_table import read_history
from medcore.workbench.workbench import Workbench
from tests.workbench.test_comparisons import SHAPE, head, put  # noqa: F401  (put: a fixture)

SAY = Wording("en", str).say


@cache
def alignment() -> Alignment:
    return register(head(24.0, 18.0, later=False).volume, head(14.0, 11.0, later=True).volume, motion=Motion.RIGID)


@pytest.fixture
def pair(put: Callable[..., Study], monkeypatch: pytest.MonkeyPatch) -> tuple[Study, Study]:  # noqa: F811
    """Two studies that are aligned once for all tests."""
    monkeypatch.setattr("medcore.comparison.compare.register", lambda *given, **more: alignment())
    return put(head(24.0, 18.0, later=False)), put(head(14.0, 11.0, later=True))


def known(workbench: Workbench, baseline: Study, **changes: object) -> tuple[Aligned, Compared, Draft]:
    door = workbench.comparisons
    draft = replace(door.opened(baseline).draft, **changes)  # type: ignore[arg-type]
    aligned = door.align(draft)
    return aligned, door.conclude(aligned, draft), draft


def told(workbench: Workbench, baseline: Study, **changes: object) -> Told:
    return workbench.readings.told(*known(workbench, baseline, **changes))


def rows_of(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table)))


def test_a_signed_reading_opens_as_it_was_after_masks_and_decisions_have_changed(
    workbench: Workbench, pair: tuple[Study, Study]
) -> None:
    before, after = pair
    first = told(workbench, before)
    signed = workbench.readings.sign(first, "Dr Li", after=0)
    page = html(workbench.readings.open(signed.id).document, "en")
    assert b"Dr Li" in page and b"Version 1" in page and signed.sha256.encode() in page and b"RECIST 1.1: PR" in page
    (mask,) = workbench.store.masks(after.scans[0].id)
    large = Mask(
        (head(24.0, 18.0, later=True).mask.labels > 0).astype(np.uint8),
        {1: "lesion"},
        workbench.store.mask(mask.id).geometry,
    )
    workbench.studies.save_mask(after.scans[0].id, large, name="Lesions", origin=MaskOrigin.CORRECTED, replaces=mask.id)
    again = workbench.readings.open(signed.id)
    assert html(again.document, "en") == page and again.draft == first.draft and not again.changes
    assert len(read_history(again.tables["lesions.csv"].encode()).timepoints) == 2
    now = told(workbench, before)
    changes = workbench.readings.changes_since(signed, now)
    assert ("PR", "SD") in {(SAY(one.before), SAY(one.after)) for one in changes}
    second = workbench.readings.sign(now, "Dr Wang", after=1)
    newer = workbench.readings.open(second.id)
    words = html(newer.document, "en").decode()
    assert newer.before == 1 and newer.changes == changes and "Changes since version 1" in words
    assert "L1 · T1" in words and "Longest diameter" in words
    assert html(workbench.readings.open(signed.id).document, "en") == page, "the first version stands"
    assert [one.version for one in workbench.readings.versions(before.id)] == [2, 1]


def test_what_was_just_signed_leaves_as_signed_and_its_tables_say_who_and_what_changed(
    workbench: Workbench, pair: tuple[Study, Study]
) -> None:
    door, first = workbench.readings, told(workbench, pair[0])
    signed = door.sign(first, "Dr Li", after=0)
    assert b"Version 1" in html(door.report(first, signed), "en"), "nobody leaves with a draft of what they signed"
    now = told(workbench, pair[0], reader_sd_mm=3.0)
    assert b"Draft" in html(door.report(now, signed), "en") and "signatures.csv" not in door.tables(now, signed)
    second = door.sign(now, "Dr Wang", after=1)
    tables = door.tables(now, second)
    assert [one["signed_by"] for one in rows_of(tables["signatures.csv"])] == ["Dr Wang", "Dr Li"]
    changes = rows_of(tables["changes_since_last_version.csv"])
    assert ("Reader SD, mm", "1.5", "3") in {(one["what"], one["before"], one["after"]) for one in changes}
    with zipfile.ZipFile(io.BytesIO(zipped(tables, timedelta(-31)))) as archive:
        assert signed.signed_at.strftime("%Y%m%dT") in archive.read("signatures.csv").decode(), "no day of the patient"


def test_a_report_names_visits_and_not_the_titles_that_people_typed(
    workbench: Workbench,
    pair: tuple[Study, Study],
    put: Callable[..., Study],  # noqa: F811
) -> None:
    stranger = put(head(14.0, 10.0, later=True), patient="PSEUDONYM-2", title="Zhang San")
    visits = tuple(Chosen(one.id, one.scans[0].id) for one in (pair[0], stranger))
    page = html(workbench.readings.report(told(workbench, pair[0], visits=visits)), "en").decode()
    assert "does not carry the pseudonym" in page and "“T1" in page and "Zhang San" not in page


def test_the_same_reading_is_not_signed_twice_and_two_readers_do_not_overwrite_each_other(
    workbench: Workbench, pair: tuple[Study, Study]
) -> None:
    first = told(workbench, pair[0])
    signed = workbench.readings.sign(first, "A", after=0)
    assert workbench.readings.changes_since(signed, first) == ()
    with pytest.raises(StoreError, match="Nothing changed"):
        workbench.readings.sign(told(workbench, pair[0]), "B", after=1)
    with pytest.raises(StoreError, match="Someone else"):
        workbench.readings.sign(told(workbench, pair[0], reader_sd_mm=3.0), "B", after=0)


def test_the_report_says_all_that_it_should_in_both_languages_and_names_no_patient(
    workbench: Workbench, pair: tuple[Study, Study]
) -> None:
    aligned, found, draft = known(workbench, pair[0], organ="brain")
    row = comparison_answer.rows(aligned, found)[0]
    draft = replace(draft, confirmed=frozenset({row.anchor}))
    sure = certainty(found.timepoints, "recist11", Noise())
    proof = Proof(2.0, 40.0, 39.0, 4.0, 3.9, 0.3, True)
    document = workbench.readings.report(workbench.readings.told(aligned, found, draft, sure, proof))
    for language in ("en", "zh_CN"):
        translate = translator(language)
        page = html(document, language).decode()
        paper = "\n".join(one.extract_text() for one in PdfReader(io.BytesIO(pdf(document, language))).pages)
        for text in ("Visits", "Lesions", "All criteria side by side", "To keep in mind", "How this was made"):
            assert translate(text) in page and translate(text) in paper
        for text in ("RECIST 1.1", "P(PR)", "+39.0 %", "iRECIST", "T0 2021-03-01"):
            assert text in page and text in paper
        for scan in (pair[0].scans[0].sha256, pair[1].scans[0].sha256):
            assert scan in page and scan in paper.replace("\n", "")
        for study in pair:
            assert study.patient not in page + paper and study.title not in page + paper and study.id not in page
        for text in ("Each lesion over time", "Whole image"):
            assert translate(text) in page and translate(text) in paper
        assert page.count("data:image/jpeg") == 5  # four key images and the chart


def test_tables_hold_everything_with_full_digits(workbench: Workbench, pair: tuple[Study, Study]) -> None:
    aligned, found, draft = known(workbench, pair[0])
    sure = certainty(found.timepoints, "recist11", Noise())
    tables = workbench.readings.tables(workbench.readings.told(aligned, found, draft, sure))
    with zipfile.ZipFile(io.BytesIO(zipped(tables, timedelta(-31)))) as archive:
        files = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    assert "2021-03-01" not in "".join(files.values()) and "2021-01-29" in files["lesions.csv"]
    rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}
    extent = found.visits[1].pieces[0].extent
    sizes = [one for one in rows["measurements.csv"] if one["lesion"] == "L1"]
    assert float(sizes[1]["longest_mm"]) == extent.longest_mm and sizes[1]["fate"] == "followed"
    assert len({one["criterion"] for one in rows["response.csv"]}) > 10
    chosen = [one for one in rows["response.csv"] if one["chosen"] == "1"]
    assert [one["overall"] for one in chosen] == ["BASELINE", "PR"]
    last = [float(one["chance"]) for one in rows["chances.csv"] if one["timepoint"].startswith("T1")]
    assert sum(last) == pytest.approx(1.0)
    matrix = [[float(rows["alignment.csv"][0][f"to_baseline_{r}{c}"]) for c in range(4)] for r in range(4)]
    assert np.array(matrix) == pytest.approx(aligned.alignments[0].to_fixed)
    assert rows["scans.csv"][0]["sha256"] == pair[0].scans[0].sha256 and rows["flips.csv"] and rows["volumes.csv"]


def test_pictures_that_may_show_a_name_stay_out_until_released(
    workbench: Workbench, pair: tuple[Study, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    from medcore.workbench import release

    monkeypatch.setattr(release, "look_at", lambda volume, covers=(): release.Look("tesseract", words=("MUSTERMANN",)))
    now = told(workbench, pair[0])
    page = html(workbench.readings.report(now), "en").decode()
    assert page.count("data:image") == 1, "the chart, which holds no pixel of a scan"
    assert "T0 2021-03-01, T1 2021-06-01 are left out" in page and "<h3>Lesion L1</h3>" not in page
    for study in pair:
        workbench.export.confirm(study, [study.scans[0].id], who="A", why="phantom", covers={})
    assert html(workbench.readings.report(now), "en").decode().count("data:image") == 5


def test_a_reading_is_found_by_its_id_or_by_its_baseline_and_its_dates_move(
    workbench: Workbench, pair: tuple[Study, Study]
) -> None:
    with pytest.raises(NotFoundError, match="Nothing was signed off"):
        workbench.readings.resolve(pair[0].id)
    signed = workbench.readings.sign(told(workbench, pair[0]), "A", after=0)
    assert workbench.readings.resolve(pair[0].id).signed == workbench.readings.resolve(signed.id).signed == signed
    moved = workbench.readings.moved(pair[0].id, DatePolicy.SHIFT)
    assert moved and moved == workbench.readings.moved(pair[1].id, DatePolicy.SHIFT), "one patient, one shift"
    page = html(workbench.readings.open(signed.id).document, "en", moved).decode()
    assert "2021-03-01" not in page and (date(2021, 3, 1) + moved).isoformat() in page
    assert workbench.readings.moved(pair[0].id, DatePolicy.DROP) is None
    assert not workbench.readings.moved(pair[0].id, DatePolicy.KEEP)


def test_every_kind_of_decision_can_be_undone_one_by_one(workbench: Workbench, pair: tuple[Study, Study]) -> None:
    door = workbench.comparisons
    start = door.opened(pair[0]).draft
    drafts = [start]
    for change in (
        {"organ": "brain"},
        {"criterion": "who", "options": {"x": "1"}},
        {"accepted": True},
        {"roles": {"a": LesionRole.NONTARGET}},
        {"links": {"a": "b"}},
        {"confirmed": frozenset({"a"})},
        {"nodes": frozenset({"a"}), "organs": {"a": "liver"}},
        {"visits": start.visits[:1]},
        {"reader_sd_mm": 3.0},
    ):
        drafts.append(replace(drafts[-1], **change))  # type: ignore[arg-type]
        door.keep(pair[0].id, drafts[-1], version=len(drafts) - 2)
    version = len(drafts) - 1
    for expected in reversed(drafts[:-1]):
        assert door.undo(pair[0].id, version=version).draft == expected
        version += 1
    assert not door.opened(pair[0]).undoable


def test_a_draft_survives_a_process_that_dies_without_closing(
    workbench: Workbench, settings: Settings, pair: tuple[Study, Study]
) -> None:
    script = f"""
        import os
        from dataclasses import replace
        from pathlib import Path
        from medcore.settings import Settings
        from medcore.store.store import Store
        from medcore.workbench.comparisons import Comparisons
        here = Path({str(settings.data_dir)!r})
        store = Store.open(Settings(data_dir=here, models_dir=here))
        door = Comparisons(store)
        kept = door.opened(store.study({pair[0].id!r}))
        door.keep({pair[0].id!r}, replace(kept.draft, organ="brain", reader_sd_mm=2.5), version=kept.version)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, timeout=120)
    assert done.returncode == -9
    kept = workbench.comparisons.opened(pair[0])
    assert (kept.draft.organ, kept.draft.reader_sd_mm, kept.undoable) == ("brain", 2.5, True)
