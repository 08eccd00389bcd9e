"""The PS3.15 Basic Application Level Confidentiality Profile on one DICOM dataset, by dicom-anonymizer's table.

The table (edition 2026c) and the dummy values are the library's. Its own loop is not used: it leaves the items of
sequences alone unless the whole sequence is listed, and keeps a map of all UIDs in the process. Here every item is
walked, UIDs come from a keyed hash, and what the table does not know is kept only if it can be read as technical.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
from dicomanonymizer.simpledicomanonymizer import replace_element
from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from medcore.deidentify.keyed import is_standard, stand_in_uid
from medcore.deidentify.stamp import stamp
from medcore.deidentify.times import LONGITUDINAL, move_times
from medcore.readers._words import is_kernel
from medcore.records import DatePolicy

TABLE = "dicomfields_2026c"
ACTIONS = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "D",
    "X_Z_TAGS": "Z",
    "X_D_TAGS": "D",
    "X_Z_D_TAGS": "D",
    "X_Z_U_STAR_TAGS": "U",
}
BLANK = frozenset({"PatientBirthDate"})  # the table's dummy would be taken for a birthday
PIXEL_GROUP = 0x7FE0
GONE_GROUPS = frozenset({0x0002, 0x0004, *range(0x5000, 0x5100, 2), *range(0x6000, 0x6100, 2)})
TEXT = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
# Free text that the table forgets: kept if it looks like what scanners write there.
TECHNICAL = {"ConvolutionKernel": is_kernel}
LEAST_TOKEN = 3  # letters of a name that are looked for in what remains
NAME = re.compile(r"[^\W\d_]{3,}")
# Where the identifiers stand that are looked for; names are found by their VR (PN).
IDENTIFIERS = frozenset({"PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID", "IssuerOfPatientID"})


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose file it is, in words that say nothing outside this installation.

    Args:
        patient: Pseudonym; stands as Patient ID and Patient's Name.
        shift: By how much the patient's dates move.
    """

    patient: str
    shift: timedelta = timedelta(0)


@dataclass(slots=True)
class Removed:
    """What one pass took away, by name of the attribute; never a value.

    Args:
        attributes: Name and how often it was removed, blanked or replaced.
        private: Private elements removed.
        moved: Dates and times moved.
        uids: UIDs replaced.
    """

    attributes: Counter[str] = field(default_factory=Counter)
    private: int = 0
    moved: int = 0
    uids: int = 0


def deidentify(dataset: Dataset, subject: Subject, *, secret: bytes, dates: DatePolicy) -> Removed:
    """Take the identity out of a dataset in place, and mark it as de-identified.

    Pixels are not looked at: text burned into them is the business of the caller.

    Args:
        dataset: With its pixels; file meta and preamble are made anew.
        subject: Who it is about.
        secret: Of this installation, for the UIDs.
        dates: What becomes of the dates of imaging; all others follow the table.
    """
    removed = Removed()
    walker = _Walker(subject, secret, dates, removed, _tokens(dataset))
    walker.clean(dataset)
    stamp(dataset, subject.patient, dates=dates)
    return removed


