"""Answers are kept picture by picture, and read again as they were."""

from pathlib import Path

import numpy as np
import pytest

from medcore.errors import CardError
from medcore.evaluation.kept_answers import EXTERNAL, PictureAnswer, Pixels, answers_text, as_answers, read_answers

ANSWERS = (
    PictureAnswer("test", "one", "a,b/1.png", 3, (True,), (0.25,), distance=1.5, columns={"sex": "F", "age": ""}),
    PictureAnswer("test", "two", "2.png", 3, (False,), (0.75,), index=7, pixels=Pixels(5, 4, 3, 100, None, 0.5)),
    PictureAnswer(EXTERNAL, "two", "3.png", 3, (True,), (1.0,), columns={"sex": "M"}),
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text(answers_text(ANSWERS, ["finding"]))
    found = read_answers(tmp_path / "answers.csv")
    assert [(a.part, a.source, a.file, a.index, a.group, a.distance) for a in found] == [
        (a.part, a.source, a.file, a.index, a.group, a.distance) for a in ANSWERS
    ]
    assert [a.truth + a.probability for a in found] == [a.truth + a.probability for a in ANSWERS]
    assert [a.columns["sex"] for a in found] == ["F", "", "M"]
    assert [a.pixels for a in found] == [a.pixels for a in ANSWERS]


def test_groups_of_different_sources_stay_apart() -> None:
    found = as_answers(ANSWERS)
    assert found.group.tolist() == [0, 1, 1]
    assert np.array_equal(found.truth, [True, False, True])


def test_no_file_means_no_answers_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert read_answers(tmp_path / "answers.csv") == ()
    (tmp_path / "answers.csv").write_text("part,source\ntest,x\n")
    with pytest.raises(CardError, match="cannot be read"):
        read_answers(tmp_path / "answers.csv")
