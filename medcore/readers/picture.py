"""Pictures: PNG, JPEG, TIFF, BMP and WebP with their full bit depth, upright, without transparency."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np

from medcore.errors import N_, CorruptFileError, Message, TooLargeError, TruncatedFileError, UnsupportedFormatError
from medcore.readers import Limits, Reader, Scan, Slice
from medcore.records import Issue, Severity
from medcore.volume import Array, Geometry, Unit, Volume

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")  # named, because Pillow would also try Ghostscript
DEEP_PNG_TYPES = {2: 3, 6: 4}  # PNG colour type to channels, where Pillow keeps 8 of 16 bits
ORIENTATION_TAG = 0x0112
OPAQUE_WHITE = 255


class Picture(Reader):
    """Pictures without a physical scale."""

    title = N_("Picture (PNG, JPEG, TIFF, BMP, WebP)")
    order = 20

    def recognises(self, head: bytes, name: str) -> bool:
        return picture_format(head) is not None

    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice]:
        image, lossy = _open(name, data, limits)
        deep = _deep_png(data)
        pages = [upright(_array(page, data, deep, name), page) for page in _pages(image, name, limits)]
        if len({(page.shape, page.dtype) for page in pages}) > 1:
            pages = pages[:1]
        voxels = np.stack(pages) if len(pages) > 1 else pages[0][None]
        colour = voxels.ndim == 4
        issues = list(_issues(name, lossy, deep, getattr(image, "n_frames", 1), len(pages)))
        if colour and _is_grey(voxels):
            voxels, colour = np.ascontiguousarray(voxels[..., 0]), False
        volume = Volume(
            voxels=voxels,
            unit=Unit.RGB if colour else Unit.GREY,
            modality="",
            geometry=Geometry.pixels(),
            name=_stem(name),
        )
        return [Scan(volume, issues=tuple(issues))]


def picture_format(head: bytes) -> str | None:
    """The picture format that the first bytes show, or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    bitmap = (
        head[:2] == b"BM"
        and len(head) >= 26
        and head[14:18] in (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0")
    )
    return "BMP" if bitmap else None


def _open(name: str, data: memoryview, limits: Limits) -> tuple[Any, bool]:
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked below, before any pixel is decoded
    kind = picture_format(bytes(data[:64]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(data), formats=FORMATS)
    except MemoryError:
        raise
    except UnidentifiedImageError as error:
        raise _damaged(name, kind or "?") from error
    except (OSError, ValueError, SyntaxError, OverflowError, RuntimeError, TypeError, KeyError, IndexError) as error:
        raise _damaged(name, kind or "?") from error
    if image.width < 1 or image.height < 1:
        raise _damaged(name, kind or "?")
    _check(name, image.width, image.height, 1, limits)
    return image, image.format in ("JPEG", "WEBP")


def _pages(image: Any, name: str, limits: Limits) -> Iterable[Any]:
    """The pages of a picture, decoded one after the other."""
    count = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    _check(name, image.width, image.height, count, limits)
    try:
        for page in range(count):
            if page:
                image.seek(page)
                _check(name, image.width, image.height, 1, limits)
            image.load()
            yield image
    except MemoryError:
        raise
    except (OSError, ValueError, SyntaxError, OverflowError, RuntimeError, TypeError, KeyError, IndexError) as error:
        words = str(error).lower()
        if "truncated" in words or "unexpected end" in words or "broken data stream" in words:
            raise TruncatedFileError(
                N_("“{name}” ends before the picture does."),
                hint=N_("The copy or the download was cut short; fetch the file again."),
                name=name,
            ) from error
        raise _damaged(name, image.format) from error


def _check(name: str, width: int, height: int, pages: int, limits: Limits) -> None:
    if width * height * pages > limits.max_pixels:
        raise TooLargeError(
            N_(
                "“{name}” is a picture of {width} × {height} pixels ({pages} pages), more than the limit of {limit} MP."
            ),
            hint=N_("Scale it down, or raise MEDCORE_MAX_IMAGE_MEGAPIXELS."),
            name=name,
            width=width,
            height=height,
            pages=pages,
            limit=limits.max_pixels // 1_000_000,
        )


def _array(page: Any, data: memoryview, deep: int, name: str) -> Array:
    """(R, C) or (R, C, 3) of one decoded page, in the depth it was stored with."""
    if deep:
        return _deep_colour(data, deep, name)
    if page.mode in ("1", "L") and "transparency" not in page.info:
        return np.asarray(page if page.mode == "L" else page.convert("L"))
    if page.mode.startswith("I;16"):
        return np.asarray(page).astype(np.uint16)
    if page.mode == "I":
        return _narrow(np.asarray(page))
    if page.mode == "F":
        return np.asarray(page, dtype=np.float32)
    return _flat_colour(page, name)


def _flat_colour(page: Any, name: str) -> Array:
    """8-bit colour of any mode as RGB over white: palette looked up, transparency composited, CMYK converted."""
    from PIL import Image

    transparent = page.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in page.info
    if transparent:
        over = page.convert("RGBA")
        white = Image.new("RGBA", over.size, (OPAQUE_WHITE,) * 4)
        return np.asarray(Image.alpha_composite(white, over).convert("RGB"))
    try:
        return np.asarray(page.convert("RGB"))
    except ValueError as error:
        raise UnsupportedFormatError(
            N_("“{name}” is a picture of kind {kind}, which MedCore does not read."),
            hint=N_("Save it as PNG in grey or RGB."),
            name=name,
            kind=page.mode,
        ) from error


def _deep_png(data: memoryview) -> int:
    """Channels of a 16-bit colour PNG, 0 for everything else."""
    header = bytes(data[:26])
    if not header.startswith(b"\x89PNG") or len(header) < 26 or header[24] != 16:
        return 0
    return DEEP_PNG_TYPES.get(header[25], 0)


def _deep_colour(data: memoryview, channels: int, name: str) -> Array:
    """A 16-bit colour PNG: exact uint16 when it is really grey, else rounded to 8 bit and composited over white."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3:
        raise _damaged(name, "PNG")
    if channels == 4:
        alpha = pixels[..., 3:].astype(np.float64) / 65535
        pixels = np.rint(pixels[..., :3] * alpha + 65535 * (1 - alpha)).astype(np.uint16)
    if _is_grey(pixels):
        return np.ascontiguousarray(pixels[..., 0])
    result: Array = np.rint(pixels[..., ::-1] / 257.0).astype(np.uint8)
    return result


def upright(pixels: Array, page: Any) -> Array:
    """The picture turned as its EXIF orientation asks."""
    try:
        turn = int(page.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001  (damaged EXIF of any kind is no reason to refuse the picture)
        return pixels
    if turn in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _narrow(pixels: Array) -> Array:
    low, high = int(pixels.min()), int(pixels.max())
    for dtype in (np.uint16, np.int16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return pixels.astype(dtype)
    return pixels.astype(np.float32)


def _is_grey(pixels: Array) -> bool:
    """Whether all three channels are the same, as in an X-ray saved as RGB."""
    first = pixels[..., 0]
    return bool(np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2]))


def _issues(name: str, lossy: bool, deep: int, stored_pages: int, pages: int) -> Iterable[Issue]:
    yield Issue(
        "picture",
        Severity.WARN,
        Message(
            N_("This is a picture, not an original scan: it has no scale, and its grey values may have been changed.")
        ),
        Message(N_("Use the DICOM file if you can get it.")),
    )
    if lossy:
        yield Issue(
            "lossy", Severity.INFO, Message(N_("The image was compressed with loss; fine detail may be missing."))
        )
    if stored_pages != pages:
        yield Issue(
            "first_page_only",
            Severity.WARN,
            Message(N_("Only the first of {pages} pages was read."), {"pages": stored_pages}),
        )


def _stem(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0][:80] or "picture"


def _damaged(name: str, kind: str) -> CorruptFileError:
    return CorruptFileError(
        N_("The picture “{name}” ({kind}) is damaged and cannot be decoded."),
        hint=N_("Open and save it again in another program, or fetch it again."),
        name=name,
        kind=kind,
    )


READER = Picture()
