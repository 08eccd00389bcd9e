"""Stored DICOM pixels of every transfer syntax: a pinned order of decoders, each frame's own size checked first."""

from __future__ import annotations

import struct
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np

from medcore.errors import N_, CorruptFileError, MedcoreError, TooLargeError, TruncatedFileError, UnsupportedFormatError
from medcore.readers import Limits
from medcore.readers._dicom_header import Header
from medcore.volume import Array

JPEG_BASELINE, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
RLE = "1.2.840.10008.1.2.5"
# pydicom picks its own order, which changes with what is installed; a golden pixel must not.
PLUGINS = {
    JPEG_BASELINE: ("pillow", "gdcm"),
    JPEG_EXTENDED: ("pillow", "gdcm"),  # 8-bit only; 12-bit goes to the fallback
    "1.2.840.10008.1.2.4.53": (),  # retired progressive JPEG, 8 and 12 bit: only the fallback knows them
    "1.2.840.10008.1.2.4.55": (),
    "1.2.840.10008.1.2.4.57": ("gdcm",),
    "1.2.840.10008.1.2.4.70": ("gdcm",),
    "1.2.840.10008.1.2.4.80": ("pyjpegls", "gdcm"),
    "1.2.840.10008.1.2.4.81": ("pyjpegls", "gdcm"),
    "1.2.840.10008.1.2.4.90": ("pylibjpeg", "pillow", "gdcm"),
    "1.2.840.10008.1.2.4.91": ("pylibjpeg", "pillow", "gdcm"),
    "1.2.840.10008.1.2.4.201": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.202": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.203": ("pylibjpeg",),
    RLE: ("pylibjpeg", "pydicom"),
}
LOSSY = frozenset(
    {
        JPEG_BASELINE,
        JPEG_EXTENDED,
        "1.2.840.10008.1.2.4.53",
        "1.2.840.10008.1.2.4.55",
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.91",
    }
)
SOF_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # start of frame; F7 is JPEG-LS


