"""Masks of a scan are kept with it, version by version, and go with it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine

from medcore.errors import NotFoundError, StoreError
from medcore.records import Study
from medcore.settings import Settings
from medcore.store.audit import Action, Event
from medcore.store.database import Database, store_url, upgrade
from medcore.store.store import Store
from medcore.volume import Geometry, Mask, MaskOrigin
from tests.store.conftest import Clock, scan, study


def mask(*voxels: tuple[int, int, int], label: int = 1, kind: type = np.uint8, **changes: object) -> Mask:
    labels = np.zeros((3, 4, 5), kind)
    for voxel in voxels:
        labels[voxel] = label
    facts: dict[str, object] = {"labels": labels, "names": {label: "nodule"}, "geometry": scan().geometry}
    return Mask(**{**facts, **changes})  # type: ignore[arg-type]


def arrays(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / "objects").glob("??/*"))


@pytest.fixture
def kept(store: Store) -> Study:
    return store.add_studies([study(patient="p1")])[0].study


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_mask_comes_back_voxel_for_voxel_after_a_restart(
    store: Store, open_store: Callable[[], Store], kept: Study, kind: type
) -> None:
    given = mask((1, 0, 4), (2, 3, 1), label=7, kind=kind)
    facts = store.save_mask(kept.scans[0].id, given, name="mine", origin=MaskOrigin.DRAWN)
    store.close()
    again = open_store()
    assert again.masks(kept.scans[0].id) == (facts,)
    assert (facts.name, facts.origin, dict(facts.labels), facts.replaces) == ("mine", "drawn", {7: "nodule"}, "")
    back = again.mask(facts.id)
    np.testing.assert_array_equal(back.labels, given.labels)
    assert back.labels.dtype == kind
    np.testing.assert_array_equal(back.geometry.affine, given.geometry.affine)


def test_an_empty_mask_is_kept_too(store: Store, kept: Study) -> None:
    facts = store.save_mask(kept.scans[0].id, mask(), name="none", origin=MaskOrigin.DRAWN)
    assert not store.mask(facts.id).labels.any()


def test_only_the_box_around_the_labels_takes_room(store: Store, settings: Settings, kept: Study) -> None:
    before = set(arrays(settings))
    store.save_mask(kept.scans[0].id, mask((1, 1, 1), (1, 2, 2)), name="a", origin=MaskOrigin.DRAWN)
    (new,) = set(arrays(settings)) - before
    assert np.load(new).shape == (1, 2, 2)


def test_the_same_mask_twice_is_one_and_a_shifted_one_is_another(store: Store, kept: Study) -> None:
    one, twice, shifted = (
        store.save_mask(kept.scans[0].id, mask(voxel), name="a", origin=MaskOrigin.SEG)
        for voxel in ((1, 1, 1), (1, 1, 1), (2, 1, 1))
    )
    assert one == twice != shifted
    assert len(store.audit()) == 3


def test_a_newer_version_hides_the_earlier_one_until_it_is_deleted(store: Store, kept: Study) -> None:
    scan_id = kept.scans[0].id
    first = store.save_mask(scan_id, mask((0, 0, 0)), name="a", origin=MaskOrigin.SEG)
    second = store.save_mask(scan_id, mask((0, 0, 1)), name="a", origin=MaskOrigin.CORRECTED, replaces=first.id)
    third = store.save_mask(scan_id, mask((0, 0, 2)), name="a", origin=MaskOrigin.CORRECTED, replaces=second.id)
    assert store.masks(scan_id) == (third,)
    assert store.masks(scan_id, earlier=True) == (first, second, third)
    store.delete_mask(second.id)
    assert [m.replaces for m in store.masks(scan_id, earlier=True)] == ["", first.id]
    store.delete_mask(third.id)
    assert store.masks(scan_id) == (first,)
    with pytest.raises(NotFoundError):
        store.mask(third.id)


def test_the_state_before_the_latest_stroke_is_given_up_and_leaves_nothing(
    store: Store, settings: Settings, kept: Study
) -> None:
    scan_id, before = kept.scans[0].id, set(arrays(settings))
    source = store.save_mask(scan_id, mask((0, 0, 0)), name="a", origin=MaskOrigin.SEG)
    last = ""
    for column in (1, 2, 3):
        voxels = tuple((0, 0, k) for k in range(column + 1))
        last = store.save_mask(
            scan_id, mask(*voxels), name="a", origin=MaskOrigin.CORRECTED, replaces=source.id, instead=last
        ).id
    assert [m.id for m in store.masks(scan_id, earlier=True)] == [source.id, last]
    assert len(set(arrays(settings)) - before) == 2
    again = store.save_mask(
        scan_id, store.mask(last), name="a", origin=MaskOrigin.CORRECTED, replaces=source.id, instead=last
    )
    assert again.id == last, "the very same mask is not given up for itself"
    actions = [entry.deed.action for entry in store.audit(study=kept.id)]
    assert actions == [Action.UPDATE, Action.UPDATE, Action.CREATE, Action.CREATE, Action.CREATE]


def test_a_mask_of_another_grid_is_refused_and_leaves_nothing(
    store: Store, settings: Settings, kept: Study, clock: Clock
) -> None:
    other = Geometry.from_spacing((2.5, 0.7, 0.9))
    wrong = (mask(geometry=other), mask(labels=np.zeros((3, 4, 6), np.uint8)))
    for given in wrong:
        with pytest.raises(StoreError, match="grid"):
            store.save_mask(kept.scans[0].id, given, name="a", origin=MaskOrigin.FILE)
    assert store.masks(kept.scans[0].id) == ()
    clock.move(7200)
    store.sweep()
    assert len(arrays(settings)) == 1


def test_a_mask_may_replace_only_one_that_is_there_and_of_the_same_scan(store: Store, kept: Study) -> None:
    other = store.add_studies([study(1)])[0].study
    theirs = store.save_mask(other.scans[0].id, mask((0, 0, 0)), name="a", origin=MaskOrigin.DRAWN)
    for replaces, error in (("gone", NotFoundError), (theirs.id, StoreError)):
        with pytest.raises(error):
            store.save_mask(kept.scans[0].id, mask(), name="b", origin=MaskOrigin.CORRECTED, replaces=replaces)
    with pytest.raises(NotFoundError):
        store.save_mask("gone", mask(), name="b", origin=MaskOrigin.DRAWN)


def test_deleting_a_mask_or_its_study_leaves_no_array_behind(store: Store, settings: Settings, kept: Study) -> None:
    scan_id = kept.scans[0].id
    one = store.save_mask(scan_id, mask((0, 0, 0)), name="a", origin=MaskOrigin.DRAWN)
    same = store.save_mask(scan_id, mask((1, 1, 1)), name="b", origin=MaskOrigin.DRAWN)
    assert len(arrays(settings)) == 2
    store.delete_mask(one.id)
    assert store.mask(same.id).labels[1, 1, 1] == 1, "another mask needs the same array"
    store.delete(kept.id)
    assert arrays(settings) == []
    assert store.masks(scan_id) == ()


def test_the_sweep_and_the_check_for_damage_know_masks(
    store: Store, settings: Settings, kept: Study, clock: Clock
) -> None:
    facts = store.save_mask(kept.scans[0].id, mask((0, 0, 0), (0, 1, 1)), name="a", origin=MaskOrigin.REGION)
    clock.move(7200)
    assert store.sweep() == 0
    assert store.damaged() == ()
    for path in arrays(settings):
        path.unlink()
    assert len(store.damaged()) == 2
    with pytest.raises(StoreError, match="missing"):
        store.mask(facts.id)


def test_saving_and_deleting_a_mask_is_in_the_audit_trail(store: Store, kept: Study) -> None:
    facts = store.save_mask(kept.scans[0].id, mask((0, 0, 0)), name="Nodule", origin=MaskOrigin.RTSTRUCT)
    store.delete_mask(facts.id)
    deleted, saved, _ = (entry.deed for entry in store.audit(study=kept.id))
    assert (saved.event, saved.action, saved.detail) == (Event.CHANGED, Action.CREATE, "mask rtstruct")
    assert (deleted.event, deleted.action, deleted.patient) == (Event.CHANGED, Action.DELETE, "p1")
    assert store.first_broken_entry() is None


def test_a_store_of_the_first_form_gets_the_table_and_keeps_its_studies(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.data_dir.mkdir()
    url = store_url(settings.data_dir, "")
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, place="old", version="0001")
    engine.dispose()
    with monkeypatch.context() as patch:
        patch.setattr(Database, "_upgrade", lambda self: None)
        old = Store.open(settings, clock=clock)
        kept = old.add_studies([study()])[0].study
        old.close()
    store = Store.open(settings, clock=clock)
    assert store.study(kept.id) == kept
    store.save_mask(kept.scans[0].id, mask((0, 0, 0)), name="a", origin=MaskOrigin.DRAWN)
    store.close()
