"""The sample studies: real DICOM, read whole by our own readers, with the truth they promise."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from medcore.exports.samples import SAMPLES, write_sample, write_samples
from medcore.intake import Source, read_sources
from medcore.sandbox import Sandbox
from medcore.settings import Settings

COARSE = 5.0


def test_at_least_six_samples_are_read_without_a_complaint(tmp_path: Path) -> None:
    told: list[float] = []
    files = write_samples(tmp_path, coarse=COARSE, progress=lambda share, _title: told.append(share))
    settings = Settings()
    sandbox = Sandbox(workers=1, memory_mb=settings.decode_memory_mb, seconds=60, output_mb=512)
    try:
        reading = read_sources([Source(p.name, path=p) for p in files], sandbox=sandbox, settings=settings, key=b"k")
    finally:
        sandbox.close()
    assert not reading.refused and len(reading.found) == len(SAMPLES) >= 6
    assert all(found.volume.synthetic for found in reading.found)
    assert [issue.code for found in reading.found for issue in found.issues] == []
    assert len({found.study_key for found in reading.found}) == len(SAMPLES)
    assert len({found.patient for found in reading.found}) == len({s.patient for s in SAMPLES})
    assert told[0] == 0 and told[-1] == 1 and told == sorted(told)
    for found in reading.found:  # before/after pairs are to be told apart by their dates
        assert found.volume.acquired_on is not None


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.id)
def test_a_sample_says_that_it_is_synthetic_and_keeps_its_truth(sample, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    phantom, files = write_sample(sample, tmp_path, coarse=COARSE)
    dataset = pydicom.dcmread(files[0])
    assert "ynthetic" in dataset.StudyDescription and dataset.Manufacturer == "MedCore phantom"
    assert len(files) == phantom.volume.shape[0]
    for target in phantom.targets:
        inside = np.argwhere(phantom.mask.labels == target.label)
        if not inside.size:  # smaller than the coarse voxels of this test
            assert min(target.size_mm) < 2 * max(phantom.volume.geometry.steps)
            continue
        assert np.abs(inside.mean(axis=0) - target.centre_index).max() < 1.0
    if sample.id.endswith("-later"):
        before = next(s for s in SAMPLES if s.id == sample.id.removesuffix("-later")).make(COARSE)
        assert before.volume.acquired_on < phantom.volume.acquired_on
        assert phantom.targets[0].longest_mm < before.targets[0].longest_mm