@dataclass(frozen=True, slots=True)
class _Walker:
    """One pass over a dataset and all items in it."""

    subject: Subject
    secret: bytes
    dates: DatePolicy
    removed: Removed
    tokens: frozenset[str]

    def clean(self, item: Dataset) -> None:
        """Apply the profile to a dataset or to an item of a sequence."""
        for tag in list(item.keys()):
            if tag.is_private:
                del item[tag]
                self.removed.private += 1
            elif tag.group in GONE_GROUPS or tag.element == 0 or not dictionary_has_tag(tag):
                del item[tag]  # what no dictionary knows cannot be judged
                self.removed.attributes[f"({tag.group:04X},{tag.element:04X})"] += 1
            elif tag.group != PIXEL_GROUP:
                try:
                    self._element(item, item[tag])
                except Exception:  # noqa: BLE001  (pydicom converts on access, and damaged text raises anything)
                    del item[tag]
                    self.removed.attributes[f"({tag.group:04X},{tag.element:04X})"] += 1
        if self.dates is not DatePolicy.DROP:
            self.removed.moved += move_times(item, self.subject.shift if self.dates is DatePolicy.SHIFT else NO_SHIFT)

    def _element(self, item: Dataset, element: Any) -> None:
        action = table().get(int(element.tag), "")
        if element.keyword in BLANK:
            action = "Z"
        elif element.VR in ("DA", "DT", "TM"):
            if element.keyword in LONGITUDINAL and self.dates is not DatePolicy.DROP:
                return  # moved together at the end
            action = action or "Z"
        if element.VR == "SQ":
            self._sequence(item, element, action)
        elif element.VR == "UI" and action != "X":
            self._uids(element)
        elif action in ("X", "Z", "D"):
            self._take(item, element, action)
        elif element.VR in TEXT and not self._harmless(element):
            self._take(item, element, "Z")

    def _sequence(self, item: Dataset, element: Any, action: str) -> None:
        if action in ("X", "Z"):
            self.removed.attributes[element.keyword] += 1
            if action == "X":
                del item[element.tag]
            else:
                element.value = Items()
            return
        for child in element.value:
            if action == "D":
                self._dummies(child)
            else:
                self.clean(child)
        if action == "D":
            self.removed.attributes[element.keyword] += 1

    def _dummies(self, item: Dataset) -> None:
        """Put dummy values into all of an item: the profile's "D" for a sequence."""
        for tag in list(item.keys()):
            if tag.is_private or tag.group in GONE_GROUPS or not dictionary_has_tag(tag):
                del item[tag]
                continue
            element = item[tag]
            if element.VR == "SQ":
                for child in element.value:
                    self._dummies(child)
            elif element.VR == "UI":
                self._uids(element)
            else:
                _dummy(element)

    def _take(self, item: Dataset, element: Any, action: str) -> None:
        self.removed.attributes[element.keyword] += 1
        if action == "X":
            del item[element.tag]
        elif action == "D" and not element.is_empty:
            _dummy(element)
        else:
            element.clear()

    def _uids(self, element: Any) -> None:
        if element.is_empty:
            return
        old = [element.value] if isinstance(element.value, str) else list(element.value)
        new = [stand_in_uid(self.secret, str(uid)) for uid in old]
        self.removed.uids += sum(not is_standard(str(uid)) for uid in old)
        element.value = new[0] if len(new) == 1 else new

    def _harmless(self, element: Any) -> bool:
        """Whether a text that the table leaves alone may stay."""
        technical = TECHNICAL.get(element.keyword)
        parts = list(map(str, _values(element)))
        if technical is not None and not all(map(technical, parts)):
            return False
        return not any(self.tokens & _words(part) for part in parts)


NO_SHIFT = timedelta(0)


@cache
def table() -> dict[int, str]:
    """What the profile does with each attribute, by tag: X remove, Z blank, D dummy, U another UID."""
    lists = dicom_anonymization_database_selector(TABLE)
    return {tag[0] << 16 | tag[1]: action for name, action in ACTIONS.items() for tag in lists[name] if len(tag) == 2}


def _tokens(dataset: Dataset) -> frozenset[str]:
    """Words of all names, and all identifiers, of a dataset: none of them may remain in any text."""
    found: set[str] = set()
    for element in _elements(dataset):
        if element.VR == "PN":
            for name in _values(element):
                found |= {word.casefold() for word in NAME.findall(str(name)) if len(word) >= LEAST_TOKEN}
        elif element.keyword in IDENTIFIERS:
            found |= {str(value).strip().casefold() for value in _values(element) if len(str(value).strip()) > 3}
    return frozenset(found)


def _words(text: str) -> set[str]:
    """The words of a text, its whitespace-separated parts, and all of it, without capitals."""
    plain = text.casefold().strip()
    return {*re.findall(r"[^\W\d_]+", plain), *plain.split(), plain}


def _elements(dataset: Dataset) -> Iterator[Any]:
    """All readable elements of a dataset and of the items in it, apart from pixels."""
    for tag in list(dataset.keys()):
        if tag.group == PIXEL_GROUP:
            continue
        try:
            element = dataset[tag]
        except Exception:  # noqa: BLE001  (see _Walker.clean, which removes it)
            continue
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)


def _values(element: Any) -> Iterable[Any]:
    if element.is_empty:
        return []
    return element.value if element.VM > 1 else [element.value]


def _dummy(element: Any) -> None:
    """The library's dummy value; what it has none for is blanked."""
    try:
        replace_element(element)
    except NotImplementedError:
        element.clear()
