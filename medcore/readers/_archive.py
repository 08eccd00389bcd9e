"""Zip members listed and unpacked within limits; their names are labels, never paths."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from typing import Any, cast

from isal import isal_zlib

from medcore.errors import N_, ArchiveError, UnsupportedFormatError

STORED, DEFLATED = 0, 8
InflateError = cast(type[Exception], isal_zlib.error)  # its type stub calls the class an instance
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
RATIO_FREE_BYTES = 16 << 20  # a small file may be as empty as it likes; the total is limited all the same
OFFICE_MARK = "[Content_Types].xml"
ENCRYPTED = 0x1


def looks_like_zip(head: bytes) -> bool:
    """Whether the first bytes are those of a zip, empty ones included."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def list_members(name: str, data: memoryview, limits: Mapping[str, int]) -> list[dict[str, Any]]:
    """The members worth reading: name, offset, sizes, method, CRC, whether encrypted.

    Raises:
        ArchiveError: Damaged, too many entries, or it would unpack to too much.
        UnsupportedFormatError: An office document, which is a zip as well.
    """
    _check_directory(name, data, limits["zip_max_entries"])
    try:
        with zipfile.ZipFile(io.BufferedReader(_InPlace(data))) as archive:
            entries = archive.infolist()
    except MemoryError:
        raise
    except Exception as error:
        raise _damaged(name) from error
    if any(entry.filename == OFFICE_MARK for entry in entries):
        raise UnsupportedFormatError(
            N_("“{name}” is an office document."), hint=N_("Send the images themselves."), name=name
        )
    members = [entry for entry in entries if not _is_litter(entry)]
    if len(members) > limits["zip_max_entries"]:
        raise _too_many(name, limits["zip_max_entries"])
    total = sum(entry.file_size for entry in members)
    if total > limits["zip_max_total_mb"] << 20:
        raise ArchiveError(
            N_("The zip “{name}” would unpack to {size} MB, more than the limit of {limit} MB."),
            hint=N_("Send it in parts, or raise MEDCORE_ZIP_MAX_TOTAL_MB."),
            name=name,
            size=total >> 20,
            limit=limits["zip_max_total_mb"],
        )
    if members and all(entry.flag_bits & ENCRYPTED for entry in members):
        raise encrypted(name)
    return [
        {
            "name": entry.filename.replace("\x00", "").replace("\\", "/")[-200:],
            "offset": entry.header_offset,
            "packed": entry.compress_size,
            "size": entry.file_size,
            "method": entry.compress_type,
            "crc": entry.CRC,
            "encrypted": bool(entry.flag_bits & ENCRYPTED),
        }
        for entry in members
    ]


def unpack_member(
    name: str, data: memoryview, member: Mapping[str, Any], limits: Mapping[str, int]
) -> bytes | memoryview:
    """The bytes of one member, counted while they are inflated.

    Raises:
        ArchiveError: Encrypted, damaged, larger than it says, or compressed beyond the ratio limit.
    """
    size, packed, method = int(member["size"]), int(member["packed"]), int(member["method"])
    if member["encrypted"]:
        raise encrypted(name)
    if method not in (STORED, DEFLATED):
        raise ArchiveError(
            N_("“{name}” is packed with a method that MedCore does not unpack (number {method})."),
            hint=N_("Pack the files again as an ordinary zip."),
            name=name,
            method=method,
        )
    if size > RATIO_FREE_BYTES and size > packed * limits["zip_max_ratio"]:
        raise _bomb(name, limits["zip_max_ratio"])
    raw = raw_member(name, data, int(member["offset"]), packed)
    plain = raw if method == STORED else _inflate(name, raw, size)
    if len(plain) != size or isal_zlib.crc32(plain) != int(member["crc"]):
        raise _damaged(name)
    return plain


def encrypted(name: str) -> ArchiveError:
    """The refusal of a zip or member that needs a password."""
    return ArchiveError(
        N_("“{name}” is protected by a password."),
        hint=N_("Unpack it on your computer and send the files, or make a zip without a password."),
        name=name,
    )


def raw_member(name: str, data: memoryview, offset: int, packed: int) -> memoryview:
    """The packed bytes of a member.

    Raises:
        ArchiveError: The zip is damaged there.
    """
    if offset < 0 or offset + LOCAL_HEADER.size > len(data):
        raise _damaged(name)
    fields = LOCAL_HEADER.unpack_from(data, offset)
    start = offset + LOCAL_HEADER.size + fields[9] + fields[10]
    if fields[0] != b"PK\x03\x04" or start + packed > len(data):
        raise _damaged(name)
    return data[start : start + packed]


def _inflate(name: str, raw: memoryview, size: int) -> bytes:
    inflater = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)  # half of zlib's time
    try:
        plain = inflater.decompress(raw, size + 1)
    except InflateError as error:
        raise _damaged(name) from error
    if len(plain) > size:
        raise ArchiveError(
            N_("“{name}” unpacks to more than the zip says: the zip is damaged or built to harm."),
            hint=N_("Make the zip again from the original files."),
            name=name,
        )
    return plain


class _InPlace(io.RawIOBase):
    """A file over bytes that stay where they are: the directory of a zip is read without a copy of the zip."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: len(self.data)}[whence]
        if start + offset < 0:
            raise OSError("before the start")
        self.at = start + offset
        return self.at

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        part = self.data[self.at : self.at + len(target)]
        target[: len(part)] = part
        self.at += len(part)
        return len(part)


def _check_directory(name: str, data: memoryview, max_entries: int) -> None:
    """Refuse a directory with too many entries before it is parsed: 46 bytes is the least that an entry takes."""
    end = bytes(data[-66000:])
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or at + 20 > len(end):
        raise _damaged(name)
    count, size = struct.unpack_from("<HI", end, at + 10)
    if count != 0xFFFF and count > max_entries * 2:
        raise _too_many(name, max_entries)
    if (size if size != 0xFFFFFFFF else len(data)) > max_entries * 1024 + (1 << 20):
        raise _too_many(name, max_entries)


def _is_litter(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or is_litter(entry.filename)


def is_litter(name: str) -> bool:
    """Whether a file of this name is a by-product of an operating system or a table of contents."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "__MACOSX/" in name or last in (".DS_Store", "Thumbs.db", "desktop.ini", "DICOMDIR") or last.startswith("._")


def _too_many(name: str, limit: int) -> ArchiveError:
    return ArchiveError(
        N_("The zip “{name}” holds more than {limit} files."),
        hint=N_("Send it in parts, or raise MEDCORE_ZIP_MAX_ENTRIES."),
        name=name,
        limit=limit,
    )


def _bomb(name: str, limit: int) -> ArchiveError:
    return ArchiveError(
        N_("“{name}” is compressed more than {limit} times: the zip may be built to harm."),
        hint=N_("Send the file unpacked."),
        name=name,
        limit=limit,
    )


def _damaged(name: str) -> ArchiveError:
    return ArchiveError(
        N_("The zip content “{name}” is damaged."),
        hint=N_("Make the zip again, or send the files unpacked."),
        name=name,
    )
