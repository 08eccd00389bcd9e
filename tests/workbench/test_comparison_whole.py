"""Sections on the whole image: burden and uptake of a PET pair, and what was not asked for has no section."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date

import numpy as np
from PIL import Image

from medcore.comparison.compare import Choices, Compared, Moment, compare
from medcore.comparison.readings import Reader
from medcore.criteria import load_criterion
from medcore.errors import Message
from medcore.exports.report_document import Pictures, Table, Wording
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.volume import Geometry, Mask, Unit, Volume
from medcore.workbench.comparison_draft import Chosen, Draft
from medcore.workbench.comparison_findings import Findings
from medcore.workbench.comparison_report import comparison_document
from medcore.workbench.comparison_tables import comparison_tables
from medcore.workbench.comparison_whole import changes, chart, whole_image
from medcore.workbench.comparisons import Aligned

GRID, SHAPE = Geometry.from_spacing((3.0, 2.0, 2.0)), (24, 40, 40)
SAY = Wording("en", str).say


def moment(number: int, radius: float, suv: float) -> Moment:
    """A hot ball in a body whose edge is the same at both visits."""
    places = GRID.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1))
    inside = np.linalg.norm(places - (40.0, 40.0, 36.0), axis=-1) <= radius
    body = np.linalg.norm((places - (40.0, 40.0, 36.0)) / (34, 28, 40), axis=-1) <= 1
    voxels = np.where(inside, suv, np.where(body, 1.0, 0.05)).astype(np.float32)
    scan = Volume(voxels, Unit.SUV, "PT", GRID, acquired_on=date(2021, 1 + number, 1))
    return Moment(f"T{number}", scan, Mask(inside.astype(np.uint8), {1: "lesion"}, GRID))


def test_burden_and_uptake_of_a_pet_pair_are_told() -> None:
    moments = (moment(0, 14.0, 8.0), moment(1, 9.0, 4.0))
    choices = Choices(reader=Reader(organ="lung"), accept_doubtful=True)
    found = compare(moments, load_criterion("recist11"), choices)
    aligned = Aligned(moments, found.alignments, found.visits, ("a", "b"))
    all_ = Findings(aligned, found, Draft((Chosen("", "a"), Chosen("", "b")), criterion="recist11"))
    (table,) = whole_image(all_)[1]
    assert isinstance(table, Table)
    head, rows = [SAY(cell) for cell in table.head], [[SAY(cell) for cell in row] for row in table.rows]
    before, after = (dict(zip(head, row, strict=True)) for row in rows)
    assert (before["SUVmax"], after["SUVmax"]) == ("8.00", "4.00")
    volume = float(before["Volume"].split()[0])
    assert abs(float(before["TLG"].split()[0]) - 8.0 * volume) < 1.0
    assert float(after["from baseline"].split()[0]) < -60
    (pictures,) = chart(all_)[1]
    assert isinstance(pictures, Pictures) and pictures.pictures[0].wide and "−30 %" in SAY(pictures.pictures[0].caption)
    assert changes(all_)[1] == []  # nobody asked for a map
    tables = comparison_tables(all_)
    first, second = csv.DictReader(io.StringIO(tables["whole_image.csv"]))
    assert (first["suv_max"], second["suv_max"]) == ("8.0", "4.0") and first["model"] == ""
    assert abs(float(first["volume_ml"]) - volume) < 0.1 and "change_map.csv" not in tables
    assert "Software" in tables["provenance.csv"] and "recist11" in tables["provenance.csv"]


def test_radiographs_without_lesions_are_shown_whole_on_the_baseline_and_not_while_the_alignment_is_in_doubt() -> None:
    shift = np.eye(4)
    shift[0, 3] = 10.0  # what lies at x in the first lies ten pixels further in the second
    pictures = np.zeros((2, 1, 60, 80), dtype=np.float32)
    pictures[0, 0, 20:40, 20:40] = pictures[1, 0, 20:40, 30:50] = 1.0
    moments = tuple(
        Moment(f"T{number}", Volume(one, Unit.GREY, "DX", Geometry.pixels())) for number, one in enumerate(pictures)
    )
    trust = Trust(0.9, 1.0, 0.1, 0.3)
    lying = Alignment(shift, Motion.SIMILARITY, Method.SAME_CONTRAST, trust)
    aligned = Aligned(moments, (lying,), (), ("a", "b"))
    found = Compared((lying,), (), (), {}, (), None, (), (), relative=True, issues=())
    all_ = Findings(aligned, found, Draft((Chosen("", "a"), Chosen("", "b"))))
    (section,) = [one for one in comparison_document(all_).sections if "Key images" in SAY(one.title)]
    (shown,) = section.blocks
    assert isinstance(shown, Pictures)
    first, second = (np.asarray(Image.open(io.BytesIO(one.jpeg)).convert("L"), float) for one in shown.pictures)
    assert np.abs(first - second).mean() < 2, "the second lies on the first"
    doubted = replace(lying, trust=replace(trust, doubts=(Message("x"),)))
    open_ = replace(all_, aligned=replace(aligned, alignments=(doubted,)))
    assert not [one for one in comparison_document(open_).sections if "Key images" in SAY(one.title)]
