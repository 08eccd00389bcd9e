"""Corrections of results are added with who and when, come back, and leave the original as it was."""

from collections.abc import Callable

import numpy as np
import pytest

from medcore.errors import NotFoundError, StoreError
from medcore.predictions import Lesion, Segmentation
from medcore.records import Study
from medcore.store.corrections import Act, NewCorrection, standing
from medcore.store.store import Store
from medcore.volume import Geometry, Mask
from tests.store.conftest import Clock, scan, study
from tests.store.test_results import run


def mask(*voxels: tuple[int, int, int], shape: tuple[int, int, int] = (3, 4, 5)) -> Mask:
    labels = np.zeros(shape, np.uint8)
    for voxel in voxels:
        labels[voxel] = 1
    return Mask(labels, {1: "tumour"}, scan().geometry)


@pytest.fixture
def kept(store: Store) -> Study:
    of = store.add_studies([study(patient="p1")])[0].study
    lesion = Lesion("1", "tumour", 0.1, 2.0, 1.0, (0, 0, 0))
    store.save_prediction(Segmentation(run(of), mask((1, 1, 1)), (lesion,)))
    return of


def test_a_correction_comes_back_with_who_when_and_its_mask_and_the_original_stays(
    open_store: Callable[[], Store], store: Store, kept: Study, clock: Clock
) -> None:
    drawn = mask((1, 1, 1), (1, 1, 2), (2, 3, 4))
    made = store.corrections.add(NewCorrection("run0", Act.REDRAWN, "Dr  A", mask=drawn, content={"lesions": []}))
    again = open_store().corrections
    (back,) = again.of("run0")
    assert back == made
    assert (back.by, back.at, back.act) == ("Dr A", clock(), Act.REDRAWN)
    np.testing.assert_array_equal(again.mask(back.number).labels, drawn.labels)
    assert again.mask(back.number).names == {1: "tumour"}
    original = store.prediction("run0")
    assert isinstance(original, Segmentation)
    np.testing.assert_array_equal(original.mask.labels, mask((1, 1, 1)).labels)


def test_what_was_taken_back_does_not_count_but_is_still_there(store: Store, kept: Study) -> None:
    door = store.corrections
    first = door.add(NewCorrection("run0", Act.ACCEPTED, "a", lesion="1"))
    second = door.add(NewCorrection("run0", Act.REJECTED, "b", lesion="1"))
    assert door.latest("run0") == second.number
    door.add(NewCorrection("run0", Act.UNDONE, "b", takes_back=second.number))
    everything = door.of("run0")
    assert [one.act for one in everything] == [Act.ACCEPTED, Act.REJECTED, Act.UNDONE]
    assert standing(everything) == (first,)


def test_a_correction_is_in_the_audit_trail_with_its_agent_and_the_model(store: Store, kept: Study) -> None:
    store.corrections.add(NewCorrection("run0", Act.ACCEPTED, "Dr A", lesion="1"))
    store.corrections.add(NewCorrection("run0", Act.REJECTED, "", lesion="1"))
    nameless, named = (entry.deed for entry in store.audit(study=kept.id)[:2])
    assert (named.agent, named.detail, named.model_sha256, named.patient) == (
        "Dr A", "result chest_xray accepted", "a" * 64, "p1",
    )  # fmt: skip
    assert nameless.agent == "local"
    assert store.first_broken_entry() is None


def test_a_mask_on_another_grid_and_a_foreign_or_unknown_correction_are_refused(store: Store, kept: Study) -> None:
    door = store.corrections
    moved = Mask(mask((0, 0, 0)).labels, {1: "tumour"}, Geometry.from_spacing((1.0, 1.0, 1.0)))
    for wrong in (mask((0, 0, 0), shape=(3, 4, 6)), moved):
        with pytest.raises(StoreError, match="grid"):
            door.add(NewCorrection("run0", Act.REDRAWN, mask=wrong))
    store.save_prediction(Segmentation(run(kept, 1), mask(), ()))
    other = door.add(NewCorrection("run1", Act.REDRAWN, mask=mask()))
    with pytest.raises(StoreError, match="same result"):
        door.add(NewCorrection("run0", Act.UNDONE, takes_back=other.number))
    with pytest.raises(NotFoundError):
        door.add(NewCorrection("run0", Act.UNDONE, takes_back=99))
    with pytest.raises(NotFoundError):
        door.add(NewCorrection("nothing", Act.ACCEPTED))
    with pytest.raises(NotFoundError, match="no mask"):
        door.mask(door.add(NewCorrection("run0", Act.ACCEPTED, lesion="1")).number)
    assert len(door.of("run0")) == 1, "what was refused left nothing"


def test_corrections_and_their_arrays_go_with_the_study(store: Store, kept: Study) -> None:
    number = store.corrections.add(NewCorrection("run0", Act.REDRAWN, mask=mask((0, 1, 1)))).number
    store.delete(kept.id)
    assert store.corrections.of("run0") == ()
    with pytest.raises(NotFoundError):
        store.corrections.mask(number)
    store.sweep(older_than_seconds=-1e10)
    assert list((store.folder / "objects").glob("??/*")) == []
