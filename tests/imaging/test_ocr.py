"""Burned-in names are read at the sizes at which devices write them, and bones are not read as names."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.imaging import ocr

pytestmark = pytest.mark.skipif(not ocr.available(), reason="Tesseract is not installed")


def written(text: str, height: float, background: np.ndarray) -> np.ndarray:
    page = background.copy()
    cv2.putText(page, text, (6, 34), cv2.FONT_HERSHEY_SIMPLEX, height, 255, 1, cv2.LINE_AA)
    return page


@pytest.mark.parametrize("height", [0.5, 0.8])
def test_a_name_is_read_where_it_stands(height: float) -> None:
    noise = np.random.default_rng(0).normal(50, 6, (120, 320)).astype(np.uint8)
    words = {word.text: word.box for word in ocr.read_words(written("DOE JOHN 1951", height, noise))}
    assert {"DOE", "JOHN", "1951"} <= set(words)
    top, left, bottom, right = words["DOE"]
    assert 5 <= top < bottom <= 40
    assert 0 <= left < right <= 90


def test_an_empty_picture_has_no_words() -> None:
    assert ocr.read_words(np.full((80, 100), 30, np.uint8)) == ()


def test_radiographs_without_text_have_no_words(shared_data: Path) -> None:
    files = (
        sorted((shared_data / "nih_adult").rglob("*.png"))[:3]
        or sorted((shared_data / "nih_adult").rglob("*.jp*g"))[:3]
    )
    if not files:
        pytest.skip("there are no pictures in nih_adult")
    assert [word for file in files for word in ocr.read_words(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE))] == []
