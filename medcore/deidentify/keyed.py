"""Stand-ins that only this installation can make: UIDs and shifts of time, from a keyed hash and never from a table."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from datetime import date, datetime, timedelta

STANDARD_ROOT = "1.2.840.10008"  # UIDs that DICOM itself defines: classes, transfer syntaxes, coding schemes
LEAST_DAYS, MOST_DAYS = 30, 3650
MOST_SECONDS = 3540  # under an hour, so that an ordinary working day stays on its own date


def stand_in_uid(secret: bytes, uid: str) -> str:
    """The UID that stands for another one, the same in every file and study of this installation (PS3.5, B.2).

    A UID that DICOM itself defines stays, and so does "".
    """
    if not uid or is_standard(uid):
        return uid
    digest = hmac.digest(secret, b"uid\0" + uid.encode("utf-8", "surrogateescape"), hashlib.sha256)
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


def is_standard(uid: str) -> bool:
    """Whether DICOM itself defines the UID."""
    return uid == STANDARD_ROOT or uid.startswith(STANDARD_ROOT + ".")


def time_shift(secret: bytes, patient: str) -> timedelta:
    """By how much all dates and times of a patient move: into the past, by days and some minutes.

    The same for every study of the patient, so that intervals stay; unknown to whoever lacks the key.

    Args:
        patient: Pseudonym of the patient; "" moves nothing, as no patient is known.
    """
    if not patient:
        return timedelta(0)
    number = int.from_bytes(hmac.digest(secret, b"shift\0" + patient.encode(), hashlib.sha256)[:12], "big")
    days = LEAST_DAYS + number % (MOST_DAYS - LEAST_DAYS + 1)
    seconds = 60 + (number >> 48) % (MOST_SECONDS - 60 + 1)
    return -timedelta(days=days, seconds=seconds)


def moved_day(day: date, shift: timedelta) -> date:
    """A date without a time of day, moved by the whole days of the shift (towards zero).

    >>> moved_day(date(2024, 1, 31), timedelta(days=-30, minutes=-5))
    datetime.date(2024, 1, 1)
    """
    return day + timedelta(days=whole_days(shift))


def moved(moment: datetime, shift: timedelta) -> datetime:
    """A point in time, moved by all of the shift."""
    return moment + shift


def whole_days(shift: timedelta) -> int:
    """Days of a shift without its minutes: a shift into the past of 30 days and 5 minutes has -30."""
    return int(shift / timedelta(days=1))
