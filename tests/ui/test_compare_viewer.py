"""The viewer of a comparison draws what readers left of a model's lesions, not what the model had drawn."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pages.ui import compare_viewer, state
from pages.ui.viewer.panes import LabelOverlay


def test_a_corrected_mask_is_drawn_as_it_was_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    corrected = object()
    analysis = SimpleNamespace(prediction=SimpleNamespace(run=SimpleNamespace(id="7"), mask=object()))
    door = SimpleNamespace(chosen_sources=lambda chosen: ("mask-1", "run:7", "run:gone"))
    monkeypatch.setattr(state, "workbench", lambda: SimpleNamespace(comparisons=door))
    monkeypatch.setattr(state, "analyses", lambda study: (analysis,))
    monkeypatch.setattr(state, "review", lambda one: SimpleNamespace(mask=corrected if one is analysis else None))
    monkeypatch.setattr(compare_viewer, "t", lambda text, **values: text)
    reading = SimpleNamespace(draft=SimpleNamespace(visits=(SimpleNamespace(study="s", scan="x"),)))
    (shown,) = compare_viewer._of_models(reading, 0)  # type: ignore[arg-type]
    assert isinstance(shown, LabelOverlay) and shown.mask is corrected and shown.id == "run:7"
