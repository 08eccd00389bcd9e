"""A scan whose picture may show a name stays until it is covered or a person releases it by name and reason."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.deidentify.pixels import Rectangle
from medcore.deidentify.suspicion import Ground
from medcore.errors import BurnedInTextError, ExportError
from medcore.exports.study_files import ExportFormat
from medcore.imaging import ocr
from medcore.records import Study
from medcore.store.audit import Event
from medcore.volume import Geometry, Unit, Volume
from medcore.workbench import release
from medcore.workbench.export import Choice
from medcore.workbench.marks import Mark
from medcore.workbench.release import Look, from_marks, look_at, rectangle
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.readers.factory import dx, picture

NAME = Rectangle(4, 4, 34, 220)


def with_name() -> np.ndarray:
    """A dark picture of soft noise with a name in it."""
    grey = np.random.default_rng(0).normal(60, 4, (160, 240)).astype(np.uint8)
    cv2.putText(grey, "DOE JOHN 1951", (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 1)
    return grey


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking finds nothing: these tests are about what the header says."""
    monkeypatch.setattr(release, "look_at", lambda volume, covers=(): Look("tesseract"))


def ultrasound(workbench: Workbench) -> Study:
    colour = np.random.default_rng(0).integers(0, 200, (40, 60, 3), dtype=np.uint8)
    data = dx(pixels=colour, Modality="US", BodyPartExamined=None, ImagerPixelSpacing=None, BitsStored=8, HighBit=7)
    return workbench.studies.add([uploaded("us.dcm", data)]).added[0]


@pytest.mark.skipif(not ocr.available(), reason="Tesseract is not installed")
def test_a_name_in_the_picture_is_read_and_covered() -> None:
    scan = Volume(with_name()[None], Unit.GREY, "", Geometry.pixels())
    found = look_at(scan)
    assert {"DOE", "JOHN", "1951"} & set(found.words)
    assert look_at(scan, found.boxes).words == ()


def test_without_tesseract_the_shapes_of_letters_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "available", lambda: False)
    scan = Volume(with_name()[None], Unit.GREY, "", Geometry.pixels())
    found = look_at(scan)
    assert (found.by, found.words) == ("shapes", ())
    assert any(box.top <= 20 <= box.bottom for box in found.boxes)


def test_ultrasound_is_held_until_a_person_releases_it(workbench: Workbench, quiet: None, tmp_path: Path) -> None:
    study = ultrasound(workbench)
    (held,) = workbench.export.check(study)
    assert held.blocked
    assert [one.ground for one in held.suspicions] == [Ground.MODALITY]
    choice = Choice((ExportFormat.PNG,))
    with pytest.raises(BurnedInTextError):
        workbench.export.write(study, choice, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    workbench.export.confirm(study, [held.scan.id], who="Dr. A. Reader", why="scale only")
    (released,) = workbench.export.check(study)
    assert released.confirmation is not None
    assert (released.confirmation.who, released.confirmation.why) == ("Dr. A. Reader", "scale only")
    assert workbench.export.write(study, choice, tmp_path / "out").files
    events = [entry.deed.event for entry in workbench.store.audit(study=study.id)]
    assert events[:2] == [Event.EXPORTED, Event.CONFIRMED]
    assert workbench.store.first_broken_entry() is None


def test_a_release_needs_a_name_and_a_reason(workbench: Workbench, quiet: None) -> None:
    study = ultrasound(workbench)
    for who, why in (("", "why"), ("who", " ")):
        with pytest.raises(ExportError):
            workbench.export.confirm(study, [study.scans[0].id], who=who, why=why)


def test_a_release_holds_for_the_picture_that_was_looked_at_and_for_no_other(workbench: Workbench, quiet: None) -> None:
    study = ultrasound(workbench)
    scan = study.scans[0].id
    workbench.export.confirm(study, [scan], who="A", why="covered", covers={scan: (NAME,)})
    assert not workbench.export.check(study, {scan: (NAME,)})[0].blocked
    assert workbench.export.check(study)[0].blocked
    assert workbench.export.check(study, {scan: (Rectangle(0, 0, 1, 1),)})[0].blocked


def test_what_the_sender_says_of_burned_in_text_holds_a_radiograph(workbench: Workbench, quiet: None) -> None:
    (study,) = workbench.studies.add([uploaded("x.dcm", dx(BurnedInAnnotation="YES"))]).added
    (held,) = workbench.export.check(study)
    assert Ground.HEADER in {one.ground for one in held.suspicions}


def test_a_picture_is_held_where_nothing_can_read(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "look_at", lambda volume, covers=(): Look("shapes"))
    (study,) = workbench.studies.add([uploaded("a.png", picture(with_name()))]).added
    assert Ground.UNCHECKED in {one.ground for one in workbench.export.check(study)[0].suspicions}


def test_rectangles_drawn_in_the_viewer_become_rectangles_of_pixels() -> None:
    scan = Volume(np.zeros((1, 100, 200), np.uint8), Unit.GREY, "DX", Geometry.from_spacing((1.0, 0.5, 0.25)))
    corners = tuple(map(tuple, scan.geometry.to_lps(np.array([[0, 10.2, 20.7], [0, 30.6, 90.1]])).tolist()))
    marks = [Mark("1", "rectangle", corners), Mark("2", "length", corners)]  # type: ignore[arg-type]
    assert from_marks(marks, scan) == (Rectangle(10, 20, 32, 92),)


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "1,2,3,-4"])
def test_what_is_no_rectangle_is_refused(text: str) -> None:
    with pytest.raises(ExportError):
        rectangle(text)
    assert rectangle("1, 2 3,4") == Rectangle(1, 2, 3, 4)
