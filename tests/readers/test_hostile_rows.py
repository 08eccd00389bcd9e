"""Every row of the table of hostile files: a clear named error or a right image, in a child of 2 GB and 30 seconds.

Files are made as they were made for the table, only smaller where size is not the point; the ones that need their full
size are slow.
"""

import gzip
import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from medcore import errors
from medcore.errors import ReadError
from medcore.intake import Reading, Source, read_sources
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from tests.readers.factory import ct, ct_dataset, picture, png_claiming, saved, zipped
from tests.readers.test_dicom import deflated

MEMORY_MB, SECONDS = 2048, 30
GOOD = picture(np.arange(600, dtype=np.uint8).reshape(30, 20))
RAMP = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, memory_mb=MEMORY_MB, seconds=SECONDS, output_mb=1024) as sandbox:
        yield sandbox


def upload(sandbox: Sandbox, data: bytes, name: str = "bad.dcm", seconds: float = SECONDS) -> Reading:
    """One hostile file and a good picture: whatever becomes of the one, the other is read, within the time."""
    start = time.monotonic()
    sources = [Source(name, data=data), Source("good.png", data=GOOD)]
    reading = read_sources(sources, sandbox=sandbox, settings=Settings())
    assert time.monotonic() - start < seconds + 5
    assert "good" in [found.volume.name for found in reading.found]
    for refusal in reading.refused:
        assert refusal.name.startswith(name) and refusal.error.hint.text(), refusal
    return reading


def compressed(syntax: str, pixels: np.ndarray | None = None) -> bytes:
    ds = ct_dataset(pixels=pixels)
    ds.compress(syntax, generate_instance_uid=False)
    return saved(ds)


def frame_of(data: bytes) -> int:
    """Where the first compressed frame begins."""
    return data.rindex(b"\xfe\xff\x00\xe0", 0, data.rindex(b"\xfe\xff\xdd\xe0")) + 8


def scrambled(data: bytes, at: int, count: int = 600) -> bytes:
    noise = np.random.default_rng(7).integers(0, 255, count, dtype=np.uint8).tobytes()
    return data[:at] + noise[: max(len(data) - at - 8, 0)] + data[at + count :]


def jpeg_dicom(rows: int, columns: int, sof: tuple[int, int] | None = None) -> bytes:
    """A baseline JPEG in DICOM whose header says rows × columns; `sof` patches the size in the stream."""
    from pydicom.encaps import encapsulate

    stream = picture(np.zeros((64, 48), np.uint8), "JPEG")
    if sof is not None:
        at = stream.index(b"\xff\xc0") + 5
        stream = stream[:at] + struct.pack(">HH", *sof) + stream[at + 4 :]
    ds = dx_like(rows, columns)
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].is_undefined_length = True
    return saved(ds)


def dx_like(rows: int, columns: int) -> Dataset:
    ds = ct_dataset(np.zeros((64, 48), np.uint8), Modality="OT")
    ds.Rows, ds.Columns = rows, columns
    return ds


def nested(depth: int) -> bytes:
    """Sequences of undefined length inside each other, where a reader may run out of stack."""
    opened = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closed = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    plain = ct()
    at = plain.index(b"\x10\x00\x10\x00PN")
    return plain[:at] + opened * depth + closed * depth + plain[at:]


