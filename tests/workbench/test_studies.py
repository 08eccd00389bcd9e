"""Adding, finding, renaming and deleting studies, through the real reader where bytes matter."""

import io
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.errors import (
    CancelledError,
    EmptyFileError,
    Message,
    MissingScanError,
    NotFoundError,
    StoreError,
    UnfitInputError,
    UnknownFormatError,
)
from medcore.exports.nifti_images import write_nifti
from medcore.exports.samples import SAMPLES, write_sample
from medcore.intake import Found, Reading, Refusal, Source
from medcore.records import Issue, Severity
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Geometry, MaskOrigin, Unit, Volume
from medcore.workbench.label_images import attach_label_image
from medcore.workbench.studies import BATCH_STUDIES, Studies, uploaded
from medcore.workbench.workbench import Workbench
from tests.readers.factory import saved
from tests.readers.regions_factory import ct_slices, rtstruct, seg

COARSE = 16.0


def png(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30), dtype=np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def found(seed: int = 0, *, name: str = "", sha256: str = "", **changes: object) -> Found:
    voxels = np.random.default_rng(seed).integers(0, 99, (2, 3, 4)).astype(np.int16)
    volume = Volume(
        voxels,
        Unit.GREY,
        "MR",
        Geometry.from_spacing((1, 1, 1)),
        name or f"scan {seed}",
        sha256=sha256 or f"{seed:064x}",
    )
    return replace(Found(volume), **changes)  # type: ignore[arg-type]


class FakeReader:
    """Hands over scans that were made beforehand, as `read_sources` does."""

    def __init__(self, *scans: Found, refused: Sequence[Refusal] = (), before: Callable[[int], None] = lambda n: None):
        self.scans, self.refused, self.before = scans, tuple(refused), before

    def __call__(
        self,
        sources: Sequence[Source],
        *,
        sandbox: Sandbox,
        settings: Settings,
        key: bytes = b"",
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        arrived: Callable[[Found], None] | None = None,
        stack_mm: object = None,
    ) -> Reading:
        assert progress is not None
        assert arrived is not None
        for number, scan in enumerate(self.scans):
            self.before(number)
            progress(number / len(self.scans), scan.volume.name)
            arrived(scan)
        return Reading(self.scans, self.refused)


@pytest.fixture
def with_scans(workbench: Workbench) -> Callable[..., Studies]:
    """Studies whose reader finds just these scans."""
    return lambda *scans, **named: replace(workbench.studies, read=FakeReader(*scans, **named))


def test_good_files_are_kept_and_bad_ones_named_with_the_reason(workbench: Workbench) -> None:
    report = workbench.studies.add(
        [
            uploaded("a.png", png(1)),
            uploaded("empty.dcm", b""),
            uploaded("x.dcm", b"hello" * 99),
            uploaded("b.png", png(2)),
        ]
    )
    assert [study.title for study in report.added] == ["a", "b"]
    assert {r.name: type(r.error) for r in report.refused} == {
        "empty.dcm": EmptyFileError,
        "x.dcm": UnknownFormatError,
    }
    assert all(refusal.error.hint.text() for refusal in report.refused)
    assert [study.title for study in workbench.studies.list()] == ["a", "b"]


def test_the_same_picture_under_another_name_is_known(workbench: Workbench) -> None:
    first = workbench.studies.add([uploaded("a.png", png())])
    again = workbench.studies.add([uploaded("other.png", png()), uploaded("third.png", png())])
    assert (again.added, again.known) == ((), first.added)


def test_pixels_of_a_stored_picture_are_those_of_the_file(workbench: Workbench) -> None:
    (study,) = workbench.studies.add([uploaded("a.png", png(3))]).added
    expected = np.random.default_rng(3).integers(0, 256, (20, 30), dtype=np.uint8)
    np.testing.assert_array_equal(workbench.studies.volume(study.scans[0].id).voxels[0], expected)
    assert cv2.imdecode(np.frombuffer(workbench.studies.thumbnail(study.scans[0].id), np.uint8), -1).shape == (171, 256)