def decode(dataset: Any, header: Header, name: str, limits: Limits) -> tuple[Array, str]:
    """Stored values (F, R, C) or (F, R, C, 3), and the photometric interpretation they now have.

    YBR comes back as RGB. Nothing else is applied.

    Raises:
        TooLargeError: A compressed frame is larger than the header says.
        TruncatedFileError: Pixels are missing.
        UnsupportedFormatError: No decoder knows the transfer syntax.
        CorruptFileError: All decoders refused.
    """
    from pydicom.uid import UID

    uid = UID(header.transfer_syntax)
    if header.transfer_syntax == DEFLATED_FRAMES:
        return _inflate_frames(dataset, header, name), header.photometric
    if "PixelData" in dataset and uid in PLUGINS:
        _check_frames(dataset, header, name)
    failure: BaseException | None = None
    for attempt in _attempts(dataset, header, name):
        try:
            pixels, photometric = attempt()
            return _shaped(pixels, header, name), photometric
        except (MemoryError, MedcoreError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  (the Rust decoder raises PanicException, no Exception)
            failure = failure or error
    raise _refusal(failure, header, name)


def _attempts(dataset: Any, header: Header, name: str) -> Iterator[Any]:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    uid = UID(header.transfer_syntax)
    try:
        decoder = get_decoder(uid) if PLUGINS.get(header.transfer_syntax) != () else None
    except NotImplementedError:
        raise UnsupportedFormatError(
            N_("“{name}” is stored with the transfer syntax {syntax}, for which there is no decoder."),
            hint=N_("Ask the sender to export it uncompressed (Explicit VR Little Endian)."),
            name=name,
            syntax=header.transfer_syntax or "?",
        ) from None
    for plugin in PLUGINS.get(header.transfer_syntax, ("",)):
        yield lambda plugin=plugin: _by_pydicom(decoder, dataset, header, plugin)
    if header.transfer_syntax == RLE and header.bits_allocated == 1:
        yield lambda: (_unpack_rle_bits(dataset, header), header.photometric)
    if header.transfer_syntax in PLUGINS and header.transfer_syntax != RLE:
        yield lambda: (_by_itk(dataset, header), "RGB" if header.samples > 1 else header.photometric)


def _by_pydicom(decoder: Any, dataset: Any, header: Header, plugin: str) -> tuple[Array, str]:
    dataset.NumberOfFrames = header.frames  # "0" is seen for one frame
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # padding and surplus frames are judged below
        pixels, facts = decoder.as_array(dataset, decoding_plugin=plugin, raw=False)
    return pixels, str(facts.get("photometric_interpretation", header.photometric))


def _by_itk(dataset: Any, header: Header) -> Array:
    """Decode with SimpleITK, which knows 12-bit JPEG; it sees a header written here, not the stranger's."""
    import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import MultiFrameGrayscaleWordSecondaryCaptureImageStorage, generate_uid

    clean = Dataset()
    clean.file_meta = FileMetaDataset()
    clean.file_meta.TransferSyntaxUID = header.transfer_syntax
    clean.file_meta.MediaStorageSOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    clean.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    clean.SOPClassUID = clean.file_meta.MediaStorageSOPClassUID
    clean.SOPInstanceUID = clean.file_meta.MediaStorageSOPInstanceUID
    clean.Modality = "OT"
    clean.Rows, clean.Columns, clean.NumberOfFrames = header.rows, header.columns, header.frames
    clean.SamplesPerPixel, clean.PhotometricInterpretation = header.samples, header.photometric
    if header.samples > 1:
        clean.PlanarConfiguration = int(dataset.get("PlanarConfiguration") or 0)
    clean.BitsAllocated, clean.BitsStored, clean.HighBit = (
        header.bits_allocated,
        header.bits_stored,
        header.bits_stored - 1,
    )
    clean.PixelRepresentation = int(header.signed)
    clean.PixelData = dataset.PixelData
    clean["PixelData"].VR = "OB"
    clean["PixelData"].is_undefined_length = True
    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        clean.save_as(file.name, enforce_file_format=True)
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(file.name)
        return np.asarray(sitk.GetArrayFromImage(reader.Execute()))


def _shaped(pixels: Array, header: Header, name: str) -> Array:
    """(F, R, C[, 3]) whatever axes the decoder left out."""
    shape: tuple[int, ...] = (header.frames, header.rows, header.columns)
    if header.samples > 1:
        shape = (*shape, header.samples)
    expected, frame = int(np.prod(shape)), int(np.prod(shape[1:]))
    if pixels.size < expected:
        raise TruncatedFileError(
            N_("“{name}” holds {found} pixel values where its header promises {expected}."),
            hint=N_("The file was cut short or edited; fetch it again."),
            name=name,
            found=int(pixels.size),
            expected=expected,
        )
    if pixels.size >= expected + frame:  # less than that is padding, which scanners do write
        raise CorruptFileError(
            N_("“{name}” holds {found} pixel values where its header promises {expected}."),
            hint=N_("The file was cut short or edited; fetch it again."),
            name=name,
            found=int(pixels.size),
            expected=expected,
        )
    pixels = pixels.reshape(-1)[:expected]
    return pixels.reshape(shape).astype(pixels.dtype.newbyteorder("="), copy=False)


def _check_frames(dataset: Any, header: Header, name: str) -> None:
    """Compare each compressed frame's own size with the header: a 3 kB JPEG can claim 65,500² pixels."""
    for frame in _frames(dataset, header):
        size = stream_size(frame)
        if size is not None and (size[0] > header.rows or size[1] > header.columns):
            raise TooLargeError(
                N_("A compressed frame of “{name}” is {columns} × {rows} pixels, larger than its header says."),
                hint=N_("The file is damaged or built to harm; export it again from its source."),
                name=name,
                rows=size[0],
                columns=size[1],
            )


def first_frame(dataset: Any, header: Header, name: str) -> bytes:
    """The first compressed frame, its own size checked.

    Raises:
        TooLargeError: It is larger than the header says.
        CorruptFileError: There is none.
    """
    _check_frames(dataset, header, name)
    for frame in _frames(dataset, header):
        return frame
    raise _refusal(None, header, name)


def _frames(dataset: Any, header: Header) -> Iterator[bytes]:
    from pydicom.encaps import generate_frames

    try:
        yield from generate_frames(dataset.PixelData, number_of_frames=header.frames)
    except Exception:  # noqa: BLE001  (a damaged frame table is the decoders' to report)
        return


def stream_size(frame: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a JPEG, JPEG-LS or JPEG 2000 stream claims; None if it does not say."""
    at = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    if at >= 0 and len(frame) >= at + 40:
        x, y, x0, y0 = struct.unpack_from(">IIII", frame, at + 8)
        return y - min(y0, y), x - min(x0, x)
    if frame[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(frame):
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker in SOF_MARKERS:
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return rows, columns
        if marker == 0xFF or 0xD0 <= marker <= 0xD9:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
    return None


def _inflate_frames(dataset: Any, header: Header, name: str) -> Array:
    """Deflated Image Frame Compression (PS3.5, A.4.12): each frame is a raw deflate stream."""
    bits = header.rows * header.columns * header.samples * header.bits_allocated
    size = -(-bits // 8)
    frames = []
    for frame in _frames(dataset, header):
        try:
            plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, size)
        except zlib.error as error:
            raise _refusal(error, header, name) from None
        if len(plain) < size:
            raise _refusal(None, header, name)
        frames.append(_from_bits(plain, header) if header.bits_allocated == 1 else _from_bytes(plain, header))
    if len(frames) != header.frames:
        raise _refusal(None, header, name)
    return _shaped(np.stack(frames), header, name)


def _from_bits(plain: bytes, header: Header) -> Array:
    bits = np.unpackbits(np.frombuffer(plain, np.uint8), bitorder="little")
    return bits[: header.rows * header.columns]


def _from_bytes(plain: bytes, header: Header) -> Array:
    return np.frombuffer(plain, f"<{'i' if header.signed else 'u'}{header.bits_allocated // 8}")


def _unpack_rle_bits(dataset: Any, header: Header) -> Array:
    """One-bit frames in RLE (segmentations): decode the single byte segment, then its bits."""
    from pydicom.pixels.decoders.rle import _rle_decode_segment

    frames = []
    for frame in _frames(dataset, header):
        start = struct.unpack_from("<I", frame, 4)[0]
        frames.append(_from_bits(bytes(_rle_decode_segment(frame[start:])), header))
    return np.stack(frames)


def _refusal(failure: BaseException | None, header: Header, name: str) -> MedcoreError:
    reason = type(failure).__name__ if failure is not None else "frames"
    words = str(failure).lower()
    if isinstance(failure, ValueError) and ("length" in words or "expected" in words or "insufficient" in words):
        return TruncatedFileError(
            N_("“{name}” ends before all the pixels its header promises."),
            hint=N_("The file was cut short; fetch it again."),
            name=name,
        )
    return CorruptFileError(
        N_("The pixels of “{name}” cannot be decoded ({reason}, transfer syntax {syntax})."),
        hint=N_("The file is probably damaged. Export it again from its source, uncompressed if you can."),
        name=name,
        reason=reason,
        syntax=header.transfer_syntax,
    )


def inflate_dataset(data: memoryview, limits: Limits, name: str) -> BytesIO:
    """A deflated DICOM file as an undeflated one, never unpacking more than the limit.

    Raises:
        TooLargeError: It unpacks to more than the limit.
        CorruptFileError: The deflate stream is damaged.
    """
    (length,) = struct.unpack_from("<I", data, 140)
    start = 144 + length
    uid = b"1.2.840.10008.1.2.1.99"
    head = bytes(data[:start]).replace(uid, b"1.2.840.10008.1.2.1".ljust(len(uid), b"\0"))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data[start:], limits.max_bytes + 1)
    except zlib.error:
        raise CorruptFileError(
            N_("The compressed content of “{name}” is damaged."),
            hint=N_("Export it again from its source."),
            name=name,
        ) from None
    if len(plain) > limits.max_bytes:
        raise TooLargeError(
            N_("“{name}” unpacks to more than {limit} MB."),
            hint=N_("The file may be built to harm. If the image is really that large, raise the limits."),
            name=name,
            limit=limits.max_bytes >> 20,
        )
    if not inflater.eof:
        raise TruncatedFileError(
            N_("“{name}” ends before all the pixels its header promises."),
            hint=N_("The file was cut short; fetch it again."),
            name=name,
        )
    return BytesIO(head + plain)
