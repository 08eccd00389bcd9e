"""Masks that come to Compare as DICOM: a SEG of the baseline and an RTSTRUCT of the later study become lesions."""

from __future__ import annotations

from datetime import date

import numpy as np
from pydicom.dataset import Dataset
from streamlit.testing.v1 import AppTest

from medcore.records import Study
from medcore.volume import MaskOrigin
from medcore.workbench.studies import uploaded
from pages.ui import state
from tests.pages.conftest import words
from tests.pages.test_attach import attach
from tests.pages.test_compare import open_compare
from tests.readers.factory import SERIES, STUDY, saved, zipped
from tests.readers.regions_factory import ct_slices, rtstruct, seg

SHAPE, STEP, PIXEL = (10, 48, 48), 2.5, 2.0
FRAMES = (f"{STUDY}.501", f"{STUDY}.502")


def slices(visit: int) -> list[Dataset]:
    """A body with a lesion of soft tissue in it, smaller at the second visit; other UIDs for each visit."""
    made = ct_slices(SHAPE, step=STEP, spacing=(PIXEL, PIXEL))
    row, column = np.mgrid[: SHAPE[1], : SHAPE[2]]
    for k, one in enumerate(made):
        body = ((row - 24) / 20) ** 2 + ((column - 23) / 17) ** 2 < 1
        lump = (row - 20) ** 2 + (column - 18) ** 2 + ((k - 5) * STEP / PIXEL) ** 2 < (6 - 2 * visit) ** 2
        stripe = 60 * ((row // 6 + k) % 2)
        one.PixelData = (np.where(body, 400 + stripe, 24) + 500 * lump).astype(np.uint16).tobytes()
        one.StudyInstanceUID, one.SeriesInstanceUID = f"{STUDY}.{visit + 1}", f"{SERIES}.{visit + 1}"
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.{visit + 1}.{k + 1}"
        one.FrameOfReferenceUID = FRAMES[visit]
        one.StudyDate = one.SeriesDate = one.AcquisitionDate = f"2021010{visit + 1}"
    return made


def add(made: list[Dataset]) -> Study:
    archive = zipped({f"{k}.dcm": saved(one) for k, one in enumerate(made)})
    return state.workbench().studies.add([uploaded("scan.zip", archive)]).added[0]


def discs(made: list[Dataset], radius_mm: float) -> list[np.ndarray]:
    """Circles around the lesion in three slices, in LPS mm."""
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    found = []
    for one in made[4:7]:
        x, y, z = map(float, one.ImagePositionPatient)
        around = np.stack([18 * PIXEL + radius_mm * np.cos(angles), 20 * PIXEL + radius_mm * np.sin(angles)], axis=1)
        found.append(np.column_stack([around + np.array([x, y]), np.full(len(angles), z)]))
    return found


def test_a_seg_and_an_rtstruct_added_on_compare_are_the_lesions_of_their_visits(app: AppTest) -> None:
    first, second = slices(0), slices(1)
    before, after = add(first), add(second)
    assert (before.acquired_on, after.acquired_on) == (date(2021, 1, 1), date(2021, 1, 2))
    app.query_params["study"] = before.id
    open_compare(app)
    drawn = np.zeros((*SHAPE, 1), dtype=np.uint8)
    drawn[3:8, 15:26, 13:24] = 1
    attach(app, before, seg(first, drawn, ["Lesion"]), "lesion.dcm")
    assert not app.exception and not app.error
    attach(app, after, rtstruct({"GTV": discs(second, 8.0)}, f"{SERIES}.2", FRAMES[1]), "structures.dcm")
    assert not app.exception and not app.error and "No lesion marked yet" not in words(app)
    masks = [state.workbench().studies.masks(study.scans[0].id)[0] for study in (before, after)]
    assert [one.origin for one in masks] == [MaskOrigin.SEG, MaskOrigin.RTSTRUCT]
    door = state.workbench().comparisons
    draft = door.opened(before).draft
    assert [door.chosen_sources(one) for one in draft.visits] == [(one.id,) for one in masks]
    found = [visit.pieces for visit in door.align(draft).visits]
    assert [len(pieces) for pieces in found] == [1, 1]
    assert found[0][0].extent.voxels == 5 * 11 * 11
    assert abs(found[1][0].extent.longest_mm - 16.0) <= PIXEL
