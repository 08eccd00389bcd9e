"""Sections of a comparison's report on the whole image: all lesions together, uptake, what changed, a model's heat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from medcore.comparison.changes import VisitChange
from medcore.comparison.compare import Compared
from medcore.comparison.whole_image import OPACITY_SCORE, Burden
from medcore.errors import N_, Message, Value
from medcore.exports.lesion_chart import Course, lesion_chart
from medcore.exports.report_document import Block, Pictures, Sentence, Table, Text, Tone
from medcore.imaging.change_map import GAINED, KEPT, REACH
from medcore.imaging.change_map import LOST as LOST_VOXELS
from medcore.workbench.comparison_answer import Row
from medcore.workbench.comparison_findings import Findings

Amount: TypeAlias = Burden  # what pages may name
RECIST = ("recist11", "irecist", "mrecist")
RECIST_LIMITS = (-30.0, 20.0)  # of the sum; a single lesion has none, but they help to read its line
MOST_LINES = 12
LOST = -100.0  # percent: a lesion that is gone


def burdens(all_: Findings) -> tuple[Burden, ...]:
    """All lesions of each study together; none where a study has no mask."""
    return burdens_of(all_.found)


def burdens_of(found: Compared) -> tuple[Burden, ...]:
    """The same of a comparison; measured once for each mask."""
    return tuple(one.burden for one in found.visits)


def whole_image(all_: Findings) -> tuple[Text, list[Block]]:
    """Measures that need no single lesion: burden, uptake where the scan is in SUV, a model's opacity score."""
    blocks: list[Block] = [*_burden(all_), *_series(all_)]
    return _m(N_("Whole image")), blocks


def chart(all_: Findings) -> tuple[Text, list[Block]]:
    """Each lesion of the baseline over time, as a picture."""
    sized = bool(all_.found.visits) and all(one.sized for one in all_.found.visits)
    courses = [one for row in all_.lesions if (one := _course(row, sized=sized)) is not None][:MOST_LINES]
    title = _m(N_("Each lesion over time"))
    if not courses or len(all_.found.visits) < 2:
        return title, []
    what = N_("Longest diameter of each lesion against its baseline.") if sized else N_(
        "Voxels of each lesion against its baseline."
    )  # fmt: skip
    limits = RECIST_LIMITS if sized and all_.draft.criterion in RECIST else ()
    said: tuple[Text, ...] = (_m(what), " ", _m(N_("A lesion that is gone lies at −100 %; new ones have no line.")))
    if limits:
        said = (*said, " ", _m(N_("Dashed: −30 % and +20 %, the limits of the sum, not of one lesion.")))
    visits = [f"T{number}" for number in range(len(all_.found.visits))]
    return title, [Pictures("", (lesion_chart(visits, courses, said, limits=limits),))]


def changes(all_: Findings) -> tuple[Text, list[Block]]:
    """What the maps of change say in figures."""
    title = _m(N_("What changed, place by place"))
    if not any(all_.changes):
        return title, []
    head = (
        N_("Visit"), N_("Changed share"), N_("Counts from |z|"), N_("Brighter"), N_("Darker"),
        N_("Lesion voxels gained"), N_("Lesion voxels lost"), N_("Lesion voxels kept"),
    )  # fmt: skip
    labels = [moment.label for moment in all_.aligned.moments[1:]]
    body = tuple(_change(label, one) for label, one in zip(labels, all_.changes, strict=False) if one is not None)
    note = N_(
        "Voxels whose grey value differs by more than the noise of unchanged tissue allows (false discoveries below "
        "5 %), and voxels of the masks, both on the baseline's grid."
    )
    return title, [Table(tuple(map(_m, head)), body), Sentence((_m(note), " ", _m(REACH)))]


def _burden(all_: Findings) -> Iterator[Block]:
    amounts = burdens(all_)
    if not amounts:
        return
    taken_up = any(one.uptake is not None for one in amounts)
    head = [N_("Visit"), N_("Lesions"), N_("Voxels"), N_("Volume"), N_("from baseline")]
    head += ["SUVmax", "SUVmean", "SUVpeak", "TLG"] if taken_up else []
    rows = zip(all_.found.visits, amounts, all_.found.volume_change_percent, strict=True)
    body = tuple(
        (
            visit.label,
            str(one.lesions),
            str(one.voxels),
            "–" if one.volume_ml is None or not visit.sized else f"{one.volume_ml:.3g} ml",
            "–" if change is None else f"{change:+.1f} %",
            *(_uptake(one) if taken_up else ()),
        )
        for visit, one, change in rows
    )
    yield Table(tuple(map(_m, head)), body)


def _uptake(one: Burden) -> tuple[str, ...]:
    found = one.uptake
    if found is None:
        return ("–",) * 4
    sizes = (found.highest, found.mean, found.peak)
    return (*(f"{value:.2f}" for value in sizes), f"{found.glycolysis:.1f} SUV·ml")


def _series(all_: Findings) -> Iterator[Block]:
    """A model's answers to radiographs: probability, hot share of the lung field, opacity score."""
    series = all_.series
    if series is None:
        return
    head = (N_("Visit"), N_("Probability"), N_("Opacity score"), N_("Hot share of the lung field"), N_("More heat"),
            N_("Less heat"))  # fmt: skip
    labels = [moment.label for moment in all_.aligned.moments]
    changed = (None, *series.changes)
    body = tuple(
        (
            label,
            f"{100 * figure.probability:.0f} %",
            f"{figure.score:.0f}" if series.placed else "–",
            f"{100 * figure.involved:.0f} %",
            *(("–", "–") if change is None else (f"{100 * change.more:.0f} %", f"{100 * change.less:.0f} %")),
        )
        for label, figure, change in zip(labels, series.figures, changed, strict=True)
    )
    yield Table(tuple(map(_m, head)), body)
    if series.placed:
        yield Sentence(_m(OPACITY_SCORE))
        bare = [label for label, found in zip(labels, series.fitted, strict=True) if not found]
        if bare:
            text = N_("The lung field was not found in {studies}; it was laid onto the whole picture there.")
            yield Sentence(_m(text, studies=", ".join(bare)), Tone.WARNING)


def _change(label: str, one: VisitChange) -> tuple[Text, ...]:
    map_, masks = one.map, one.masks
    ml = (None, None) if map_ is None or one.voxel_ml is None else (map_.brighter_ml, map_.darker_ml)
    return (
        label,
        "–" if map_ is None else f"{100 * map_.share:.2f} %",
        "–" if map_ is None else f"{map_.threshold:.1f}",
        *("–" if amount is None else f"{amount:.2f} ml" for amount in ml),
        *("–" if masks is None else str(masks.voxels(kind)) for kind in (GAINED, LOST_VOXELS, KEPT)),
    )


def _course(row: Row, *, sized: bool) -> Course | None:
    """A lesion against its baseline; None for one that the baseline does not have."""
    sizes = [cell.longest_mm if sized else float(cell.voxels) for cell in row.cells]
    first = sizes[0]
    if not row.cells[0].anchor or not first:
        return None
    percent = [
        LOST if cell.fate == "gone" else 100 * (size / first - 1) if cell.anchor and size else None
        for cell, size in zip(row.cells, sizes, strict=True)
    ]
    return Course(row.id, tuple(percent))


def _m(text: str, **values: Value) -> Message:
    return Message(text, values)
