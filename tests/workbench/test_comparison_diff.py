"""What changed between two signed versions: told by hand for each kind of change, and nothing where nothing did."""

from __future__ import annotations

from dataclasses import replace

from medcore.exports.report_document import Table, Wording
from medcore.workbench.comparison_diff import (
    LesionFacts,
    ReadingFacts,
    VisitFacts,
    change_section,
    differences,
    from_facts,
    to_facts,
)

SAY = Wording("en", str).say


def lesion(name: str, *sizes: float | None, anchor: str = "", role: str = "target", **more: object) -> LesionFacts:
    fates = tuple("gone" if size is None else "followed" if at else "first_seen" for at, size in enumerate(sizes))
    measured = tuple(
        {"longest_mm": size, "short_axis_mm": size / 2 if size else None, "volume_ml": None} for size in sizes
    )
    facts = {"organ": "lung", "node": False, "confirmed": False} | more
    return LesionFacts(anchor or f"a:{name}", name, role, fates=fates, sizes=measured, **facts)  # type: ignore[arg-type]


FIRST = ReadingFacts(
    "recist11",
    {},
    1.5,
    False,
    (VisitFacts("T0", "a", "BASELINE", 50.0, "mm"), VisitFacts("T1", "b", "PR", 30.0, "mm")),
    (lesion("L1", 30.0, 20.0), lesion("L2", 20.0, 10.0)),
)


def told(before: ReadingFacts, after: ReadingFacts) -> list[tuple[str, str, str, str]]:
    return [(SAY(one.where), SAY(one.what), SAY(one.before), SAY(one.after)) for one in differences(before, after)]


def test_the_same_figures_differ_in_nothing_also_after_json() -> None:
    assert to_facts(from_facts(FIRST)) == FIRST
    assert told(FIRST, to_facts(from_facts(FIRST))) == []
    blocks = change_section((), 3).blocks
    assert SAY(blocks[0].text) == "None of the figures changed."  # type: ignore[union-attr]


def test_a_lesion_that_was_measured_anew_names_the_visit_the_measurement_and_the_category() -> None:
    after = replace(
        FIRST,
        visits=(FIRST.visits[0], replace(FIRST.visits[1], category="SD", sum=37.0)),
        lesions=(lesion("L1", 30.0, 27.0), FIRST.lesions[1]),
    )
    assert told(FIRST, after) == [
        ("T1", "Category", "PR", "SD"),
        ("T1", "Sum", "30.0 mm", "37.0 mm"),
        ("L1 · T1", "Longest diameter", "20.0 mm", "27.0 mm"),
        ("L1 · T1", "Short axis", "10.0 mm", "13.5 mm"),
    ]


def test_roles_confirmations_settings_and_a_lost_lesion_are_named() -> None:
    after = replace(
        FIRST,
        criterion="irecist",
        options={"progression_percent": "25"},
        reader_sd_mm=2.0,
        accepted=True,
        lesions=(lesion("L1", 30.0, None, role="nontarget", organ="liver", node=True, confirmed=True),),
    )
    assert told(FIRST, after) == [
        ("", "Criterion", "recist11", "irecist"),
        ("", "progression_percent", "–", "25"),
        ("", "Reader SD, mm", "1.5", "2"),
        ("", "Alignment in doubt was accepted by the reader", "no", "yes"),
        ("L1", "Role", "target", "non-target"),
        ("L1", "Organ", "lung", "liver"),
        ("L1", "Lymph node", "no", "yes"),
        ("L1", "Confirmed", "no", "yes"),
        ("L1 · T1", "Fate", "followed", "gone"),
        ("L1 · T1", "Longest diameter", "20.0 mm", "–"),
        ("L1 · T1", "Short axis", "10.0 mm", "–"),
        ("L2", "Lesion", "target", "taken out"),
    ]


def test_a_visit_that_came_between_two_others_does_not_shift_their_sizes() -> None:
    between = VisitFacts("T1", "c", "SD", 45.0, "mm")
    after = replace(
        FIRST,
        visits=(FIRST.visits[0], between, replace(FIRST.visits[1], label="T2")),
        lesions=(
            lesion("L1", 30.0, 27.0, 20.0),
            lesion("L2", 20.0, 18.0, 10.0),
            lesion("L3", None, 5.0, 5.0, role="new"),
        ),
    )
    assert told(FIRST, after) == [("T1", "Visit", "not there", "SD"), ("L3", "Lesion", "not there", "new")]
    assert told(after, FIRST) == [("T1", "Visit", "SD", "taken out"), ("L3", "Lesion", "new", "taken out")]


def test_a_redrawn_lesion_keeps_its_number_and_a_renumbered_one_its_place() -> None:
    redrawn = replace(FIRST, lesions=(lesion("L1", 33.0, 20.0, anchor="a:elsewhere"), FIRST.lesions[1]))
    assert told(FIRST, redrawn) == [
        ("L1 · T0", "Longest diameter", "30.0 mm", "33.0 mm"),
        ("L1 · T0", "Short axis", "15.0 mm", "16.5 mm"),
    ]
    swapped = replace(FIRST, lesions=(lesion("L1", 20.0, 10.0, anchor="a:L2"), lesion("L2", 30.0, 20.0, anchor="a:L1")))
    assert told(FIRST, swapped) == [("L1", "Number", "L2", "L1"), ("L2", "Number", "L1", "L2")]


def test_the_section_of_a_report_lists_every_change() -> None:
    after = replace(FIRST, reader_sd_mm=3.0)
    section = change_section(differences(FIRST, after), 1)
    assert SAY(section.title) == "Changes since version 1"
    (table,) = section.blocks
    assert isinstance(table, Table) and [SAY(cell) for cell in table.rows[0]] == ["", "Reader SD, mm", "1.5", "3"]