def test_slices_of_a_series_become_one_scan_and_pictures_of_a_zip_studies_of_their_own(
    workbench: Workbench, tmp_path: Path
) -> None:
    sample = next(sample for sample in SAMPLES if sample.id == "brain-lesion")
    phantom, files = write_sample(sample, tmp_path, coarse=COARSE)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            archive.write(file, f"mr/{file.name}")
        archive.writestr("p/one.png", png(1))
        archive.writestr("p/two.png", png(2))
    report = workbench.studies.add([uploaded("all.zip", packed.getvalue())])
    assert report.refused == ()
    assert sorted(len(study.scans) for study in report.added) == [1, 1, 1]
    (mr,) = workbench.studies.list(modality="MR")
    np.testing.assert_array_equal(workbench.studies.volume(mr.scans[0].id).voxels, phantom.volume.voxels)
    assert mr.patient
    assert "SYNTHETIC" not in str(mr)


def test_two_uploads_of_the_same_patient_have_the_same_pseudonym(workbench: Workbench, tmp_path: Path) -> None:
    by_id = {sample.id: sample for sample in SAMPLES}
    studies = []
    for name in ("chest-opacity", "chest-opacity-later", "chest-normal"):
        write_sample(by_id[name], tmp_path, coarse=COARSE)
        studies += workbench.studies.add([Source(name, path=tmp_path / name)]).added
    assert studies[0].patient == studies[1].patient != studies[2].patient


def test_series_of_one_study_join_also_when_they_come_later(with_scans: Callable[..., Studies]) -> None:
    keys = {"study_key": "K", "patient": "P"}
    first = with_scans(found(1, series_key="s1", **keys), found(9), found(2, series_key="s2", **keys)).add([])
    assert [len(study.scans) for study in first.added] == [2, 1]
    again = with_scans(found(3, series_key="s3", **keys), found(1, series_key="s1", **keys)).add([])
    assert [(study.id, len(study.scans)) for study in again.added] == [(first.added[0].id, 3)]
    assert again.known == ()


def test_a_scan_that_must_not_be_analysed_is_kept_with_its_issue(with_scans: Callable[..., Studies]) -> None:
    gap = Issue("slice_gap", Severity.BLOCK, Message("A slice is missing."))
    (study,) = with_scans(found(issues=(gap,))).add([]).added
    assert study.scans[0].issues == (gap,)
    assert study.worst is Severity.BLOCK


def test_the_largest_scan_names_the_study_and_a_picture_loses_folder_and_ending(
    with_scans: Callable[..., Studies],
) -> None:
    survey = found(1, name="Survey", study_key="K")
    large = replace(
        survey, volume=replace(survey.volume, voxels=np.ones((9, 9, 9), np.int16), name="T1", sha256="a" * 64)
    )
    picture = found(2, name="C:\\Users\\me\\chest.1.png")
    report = with_scans(survey, large, picture).add([])
    assert [study.title for study in report.added] == ["T1", "chest.1"]


def test_progress_grows_and_names_the_file(with_scans: Callable[..., Studies]) -> None:
    told: list[tuple[float, str]] = []
    scans = [found(seed) for seed in range(BATCH_STUDIES + 3)]
    with_scans(*scans).add([], progress=lambda fraction, stage: told.append((fraction, stage.text())))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert told[1][1] == "Reading scan 1"
    assert told[-1][1] == "Storing"


def test_a_cancelled_upload_stops_and_leaves_no_pixels_behind(workbench: Workbench, settings: Settings) -> None:
    def stop(number: int) -> None:
        if number == 2:
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        replace(workbench.studies, read=FakeReader(*map(found, range(4)), before=stop)).add([])
    assert workbench.studies.list() == ()
    assert list((settings.data_dir / "objects").glob("??/*")) == []


def test_cancelling_while_studies_are_stored_keeps_those_that_are(with_scans: Callable[..., Studies]) -> None:
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        return len(asked) > 1

    studies = with_scans(*map(found, range(BATCH_STUDIES + 1)))
    with pytest.raises(CancelledError):
        studies.add([], cancelled=cancelled)
    assert len(studies.list()) == BATCH_STUDIES
    assert studies.store.damaged() == ()


