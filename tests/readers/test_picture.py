"""Pictures keep their depth, stand upright and lose their transparency; impossible ones are refused by name."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from medcore.errors import CorruptFileError, MedcoreError, TooLargeError, TruncatedFileError
from medcore.intake import Found
from medcore.volume import Scale, Unit
from tests.readers.factory import picture, png_claiming

One = Callable[..., Found]
GREY = np.arange(30 * 20, dtype=np.uint8).reshape(30, 20)
DEEP = (np.arange(30 * 20, dtype=np.uint16) * 100).reshape(30, 20)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_eight_bit_grey_is_exact(one: One, kind: str) -> None:
    volume = one(picture(GREY, kind), "x-ray.png").volume
    assert np.array_equal(volume.voxels[0], GREY) and volume.unit is Unit.GREY
    assert volume.geometry.scale is Scale.NONE and volume.name == "x-ray" and volume.modality == ""


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_exact(one: One, kind: str) -> None:
    assert np.array_equal(one(picture(DEEP, kind)).volume.voxels[0], DEEP)


def test_sixteen_bit_colour_png_is_not_silently_cut(one: One) -> None:
    colour = np.stack([DEEP, DEEP // 2, DEEP // 4], axis=2)
    data = cv2.imencode(".png", colour[..., ::-1])[1].tobytes()
    assert np.array_equal(one(data).volume.voxels[0], np.rint(colour / 257.0).astype(np.uint8))
    grey = cv2.imencode(".png", np.stack([DEEP] * 3, axis=2))[1].tobytes()
    assert np.array_equal(one(grey).volume.voxels[0], DEEP)


def test_palette_pictures_give_colours_not_indices(one: One) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    image.putdata([0, 1])
    out = io.BytesIO()
    image.save(out, "PNG")
    assert one(out.getvalue()).volume.voxels[0].tolist() == [[[255, 0, 0], [0, 0, 255]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(one: One, orientation: int) -> None:
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16] = 255
    turned = upright.T if orientation > 4 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = picture(np.ascontiguousarray(turned), "PNG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(one(data).volume.voxels[0], expected)


def test_transparency_is_laid_over_white(one: One) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (200, 0, 0, 255)
    voxels = one(picture(pixels)).volume.voxels[0]
    assert voxels[0, 0].tolist() == [200, 0, 0] and voxels[1, 1].tolist() == [255, 255, 255]


def test_grey_saved_as_rgb_is_grey_again(one: One) -> None:
    volume = one(picture(np.stack([GREY] * 3, axis=2))).volume
    assert volume.unit is Unit.GREY and np.array_equal(volume.voxels[0], GREY)


def test_cmyk_jpeg_becomes_rgb(one: One) -> None:
    out = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(out, "JPEG")
    red = one(out.getvalue()).volume.voxels[0, 4, 4]
    assert red[0] > 200 and red[1] < 60


def test_pages_of_a_tiff_are_slices(one: One) -> None:
    pages = [Image.fromarray(GREY + k) for k in range(3)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    volume = one(out.getvalue()).volume
    assert volume.shape == (3, 30, 20) and np.array_equal(volume.voxels[2], GREY + 2)


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 2**31 - 1), (1, 2**31 - 1)])
def test_a_giant_picture_is_refused_before_it_is_decoded(one: One, size: tuple[int, int]) -> None:
    with pytest.raises((TooLargeError, CorruptFileError), match=r"big\.png"):
        one(png_claiming(*size), "big.png")


def test_a_picture_cut_short_is_refused(one: One) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 100), dtype=np.uint8)
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        data = picture(noise, kind)
        with pytest.raises((TruncatedFileError, CorruptFileError), match=r"a\.png"):
            one(data[: len(data) // 2], "a.png")


@pytest.mark.parametrize(
    "data", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7\n"]
)
def test_drawings_and_documents_named_png_are_refused(one: One, data: bytes) -> None:
    with pytest.raises(MedcoreError, match=r"a\.png"):
        one(data, "a.png")
