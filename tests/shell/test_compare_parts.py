"""What `compare` adds on request: what speaks against a model's answers is not lost on the way."""

from types import SimpleNamespace
from typing import cast

import pytest

from medcore.comparison.compare import Compared
from medcore.errors import Message
from medcore.records import Issue, Severity
from medcore.shell.compare_parts import model_warnings, print_model_warnings
from medcore.workbench.analyse import Analysis

THICK = Issue("thick_slices", Severity.WARN, Message("The slices are {apart:.1f} mm apart.", {"apart": 5.0}))
SMALL = Issue("synthetic", Severity.INFO, Message("A phantom."))


def answer(*issues: Issue) -> Analysis:
    return cast(Analysis, SimpleNamespace(prediction=SimpleNamespace(run=SimpleNamespace(warnings=issues))))


def test_what_the_task_doubts_is_told_study_by_study(capsys: pytest.CaptureFixture[str]) -> None:
    told = model_warnings([answer(SMALL), answer(THICK, SMALL)])["model_warnings"]
    assert isinstance(told, list) and told[0] == []
    assert [(one["code"], one["message"]) for one in told[1]] == [("thick_slices", "The slices are 5.0 mm apart.")]  # type: ignore[union-attr, index, call-overload]
    visits = (SimpleNamespace(label="first"), SimpleNamespace(label="second"))
    print_model_warnings(cast(Compared, SimpleNamespace(visits=visits)), [answer(SMALL), answer(THICK)])
    printed = capsys.readouterr().out
    assert "second: The slices are 5.0 mm apart." in printed and "phantom" not in printed


def test_without_a_model_there_is_nothing_to_tell() -> None:
    assert model_warnings(()) == {}
