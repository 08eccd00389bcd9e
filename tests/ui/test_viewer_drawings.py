"""A drawn mask reaches the viewer it was drawn in, with the names of what it corrects; clicks are checked."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest

from medcore.volume import Geometry, Mask, Unit, Volume
from pages.ui import pixels
from pages.ui.pixels import Owner
from pages.ui.viewer import drawings, marks
from pages.ui.viewer.packing import pack_volume
from pages.ui.viewer.panes import DrawnMask, LabelOverlay, Pane, Pick

OWNER = Owner("drawing", "")
VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), Unit.HU, "CT", Geometry.from_spacing((2.0, 1.0, 1.0)))
LIVER = Mask(np.ones((2, 3, 4), np.uint8), {1: "Liver"}, VOLUME.geometry)
PANE = Pane(VOLUME, "CT", (LabelOverlay(LIVER, "Organs", id="m1"),))


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels.PIXELS, "_alive", lambda session: True)


def put(labels: np.ndarray, *note: object) -> None:
    packed = pack_volume(VOLUME)
    token = pixels.PIXELS.issue(OWNER, packed.array, packed.content)
    proof = pixels.PIXELS.proof(OWNER)
    assert pixels.PIXELS.accept(token, proof, "", labels.tobytes(), quote(json.dumps(note)))


def taken(key: str = "v", number: int = 0) -> list[DrawnMask]:
    return list(drawings.taken(PANE, number, key, OWNER))


def test_a_mask_comes_back_once_to_the_viewer_and_pane_it_was_drawn_in() -> None:
    labels = np.zeros((2, 3, 4), np.uint8)
    labels[1, 2, 3] = 5
    put(labels, "v", 0, "s1", "m1")
    assert taken("other") == taken("v", 1) == []
    (drawn,) = taken()
    np.testing.assert_array_equal(drawn.mask.labels, labels)
    assert dict(drawn.mask.names) == {1: "Liver", 5: "Label 5"}
    assert (drawn.pane, drawn.source, drawn.sitting, drawn.title) == (0, "m1", "s1", "Organs")
    assert taken() == []


@pytest.mark.parametrize("note", [(), ("v",), ("v", "0", "s", "m"), ("v", 0, None, "m"), ("v", 0, "s", "m", "x")])
def test_a_note_of_another_form_is_left_alone(note: tuple[object, ...]) -> None:
    put(np.zeros((2, 3, 4), np.uint8), *note)
    assert taken() == []


def test_a_click_is_taken_over_only_if_it_could_be_one() -> None:
    sent = {"kind": "label", "pane": 0, "id": "m1", "at": [1, 2.5, 3], "value": 4}
    assert marks.picked(sent, panes=1) == Pick("label", 0, "m1", (1.0, 2.5, 3.0), 4)
    assert marks.picked({**sent, "at": None}, panes=1) == Pick("label", 0, "m1", None, 4)
    for wrong in ({"kind": "script"}, {"pane": 1}, {"pane": "0"}, {"id": None}):
        assert marks.picked({**sent, **wrong}, panes=1) is None
    assert marks.picked("Boxes:0", panes=1) is None
