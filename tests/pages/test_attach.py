"""A mask is attached to the scan on the screen; a wrong one is explained and nothing is kept of it."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from medcore.records import Study
from medcore.volume import MaskOrigin
from medcore.workbench.studies import uploaded
from pages.ui import state
from tests.readers.factory import saved, zipped
from tests.readers.regions_factory import ct_slices, seg


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def attach(app: AppTest, study: Study, data: bytes, name: str = "nodules.npy") -> None:
    scan = study.scans[0].id
    app.file_uploader(f"mask-file-{scan}").upload(name, data, "application/octet-stream")
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


def test_a_segmentation_is_laid_onto_the_scan_that_it_names_and_onto_no_other(
    app: AppTest, add: Callable[..., Study]
) -> None:
    slices = ct_slices((6, 20, 24))
    archive = zipped({f"{k}.dcm": saved(one) for k, one in enumerate(slices)})
    (study,) = state.workbench().studies.add([uploaded("scan.zip", archive)]).added
    drawn = np.zeros((6, 20, 24, 1), dtype=np.uint8)
    drawn[2:4, 5:9, 6:12] = 1
    app.query_params["study"] = study.id
    app.run()
    attach(app, study, saved(slices[0]), "slice.dcm")
    assert "is a scan and no mask" in app.error[0].value
    attach(app, study, seg(slices, drawn, ["Lesion"]), "lesions.dcm")
    assert not app.exception and not app.error
    (kept,) = state.workbench().studies.masks(study.scans[0].id)
    assert kept.origin is MaskOrigin.SEG and state.workbench().studies.mask(kept.id).labels.sum() == drawn.sum()
    other = add()
    app.query_params["study"] = other.id
    app.run()
    attach(app, other, seg(slices, drawn, ["Lesion"]), "lesions.dcm")
    assert "drawn on another scan" in app.error[0].value and not state.workbench().studies.masks(other.scans[0].id)
