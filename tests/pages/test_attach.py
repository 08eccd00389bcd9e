"""A label image is attached to the scan on the screen; a wrong one is explained and nothing is kept."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from medcore.records import Study
from medcore.volume import MaskOrigin
from pages.ui import state


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def attach(app: AppTest, study: Study, data: bytes) -> None:
    scan = study.scans[0].id
    app.file_uploader(f"mask-file-{scan}").upload("nodules.npy", data, "application/octet-stream")
    app.button(f"mask-attach-{scan}").click().run()


def test_a_label_image_becomes_a_mask_of_the_open_scan(app: AppTest, add: Callable[..., Study]) -> None:
    study = add()
    app.run()
    labels = np.zeros((96, 80), dtype=np.uint8)
    labels[10:20, 30:40] = 1
    attach(app, study, npy(labels))
    assert not app.exception and not app.error
    (kept,) = state.workbench().studies.masks(study.scans[0].id)
    assert kept.origin is MaskOrigin.FILE
    assert np.array_equal(state.workbench().studies.mask(kept.id).labels[0], labels)


def test_a_picture_of_many_greys_is_refused_and_nothing_is_kept(app: AppTest, add: Callable[..., Study]) -> None:
    study = add()
    app.run()
    attach(app, study, npy(np.random.default_rng(0).normal(size=(96, 80)).astype(np.float32)))
    assert "not a mask" in app.error[0].value
    assert state.workbench().studies.masks(study.scans[0].id) == ()