def test_a_study_that_cannot_be_stored_does_not_keep_the_others_out(
    workbench: Workbench, with_scans: Callable[..., Studies], monkeypatch: pytest.MonkeyPatch
) -> None:
    put = type(workbench.store._blobs).put

    def full(blobs: object, array: np.ndarray) -> str:
        if array.nbytes > 100:
            raise StoreError("The disk is full.")
        return put(blobs, array)  # type: ignore[arg-type]

    monkeypatch.setattr(type(workbench.store._blobs), "put", full)
    large = replace(found(5).volume, voxels=np.ones((9, 9, 9), np.int16), name="large.png")
    report = with_scans(found(1), Found(large), found(2)).add([])
    assert [study.title for study in report.added] == ["scan 1", "scan 2"]
    assert [(refusal.name, refusal.error.message.text()) for refusal in report.refused] == [
        ("large", "The disk is full.")
    ]
    with pytest.raises(StoreError, match="full"):
        with_scans(Found(large)).add([])


def test_an_upload_of_nothing_is_an_empty_report(workbench: Workbench) -> None:
    report = workbench.studies.add([])
    assert (report.added, report.known, report.refused) == ((), (), ())


def test_the_samples_are_synthetic_studies_that_are_added_once(workbench: Workbench) -> None:
    told: list[str] = []
    report = workbench.studies.add_samples(lambda fraction, stage: told.append(stage.text()), coarse=COARSE)
    assert [study.title for study in report.added] == [sample.title for sample in SAMPLES] == told
    assert all(study.synthetic and study.scans[0].synthetic for study in report.added)
    assert len({study.patient for study in report.added}) < len(report.added)
    again = workbench.studies.add_samples(coarse=COARSE)
    assert (again.added, again.known) == ((), report.added)


def test_a_real_chest_radiograph_is_added_and_found(workbench: Workbench, shared_data: Path) -> None:
    files = sorted((shared_data / "kermany").rglob("*.jp*g"))
    if not files:
        pytest.skip("there are no pictures in kermany")
    (study,) = workbench.studies.add([Source(files[0].name, path=files[0])]).added
    assert workbench.studies.list(search=files[0].stem.split("-")[0]) == (study,)
    expected = cv2.imread(str(files[0]), cv2.IMREAD_UNCHANGED)
    kept = workbench.studies.volume(study.scans[0].id).voxels[0]
    assert (
        np.abs(kept.astype(int) - expected[..., ::-1] if expected.ndim == 3 else kept - expected.astype(int)).max() <= 3
    )


def test_a_study_is_renamed_renamed_back_and_deleted(workbench: Workbench) -> None:
    (study,) = workbench.studies.add([uploaded("a.png", png())]).added
    former = workbench.studies.rename(study.id, "Case 7")
    assert workbench.studies.get(study.id).title == "Case 7"
    workbench.studies.rename(study.id, former)
    assert workbench.studies.get(study.id) == study
    workbench.studies.delete(study.id)
    with pytest.raises(NotFoundError):
        workbench.studies.get(study.id)


def test_measurements_are_kept_with_a_version(workbench: Workbench) -> None:
    (study,) = workbench.studies.add([uploaded("a.png", png())]).added
    assert workbench.studies.save_annotations(study.id, [{"line": [0, 1]}], version=0) == 1
    assert workbench.studies.annotations(study.id).content == [{"line": [0, 1]}]


def test_studies_and_their_pixels_outlast_a_restart(workbench: Workbench, settings: Settings) -> None:
    (study,) = workbench.studies.add([uploaded("a.png", png(4))]).added
    workbench.close()
    again = Workbench.open(settings)
    assert again.studies.list() == (study,)
    assert again.studies.volume(study.scans[0].id).shape == (1, 20, 30)
    again.close()


