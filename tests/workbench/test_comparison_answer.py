"""All criteria beside the chosen one: which say the same, which contradict it, which speak of something else."""

from __future__ import annotations

from dataclasses import replace

from medcore.records import LesionReading, LesionRole
from medcore.workbench.assess import assess
from medcore.workbench.comparison_answer import opinions
from tests.criteria.histories import series


def test_a_category_without_a_meaning_in_common_is_on_another_scale_and_no_disagreement() -> None:
    first, second = series([20, 20])
    new = LesionReading("L9", LesionRole.NEW, longest_mm=8.0, volume_ml=0.3)
    history = (first, replace(second, lesions=(*second.lesions, new)))
    chosen = assess(history, "ms_activity")
    assert chosen.timepoints[-1].overall == "ACTIVE"
    said = {one.criterion: one for one in opinions(history, chosen)}
    assert said["ms_activity"].agrees and not said["ms_activity"].other_scale
    assert said["recist11"].category == "PD" and said["recist11"].agrees is None and said["recist11"].other_scale
    said = {one.criterion: one for one in opinions(history, assess(history, "recist11"))}
    assert said["volumetric"].category == "PD" and said["volumetric"].agrees and not said["volumetric"].other_scale
    assert not any(one.other_scale for one in said.values() if one.category == "NE")
