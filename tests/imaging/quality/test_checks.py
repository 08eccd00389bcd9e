"""Every check: it speaks up about its fault in words of use, and is silent about phantoms and odd shapes."""

import ast
import re
from functools import cache

import numpy as np
import pytest

from medcore.errors import Message
from medcore.imaging.quality import load_checks
from medcore.imaging.quality_report import inspect, quality_report, worst_first
from medcore.records import Issue, Severity
from medcore.volume import Geometry, Unit, Volume
from medcore.workbench.quality_titles import OF_READERS, quality_title
from tests.conftest import ROOT
from tests.imaging.quality.scans import ct, faulty, phantoms, radiograph

CODES = sorted(code for check in load_checks().values() for code in check.codes)


@cache
def found(code: str) -> Issue:
    issues = {issue.code: issue for issue in inspect(faulty()[code])}
    assert code in issues, sorted(issues)
    return issues[code]


def test_every_code_of_every_check_has_a_scan_that_provokes_it() -> None:
    assert set(CODES) == set(faulty()) and len(CODES) == len(set(CODES))


@pytest.mark.parametrize("code", CODES)
def test_a_fault_is_reported_with_a_message_what_to_do_and_figures_beyond_the_limit(code: str) -> None:
    issue = found(code)
    assert issue.message.text().endswith(".") and issue.hint.text().endswith(".")
    assert "{" not in issue.message.text() + issue.hint.text()
    assert quality_title(code) != code
    if code != "secondary_capture":
        assert issue.measured is not None and issue.limit is not None
        assert issue.measured < issue.limit if code == "low_contrast" else issue.measured > issue.limit


@pytest.mark.parametrize("number", range(4))
def test_nothing_is_wrong_with_a_phantom(number: int) -> None:
    assert inspect(phantoms()[number]) == ()


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_flipped_phantom_is_as_good(number: int, axis: int) -> None:
    scan = phantoms()[number]
    flipped = np.flip(scan.voxels, axis).copy()
    assert inspect(Volume(flipped, scan.unit, scan.modality, scan.geometry, body_part=scan.body_part)) == ()


@pytest.mark.parametrize("code", ["noisy", "blurred", "inverted", "turned", "bias_field", "ghosting"])
def test_the_measure_does_not_change_when_all_values_are_tripled(code: str) -> None:
    scan = faulty()[code]
    tripled = Volume(scan.voxels.astype(np.uint16) * 3, scan.unit, scan.modality, scan.geometry, body_part="CHEST")
    again = {issue.code: issue.measured for issue in inspect(tripled)}
    assert again[code] == pytest.approx(found(code).measured, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (1, 3, 3), (2, 7, 5), (3, 2, 300), (1, 65, 64), (40, 9, 9)])
@pytest.mark.parametrize("modality", ["DX", "CT", "MR", "", "US"])
def test_no_shape_is_too_odd(shape: tuple[int, int, int], modality: str) -> None:
    values = np.random.default_rng(0).integers(0, 3071, shape).astype(np.int16)
    unit = Unit.HU if modality == "CT" else Unit.GREY
    inspect(Volume(values, unit, modality, Geometry.from_spacing((2.0, 1.0, 1.0))))
    inspect(
        Volume(np.repeat(values[..., None] // 13, 3, axis=3).astype(np.uint8), Unit.RGB, modality, Geometry.pixels())
    )


def test_the_same_scan_gives_the_same_report() -> None:
    assert inspect(faulty()["noisy"]) == inspect(faulty()["noisy"])


def test_a_report_holds_what_reading_found_and_puts_the_worst_first() -> None:
    known = (
        Issue("voi_table", Severity.INFO, Message("A curve.")),
        Issue("burned_in_text", Severity.WARN, Message("The sender says so.")),
    )
    report = quality_report(faulty()["burned_in_text"], known)
    texts = [issue for issue in report if issue.code == "burned_in_text"]
    assert [str(issue.message) for issue in texts] == ["The sender says so."]
    assert report[-1].code == "voi_table"


def test_among_equals_the_one_farthest_beyond_its_limit_comes_first() -> None:
    mild, bad = (Issue(name, Severity.WARN, Message(""), measured=m, limit=1.0) for name, m in (("a", 1.1), ("b", 9.0)))
    few = Issue("c", Severity.WARN, Message(""), measured=0.5, limit=1.0)
    stop = Issue("d", Severity.BLOCK, Message(""))
    assert [issue.code for issue in worst_first([mild, few, bad, stop])] == ["d", "b", "c", "a"]


def test_every_code_that_reading_reports_has_a_title() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "medcore" / "readers").glob("*.py"))
    calls = [node for node in ast.walk(ast.parse(_joined())) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", "") == "Issue" and call.args]
    codes = {str(call.args[0].value) for call in named if isinstance(call.args[0], ast.Constant)}
    assert codes and all(re.search(rf'"{code}"', written) for code in codes)
    assert {code for code in codes if quality_title(code) == code} == set()
    assert set(OF_READERS) & set(CODES) == set()


def _joined() -> str:
    """All readers as one module; their future imports would stand in its middle."""
    files = sorted((ROOT / "medcore" / "readers").glob("*.py"))
    return "\n".join(
        file.read_text(encoding="utf-8").replace("from __future__ import annotations", "") for file in files
    )


def test_a_scan_of_another_kind_is_not_judged_by_the_limits_of_radiographs() -> None:
    speckle = np.random.default_rng(0).rayleigh(40, (200, 200))
    assert "noisy" in {issue.code for issue in inspect(radiograph(speckle))}
    assert inspect(radiograph(speckle, modality="US")) == ()


def test_of_a_large_stack_only_a_few_slices_are_looked_at() -> None:
    stack = np.full((200, 64, 64), -1000)
    stack[0], stack[-1] = 3071, 3071
    assert [issue.code for issue in inspect(ct(stack))] == ["nearly_empty"]
