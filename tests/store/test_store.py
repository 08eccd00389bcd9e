"""The store keeps what it is given, once, and gives it back."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import NotFoundError, StoreError
from medcore.records import Severity
from medcore.settings import Settings
from medcore.store.store import Store
from medcore.store.studies import NewScan, NewStudy, clean_title
from medcore.volume import Geometry, Unit, Volume
from tests.store.conftest import Clock, scan, study


def blobs(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / "objects").glob("??/*"))


def test_a_study_is_there_after_a_restart(store: Store, open_store: Callable[[], Store]) -> None:
    (added,) = store.add_studies([study(patient="p1")])
    store.close()
    again = open_store().study(added.study.id)
    assert again == added.study
    assert (again.title, again.patient, again.modalities) == ("Chest 0", "p1", ("CT",))


def test_a_volume_comes_back_with_all_it_had_and_read_only(store: Store) -> None:
    (added,) = store.add_studies([study()])
    given, kept = scan(), store.volume(added.study.scans[0].id)
    np.testing.assert_array_equal(kept.voxels, given.voxels)
    np.testing.assert_array_equal(kept.geometry.affine, given.geometry.affine)
    assert kept.geometry.scale is given.geometry.scale
    same = {field.name for field in fields(Volume)} - {"voxels", "geometry"}  # a new field must be stored too
    assert {name: getattr(kept, name) for name in same} == {name: getattr(given, name) for name in same}
    assert kept.voxels.dtype == np.int16
    with pytest.raises(ValueError, match="read-only"):
        kept.voxels[0, 0, 0] = 1


def test_voxels_are_mapped_not_read(store: Store) -> None:
    (added,) = store.add_studies([study()])
    base = store.volume(added.study.scans[0].id).voxels
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap) or type(base.base).__name__ == "mmap"


def test_a_colour_picture_without_a_scale_comes_back_as_one(store: Store) -> None:
    picture = scan(voxels=np.zeros((1, 4, 5, 3), np.uint8), unit=Unit.RGB, geometry=Geometry.pixels(), window=None)
    (added,) = store.add_studies([NewStudy("x", (NewScan(picture),))])
    facts = added.study.scans[0]
    assert (facts.spacing_mm, facts.shape, facts.unit) == (None, (1, 4, 5), "RGB")
    assert store.volume(facts.id).unit is Unit.RGB


def test_issues_keep_their_numbers_and_their_untranslated_words(store: Store) -> None:
    (added,) = store.add_studies([study()])
    (issue,) = store.study(added.study.id).scans[0].issues
    assert issue.message.text() == "A gap of 5.5 mm."
    assert (issue.severity, issue.measured, issue.limit) == (Severity.WARN, 5.5, 2.5)


def test_the_same_bytes_twice_make_no_second_copy(store: Store, settings: Settings, clock: Clock) -> None:
    (first,) = store.add_studies([study(title="a")])
    clock.move(60)
    (second,) = store.add_studies([study(title="b")])
    assert (first.new_scans, second.new_scans) == (1, 0)
    assert second.study == first.study
    assert len(blobs(settings)) == 1
    assert len(store.studies()) == 1


def test_the_same_bytes_twice_in_one_upload_are_one_study(store: Store) -> None:
    first, second = store.add_studies([study(title="a"), study(title="b")])
    assert (first.new_scans, second.new_scans) == (1, 0)
    assert len(store.studies()) == 1


def test_equal_pixels_of_different_files_share_one_array(store: Store, settings: Settings) -> None:
    store.add_studies([study(0), study(0, sha256="f" * 64)])
    assert len(store.studies()) == 2
    assert len(blobs(settings)) == 1


def test_a_series_uploaded_later_joins_the_study_of_its_key(store: Store) -> None:
    (first,) = store.add_studies([study(0, key="k", series="s1", patient="p")])
    (second,) = store.add_studies([study(1, key="k", series="s2", title="other")])
    assert second.study.id == first.study.id
    assert [x.name for x in second.study.scans] == ["Chest 0", "Chest 1"]
    assert (second.study.title, second.study.patient) == ("Chest 0", "p")


def test_two_volumes_of_the_same_file_are_two_scans_and_stay_two(store: Store) -> None:
    both = NewStudy("x", (NewScan(scan(0)), NewScan(scan(1, sha256=scan(0).sha256))), key="k")
    assert store.add_studies([both])[0].new_scans == 2
    assert store.add_studies([both])[0].new_scans == 0


def test_pictures_are_studies_of_their_own(store: Store) -> None:
    store.add_studies([study(0), study(1)])
    assert len(store.studies()) == 2


def test_the_newest_upload_comes_first_and_each_upload_keeps_its_order(store: Store, clock: Clock) -> None:
    store.add_studies([study(0), study(1)])
    clock.move(1)
    store.add_studies([study(2), study(3)])
    assert [s.title for s in store.studies()] == ["Chest 2", "Chest 3", "Chest 0", "Chest 1"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", 3),
        ("thorax", 1),
        ("THÓRAX müller", 0),
        ("thorax ct", 1),
        ("2025-06", 2),
        ("p77", 1),
        ("100%", 1),
        ("_", 0),
        ("胸部", 1),
        ("  mr  ", 1),
    ],
)
def test_a_search_finds_all_its_words_in_title_patient_modality_or_date(store: Store, search: str, found: int) -> None:
    store.add_studies(
        [
            study(0, title="Thorax 100%", patient="p77"),
            study(1, title="胸部 X"),
            study(2, title="Head", modality="MR", acquired_on=None),
        ]
    )
    assert len(store.studies(search=search)) == found


def test_studies_can_be_narrowed_to_a_modality_and_to_pictures_that_name_none(store: Store) -> None:
    store.add_studies([study(0), study(1, modality="MR"), study(2, modality="")])
    assert [s.title for s in store.studies(modality="MR")] == ["Chest 1"]
    assert [s.title for s in store.studies(modality="")] == ["Chest 2"]
    assert len(store.studies(modality=None)) == 3


def test_renaming_gives_back_the_former_title_so_that_it_can_be_undone(store: Store) -> None:
    (added,) = store.add_studies([study()])
    former = store.rename(added.study.id, "  New \n title\x00 ")
    assert (former, store.study(added.study.id).title) == ("Chest 0", "New title")
    assert len(store.studies(search="new")) == 1
    store.rename(added.study.id, former)
    assert store.study(added.study.id) == added.study


def test_a_title_cannot_be_empty(store: Store) -> None:
    (added,) = store.add_studies([study()])
    with pytest.raises(StoreError, match="title"):
        store.rename(added.study.id, " \t")


def test_a_title_is_one_line_of_bearable_length() -> None:
    assert len(clean_title("x" * 999)) == 200
    assert clean_title("a\u202eb\u2028c") == "a b c"


def test_deleting_leaves_nothing_of_the_study(store: Store, settings: Settings) -> None:
    (added,) = store.add_studies([study()])
    store.save_annotations(added.study.id, [1], version=0)
    store.delete(added.study.id)
    assert blobs(settings) == []
    assert store.studies() == ()
    for ask in (store.study, store.delete):
        with pytest.raises(NotFoundError):
            ask(added.study.id)
    for ask_scan in (store.volume, store.thumbnail):
        with pytest.raises(NotFoundError):
            ask_scan(added.study.scans[0].id)
    assert store.annotations(added.study.id).version == 0


def test_deleting_keeps_an_array_that_another_study_needs(store: Store) -> None:
    first, second = store.add_studies([study(0), study(0, sha256="f" * 64)])
    store.delete(first.study.id)
    np.testing.assert_array_equal(store.volume(second.study.scans[0].id).voxels, scan(0).voxels)


def test_a_deleted_study_can_be_added_again(store: Store) -> None:
    (added,) = store.add_studies([study()])
    store.delete(added.study.id)
    (again,) = store.add_studies([study()])
    assert (again.new_scans, again.study.id) == (1, added.study.id)
    assert store.volume(again.study.scans[0].id).shape == (3, 4, 5)


def test_a_thumbnail_comes_back(store: Store) -> None:
    (added,) = store.add_studies([study()])
    assert store.thumbnail(added.study.scans[0].id) == b"\x89PNG"


def test_a_study_is_synthetic_only_if_all_of_it_is(store: Store) -> None:
    (added,) = store.add_studies([study(0, key="k", synthetic=True)])
    assert added.study.synthetic
    (added,) = store.add_studies([study(1, key="k", synthetic=False)])
    assert not added.study.synthetic


def test_ids_cannot_be_worked_out_without_the_key(tmp_path: Path, clock: Clock) -> None:
    ids = []
    for name in ("a", "b"):
        store = Store.open(Settings(data_dir=tmp_path / name), clock=clock)
        ids.append(store.add_studies([study(key="1.2.3")])[0].study.id)
        store.close()
    assert ids[0] != ids[1]


def test_annotations_are_replaced_only_by_whoever_read_the_newest(store: Store) -> None:
    (added,) = store.add_studies([study()])
    assert store.annotations(added.study.id).content is None
    first = store.save_annotations(added.study.id, {"lines": [[1, 2.5], [3, 4]], "note": "é"}, version=0)
    assert first == 1
    with pytest.raises(StoreError, match="meanwhile"):
        store.save_annotations(added.study.id, {}, version=0)
    assert store.annotations(added.study.id).content == {"lines": [[1, 2.5], [3, 4]], "note": "é"}
    assert store.save_annotations(added.study.id, {}, version=1) == 2


def test_a_data_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "Dr. Ö's 100% ?#& data"
    store = Store.open(Settings(data_dir=folder))
    store.add_studies([study()])
    store.close()
    assert (folder / "medcore.db").is_file()