def many_elements(count: int) -> bytes:
    """Empty private elements, 8 bytes each, and no pixels."""
    tags = np.zeros((count, 4), "<u2")
    tags[:, 0] = 0x0009 + 2 * (np.arange(count) // 0xEF00)
    tags[:, 1] = 0x1000 + np.arange(count) % 0xEF00
    tags[:, 2] = int.from_bytes(b"LO", "little")
    head = ct(PixelData=None, Rows=None)
    return head[: head.index(b"\x10\x00\x10\x00PN")] + tags.tobytes()


def nifti(shape: tuple[int, ...] = (6, 5, 4), **fields: object) -> bytes:
    raw = bytearray(nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)).to_bytes())
    header = nibabel.Nifti1Header(bytes(raw[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    raw[:348] = header.binaryblock
    return bytes(raw)


def ztxt_bomb() -> bytes:
    """A PNG with a compressed text of 64 MB."""
    body = b"Comment\0\0" + zlib.compress(bytes(64 << 20))
    chunk = len(body).to_bytes(4, "big") + b"zTXt" + body + zlib.crc32(b"zTXt" + body).to_bytes(4, "big")
    return GOOD[:33] + chunk + GOOD[33:]


EXPLICIT = b"1.2.840.10008.1.2.1\0"
ABSURD = {"Rows": 65535, "Columns": 65535, "NumberOfFrames": 999}
LARGE, HUGE = [3, 900, 900, 900, 1, 1, 1, 1], [3, 30000, 30000, 30000, 1, 1, 1, 1]
# Row of the table, the file, its name, and what must become of it: the name of an error, or None for a right image.
# A tuple of names means either: which one depends on how the decoder fails.
DAMAGED = (
    "CorruptFileError",
    "NoPixelsError",
    "TruncatedFileError",
    "DecoderCrashedError",
    "DecodeMemoryError",
    "TooLargeError",
)
ROWS: list[tuple[str, Callable[[], bytes], str, str | tuple[str, ...] | None]] = [
    ("RLE claims 200 frames", lambda: _with(compressed(RLELossless), b"NumberOfFrames", 200), "a.dcm", DAMAGED),
    ("J2K with SIZ patched to 60000²", lambda: _patched_j2k(60000), "a.dcm", "TooLargeError"),
    ("JPEG with SOF patched to 65500²", lambda: jpeg_dicom(64, 48, (65500, 65500)), "a.dcm", "TooLargeError"),
    ("the same with Rows 65500", lambda: jpeg_dicom(65500, 65500, (65500, 65500)), "a.dcm", "TooLargeError"),
    ("native rows, columns, frames absurd", lambda: ct(**ABSURD), "a.dcm", "TooLargeError"),
    ("corrupt RLE that panics in Rust", lambda: _corrupt(RLELossless, 64), "a.dcm", DAMAGED),
    ("corrupt JPEG-LS", lambda: _corrupt(JPEGLSLossless, 30), "a.dcm", DAMAGED),
    ("truncated J2K", lambda: _cut_frame(JPEG2000Lossless), "a.dcm", DAMAGED),
    ("truncated header", lambda: ct()[:400], "a.dcm", DAMAGED),
    ("an element longer than the file", lambda: _overlong(), "a.dcm", DAMAGED),
    ("says big endian, is little", lambda: _retold(EXPLICIT, b"1.2.840.10008.1.2.2\0"), "a.dcm", DAMAGED),
    ("truncated pixels", lambda: ct()[:-999], "a.dcm", "TruncatedFileError"),
    ("no Rows", lambda: ct(Rows=None), "a.dcm", "CorruptFileError"),
    ("Rows of zero", lambda: ct(Rows=0), "a.dcm", "CorruptFileError"),
    ("frames of -3", lambda: ct(NumberOfFrames=-3), "a.dcm", "CorruptFileError"),
    ("7 bits allocated", lambda: ct(BitsAllocated=7), "a.dcm", "CorruptFileError"),
    ("12 bits allocated", lambda: ct(BitsAllocated=12), "a.dcm", "CorruptFileError"),
    ("unknown transfer syntax", lambda: _retold(EXPLICIT, b"1.2.840.10008.9.9.9\0"), "a.dcm", "UnsupportedFormatError"),
    ("no pixel data", lambda: ct(PixelData=None), "a.dcm", "TruncatedFileError"),
    ("frames of 0 are one", lambda: ct(NumberOfFrames="0"), "a.dcm", None),
    ("says implicit, is explicit", lambda: _retold(EXPLICIT, b"1.2.840.10008.1.2\0\0\0"), "a.dcm", None),
    ("no bytes", lambda: b"", "a.dcm", "EmptyFileError"),
    ("text", lambda: b"Dear colleague, " * 300, "a.dcm", "UnknownFormatError"),
    ("no preamble", lambda: ct()[132:], "a.dcm", None),
    ("sequences nested 2000 deep", lambda: nested(2000), "a.dcm", DAMAGED),
    ("sequences nested 50000 deep", lambda: nested(50_000), "a.dcm", DAMAGED),
    ("slope of 1e308", lambda: _slope(b"1e308"), "a.dcm", "CorruptFileError"),
    ("slope of NaN", lambda: _slope(b"NaN"), "a.dcm", "CorruptFileError"),
    ("slope of abc", lambda: _slope(b"abc"), "a.dcm", "CorruptFileError"),
    ("slope empty", lambda: _slope(b""), "a.dcm", "CorruptFileError"),
    ("pixel spacing of zero", lambda: ct(PixelSpacing=[0, 0]), "a.dcm", None),
    ("window width of zero", lambda: ct(WindowWidth=0), "a.dcm", None),
    ("Windows program before the DICOM", lambda: b"MZ" + bytes(58) + ct()[60:], "a.dcm", None),
    ("web page before the DICOM", lambda: b"<html><script>".ljust(128) + ct()[128:], "a.dcm", None),
    ("50 thousand empty elements", lambda: many_elements(50_000), "a.dcm", DAMAGED),
    ("a million empty elements", lambda: many_elements(1_000_000), "a.dcm", "CorruptFileError"),
    ("PNG of 50000²", lambda: png_claiming(50_000, 50_000), "a.png", "TooLargeError"),
    ("PNG of 2³¹", lambda: png_claiming(2**31 - 1, 2**31 - 1), "a.png", ("TooLargeError", "CorruptFileError")),
    ("PNG whose text is a bomb", ztxt_bomb, "a.png", "CorruptFileError"),
    ("truncated PNG", lambda: GOOD[: len(GOOD) // 2], "a.png", ("CorruptFileError", "TruncatedFileError")),
    ("SVG named PNG", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", "UnsupportedFormatError"),
    ("EPS named PNG", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a.png", "UnsupportedFormatError"),
    ("zip of 200 MB in 200 kB", lambda: zipped({"a.dcm": bytes(200 << 20)}), "a.zip", "ArchiveError"),
    ("zip that lies about sizes", lambda: _lying_zip(), "a.zip", "ArchiveError"),
    ("NIfTI larger than the limit", lambda: gzip.compress(nifti(dim=LARGE)), "a.nii.gz", DAMAGED),
    ("NIfTI with huge dimensions", lambda: nifti(dim=HUGE), "a.nii", "TooLargeError"),
    ("the same packed", lambda: gzip.compress(nifti(dim=HUGE)), "a.nii.gz", "TooLargeError"),
    ("NIfTI with negative dimensions", lambda: nifti(dim=[3, -5, 5, 6, 1, 1, 1, 1]), "a.nii", "CorruptFileError"),
    ("NIfTI with dimensions of zero", lambda: nifti(dim=[3, 0, 5, 6, 1, 1, 1, 1]), "a.nii", "CorruptFileError"),
    ("NIfTI of an unknown type", lambda: nifti(datatype=999), "a.nii", "CorruptFileError"),
    ("NIfTI with its voxels elsewhere", lambda: nifti(vox_offset=1e9), "a.nii", "TruncatedFileError"),
    ("truncated NIfTI", lambda: nifti()[:-30], "a.nii", "TruncatedFileError"),
    ("NIfTI with a slope of NaN", lambda: nifti(scl_slope=np.nan), "a.nii", None),
    ("NIfTI with a singular affine", lambda: nifti(srow_x=[0, 0, 0, 0], qform_code=0), "a.nii", None),
]  # fmt: skip


@pytest.mark.parametrize(("make", "name", "outcome"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_row_is_a_named_error_or_a_right_image(
    sandbox: Sandbox, make: Callable[[], bytes], name: str, outcome: str | tuple[str, ...] | None
) -> None:
    reading = upload(sandbox, make(), name)
    kinds = [type(refusal.error).__name__ for refusal in reading.refused]
    if outcome is None:
        assert not kinds and len(reading.found) == 2
        (found,) = [found for found in reading.found if found.volume.name != "good"]
        assert np.isfinite(found.volume.voxels).all()
        if name == "a.dcm":
            assert np.array_equal(found.volume.voxels[0], RAMP.astype(int) - 1024)
    else:
        assert len(kinds) == 1 and kinds[0] in ([outcome] if isinstance(outcome, str) else outcome)
        assert issubclass(getattr(errors, kinds[0]), ReadError) and len(reading.found) == 1


def test_a_spacing_of_zero_gives_no_millimetres(sandbox: Sandbox) -> None:
    (found,) = [f for f in upload(sandbox, ct(PixelSpacing=[0, 0])).found if f.volume.modality]
    assert found.volume.spacing_mm is None and found.volume.window is not None
    (found,) = [f for f in upload(sandbox, ct(WindowWidth=0)).found if f.volume.modality]
    assert found.volume.window is None


def test_what_stands_before_the_dicom_is_never_kept(sandbox: Sandbox, tmp_path: Path) -> None:
    from medcore.store.store import Store
    from medcore.workbench.studies import Studies

    settings = Settings(data_dir=tmp_path)  # type: ignore[call-arg]
    store = Store.open(settings)
    hostile = b"MZ<script>evil()</script>".ljust(128, b"!") + ct()[128:]
    report = Studies(store, sandbox, settings).add([Source("a.dcm", data=hostile)])
    store.close()
    assert len(report.added) == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"evil()" in path.read_bytes()]


def test_noise_in_a_stream_without_a_checksum_harms_nothing_else(sandbox: Sandbox) -> None:
    """A JPEG has no checksum: damage inside it cannot be told from an image, only contained."""
    data = compressed(JPEG2000Lossless)
    reading = upload(sandbox, scrambled(data, frame_of(data) + 200))
    assert len(reading.found) + len(reading.refused) == 2


def test_names_of_a_zip_that_look_like_paths_write_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("../../evil.png", "/etc/evil.png", "a/../evil.png", "C:\\evil.png"):
            archive.writestr(name, GOOD)
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    reading = upload(sandbox, out.getvalue(), "e.zip")
    assert len(reading.found) == 5 and [type(r.error).__name__ for r in reading.refused] == ["UnknownFormatError"]
    assert not list(tmp_path.iterdir())


def test_a_zip_of_a_hundred_thousand_entries_is_refused_before_it_is_listed(sandbox: Sandbox) -> None:
    """Made byte by byte: a directory of 100,000 entries that all point at one empty file."""
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    count = 100_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(entry) * count, len(local), 0)
    reading = upload(sandbox, local + entry * count + end, "many.zip")
    assert [type(r.error).__name__ for r in reading.refused] == ["ArchiveError"]


SLOW: list[tuple[str, Callable[[], bytes], str]] = [
    ("deflated DICOM of 2 GB in 2 MB", lambda: _fat_dicom(), "a.dcm"),
    ("RLE of 20000²", lambda: _rle_zeros(20_000), "a.dcm"),
    ("PNG of 13000²", lambda: picture(np.zeros((13_000, 13_000), np.uint8)), "a.png"),
    ("PNG of 9400² in colour", lambda: picture(np.zeros((9_400, 9_400, 3), np.uint8)), "a.png"),
    ("zip of 4 GB in 4 MB", lambda: _fat_zip(4080), "a.zip"),
    ("NIfTI of 2 GB in 2 MB", lambda: _fat_nifti(), "a.nii.gz"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "name"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
def test_the_row_at_its_full_size_is_an_image_or_a_named_error(
    sandbox: Sandbox, make: Callable[[], bytes], name: str
) -> None:
    reading = upload(sandbox, make(), name)
    kinds = [type(refusal.error).__name__ for refusal in reading.refused]
    assert len(reading.found) + len(kinds) == 2 and "DecoderCrashedError" not in kinds


def _with(data: bytes, keyword: bytes, value: int) -> bytes:
    from pydicom import dcmread

    ds = dcmread(io.BytesIO(data))
    setattr(ds, keyword.decode(), value)
    return saved(ds)


def _patched_j2k(size: int) -> bytes:
    data = compressed(JPEG2000Lossless)
    at = data.index(b"\xff\x4f\xff\x51")
    return data[: at + 8] + struct.pack(">II", size, size) + data[at + 16 :]


def _corrupt(syntax: str, after: int) -> bytes:
    data = compressed(syntax)
    return scrambled(data, frame_of(data) + after)


def _cut_frame(syntax: str) -> bytes:
    """The stream ends after 120 bytes, in a sound file."""
    from pydicom import dcmread
    from pydicom.encaps import encapsulate, generate_frames

    ds = dcmread(io.BytesIO(compressed(syntax)))
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    ds.PixelData = encapsulate([frame[:120]])
    return saved(ds)


def _overlong() -> bytes:
    """Rows is said to take 60000 bytes."""
    data = ct()
    at = data.index(b"\x28\x00\x10\x00US")
    return data[: at + 6] + struct.pack("<H", 60_000) + data[at + 8 :]


def _retold(before: bytes, after: bytes) -> bytes:
    data = ct()
    assert len(before) == len(after) and before in data
    return data.replace(before, after, 1)


def _slope(value: bytes) -> bytes:
    return ct(RescaleSlope="1.0000000000000").replace(b"1.0000000000000", value.ljust(15))


def _lying_zip() -> bytes:
    data = bytearray(zipped({"a.png": picture(np.zeros((500, 500), np.uint8))}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 50)
    return bytes(data)


def _rle_zeros(side: int) -> bytes:
    """Two segments of runs of 128 zeros each."""
    from pydicom.encaps import encapsulate

    runs = b"\x81\x00" * (side * side // 128 + 1)
    ds = ct_dataset()
    ds.Rows = ds.Columns = side
    ds.file_meta.TransferSyntaxUID = RLELossless
    ds.PixelData = encapsulate([struct.pack("<16I", 2, 64, 64 + len(runs), *[0] * 13) + runs * 2])
    ds["PixelData"].is_undefined_length = True
    return saved(ds)


def zeros_packed(megabytes: int, head: bytes = b"") -> bytes:
    """A raw deflate stream of `head` and so many MB of zeros: one packed block, repeated, which costs no time."""
    packer = zlib.compressobj(9, wbits=-15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (megabytes // 16) + b"\x03\x00"


def _fat_dicom() -> bytes:
    """Deflated, 32000 × 32000 pixels."""
    data = deflated(ct_dataset(np.zeros((2, 2), np.uint16), Rows=32_000, Columns=32_000))
    start = 144 + int.from_bytes(data[140:144], "little")
    plain = zlib.decompress(data[start:], wbits=-15)
    at = plain.index(b"\xe0\x7f\x10\x00OW")
    return data[:start] + zeros_packed(2048, plain[: at + 8] + struct.pack("<I", 2 << 30))


def _fat_zip(megabytes: int) -> bytes:
    packed = zeros_packed(megabytes)
    size = megabytes << 20
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, 0, len(packed), size, 5, 0) + b"a.dcm"
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, 0, len(packed), size, 5, 0, 0, 0, 0, 0, 0)
    offset = len(local) + len(packed)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry) + 5, offset, 0)
    return local + packed + entry + b"a.dcm" + end


def _fat_nifti() -> bytes:
    head = nifti(dim=[3, 1000, 1000, 1000, 1, 1, 1, 1])[:352]
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + zeros_packed(1904, head)