def test_no_file_name_of_the_upload_is_left_on_the_disk_but_in_the_database(
    workbench: Workbench, settings: Settings
) -> None:
    workbench.studies.add([uploaded("Doe_Jane.png", png())])
    assert not [path for path in settings.data_dir.rglob("*") if "Doe" in path.name]
    shutil.rmtree(settings.data_dir / "objects")


def test_a_segmentation_becomes_a_mask_of_its_scan_in_one_upload_or_later(workbench: Workbench) -> None:
    slices, masks = ct_slices(), np.zeros((8, 20, 24, 1), np.uint8)
    masks[2:5, 4:9, 6:12] = 1
    scan = [uploaded(f"{k}.dcm", saved(ds)) for k, ds in enumerate(slices)]
    drawn = uploaded("liver.dcm", seg(slices, masks, ["Liver"]))
    refused = workbench.studies.add([drawn]).refused
    assert [type(refusal.error) for refusal in refused] == [MissingScanError] and "liver.dcm" in str(refused[0].error)
    (study,) = workbench.studies.add(scan).added
    report = workbench.studies.add([drawn])
    assert report.known == (study,) and not report.refused and len(report.masks) == 1
    assert workbench.studies.add([drawn, *scan]).masks == report.masks  # the same mask again is one
    (facts,) = workbench.studies.masks(study.scans[0].id)
    assert (facts.name, facts.origin, dict(facts.labels)) == ("Liver", MaskOrigin.SEG, {1: "Liver"})
    np.testing.assert_array_equal(workbench.studies.mask(facts.id).labels, masks[..., 0])


def test_contours_are_not_laid_onto_a_scan_with_a_gap(workbench: Workbench) -> None:
    slices = ct_slices()
    square = np.array([[-35.0, -25, 15], [-30, -25, 15], [-30, -20, 15], [-35, -20, 15]])
    files = [uploaded(f"{k}.dcm", saved(ds)) for k, ds in enumerate(slices) if k != 4]
    report = workbench.studies.add([*files, uploaded("rt.dcm", rtstruct({"GTV": [square]}))])
    assert len(report.added) == 1 and not report.masks
    assert [type(refusal.error) for refusal in report.refused] == [MissingScanError]


def test_numbered_pictures_become_one_study_when_their_spacing_is_stated(workbench: Workbench) -> None:
    files = [uploaded(f"head/img{k}.png", png(k)) for k in (10, 9, 8)]
    report = workbench.studies.add(files, stack_mm=(2.0, 0.5, 0.4))
    (scan,) = report.added[0].scans
    assert scan.shape == (3, 20, 30) and scan.spacing_mm == (2.0, 0.5, 0.4)
    assert [issue.code for issue in scan.issues][:1] == ["spacing_stated"]


def test_a_label_image_is_attached_to_a_stored_scan_as_a_mask(workbench: Workbench, tmp_path: Path) -> None:
    pixels, labels = np.random.default_rng(0).normal(size=(4, 6, 5)), np.zeros((4, 6, 5))
    labels[1:3, 2:4, 1:4], labels[3, 0, 0] = 2, 5
    geometry = Geometry.from_spacing((3, 1, 2), origin_mm=(10, 20, 30))
    for name, values in (("scan", pixels.astype(np.float32)), ("tumour", labels.astype(np.float32))):
        write_nifti(Volume(values, Unit.GREY, "MR", geometry), tmp_path / f"{name}.nii.gz")
    (study,) = workbench.studies.add([Source("scan.nii.gz", path=tmp_path / "scan.nii.gz")]).added
    scan = study.scans[0].id
    facts = attach_label_image(workbench.studies, scan, Source("tumour.nii.gz", path=tmp_path / "tumour.nii.gz"))
    assert facts.origin is MaskOrigin.FILE and set(facts.labels.values()) == {"2", "5"}
    np.testing.assert_array_equal(workbench.studies.mask(facts.id).labels > 0, labels > 0)
    with pytest.raises(UnfitInputError):
        attach_label_image(workbench.studies, scan, Source("scan.nii.gz", path=tmp_path / "scan.nii.gz"))
