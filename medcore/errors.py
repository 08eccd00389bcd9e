"""Every error a user may meet: a translatable message, a hint, and the values that fill them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import TypeAlias

Value: TypeAlias = str | int | float


def N_(text: str) -> str:  # noqa: N802  (gettext's own name for "mark, translate later")
    """Mark a text for the catalogues without translating it here."""
    return text


class _Filler(Formatter):
    """str.format with one more conversion: {value!t} is translated, and its own named places are filled."""

    def __init__(self, translate: Callable[[str], str], values: Mapping[str, Value]) -> None:
        self.translate, self.values = translate, values

    def convert_field(self, value: object, conversion: str | None) -> object:
        if conversion != "t":
            return super().convert_field(value, conversion)
        text = self.translate(str(value))
        try:
            return Formatter().vformat(text, (), self.values)
        except (LookupError, ValueError):  # braces that are no places: the text of a library, say
            return text


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for the user: an English template and the values that fill it.

    The template is also the key in the catalogues, so a message made in a decoder process or read
    back from the store can still be shown in the reader's language. A value that is itself a text of the
    catalogues is written {reason!t}: it is translated too and its places are filled from the same values; all other
    values (names of files, say) stay as they are.
    """

    template: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def text(self, translate: Callable[[str], str] = str) -> str:
        """The sentence in the language of `translate`, which is a gettext function."""
        if not self.template:
            return ""
        return _Filler(translate, self.values).vformat(translate(self.template), (), self.values)

    def __str__(self) -> str:
        return self.text()


class MedcoreError(Exception):
    """Something went wrong that the user can understand and act on; a bug is never one of these."""

    def __init__(self, message: str, *, hint: str = "", **values: Value) -> None:
        self.message = Message(message, values)
        self.hint = Message(hint, values)
        super().__init__(self.message.text())

    def __reduce__(self) -> tuple[Callable[..., MedcoreError], tuple[object, ...]]:
        return _rebuild, (type(self).__name__, self.message.template, self.hint.template, dict(self.message.values))

    def as_dict(self) -> dict[str, str]:
        """`type`, `message` and `hint`, the form the command line prints."""
        return {"type": type(self).__name__, "message": self.message.text(), "hint": self.hint.text()}


class SettingsError(MedcoreError):
    """A MEDCORE_* variable is unknown or has a value that cannot be used."""


class UnknownNameError(MedcoreError):
    """No entry of a catalogue has this id."""


class GeometryError(MedcoreError):
    """The position of the pixels in the patient is impossible or contradicts itself."""


class NoScaleError(GeometryError):
    """Millimetres were asked of an image that carries no physical scale."""


class InvalidVolumeError(MedcoreError):
    """Voxels are empty, not finite, or of a shape that no scan has."""


class ReadError(MedcoreError):
    """A file cannot be turned into a scan; the subclasses say why."""


class EmptyFileError(ReadError):
    """The file has no bytes."""


class TruncatedFileError(ReadError):
    """The file ends before its own header says it should."""


class UnknownFormatError(ReadError):
    """The first bytes match no format that MedCore knows."""


class UnsupportedFormatError(ReadError):
    """The format is known but cannot be read, or not yet."""


class CorruptFileError(ReadError):
    """The decoder refused the content."""


class NoPixelsError(ReadError):
    """The file is sound but carries no image."""


class ContentsOnlyError(NoPixelsError):
    """The file is the table of contents of other files (DICOMDIR)."""


class MissingScanError(ReadError):
    """Regions drawn on a scan were sent without it, or the scan is not sound enough to carry them."""


class TooLargeError(ReadError):
    """The file, or what it would unpack to, exceeds a limit."""


class ArchiveError(ReadError):
    """A zip is encrypted, damaged, or built to harm."""


class DecodeTimeoutError(ReadError):
    """Decoding took longer than the limit and was stopped."""


class DecodeMemoryError(ReadError):
    """Decoding wanted more memory than the limit."""


class DecoderCrashedError(ReadError):
    """The decoder died; only its own process was lost."""


class CardError(MedcoreError):
    """A model card is missing a field or contradicts itself."""


class WeightsError(MedcoreError):
    """A weight file is missing, has the wrong hash, or does not fit its network."""


class UnfitInputError(MedcoreError):
    """This scan is not what the task or the model was made for."""


class RecipeError(MedcoreError):
    """A preprocessing recipe names what does not exist, or a setting outside of its range."""


class DataSetError(MedcoreError):
    """Labelled pictures cannot be learnt or measured from: one class, a misspelled label, a leak, no pictures."""


class TrainingError(MedcoreError):
    """A training cannot start or go on: another one runs, the disk is full, the loss is no number."""


class DeviceError(MedcoreError):
    """The asked-for device is absent or out of memory."""


class HistoryError(MedcoreError):
    """A table or history of measured lesions contradicts itself, so that no response can be told from it."""


class StoreError(MedcoreError):
    """The data folder cannot be read or written."""


class NotFoundError(StoreError):
    """No stored object has this id."""


class ExportError(MedcoreError):
    """What was asked to leave MedCore cannot, as it is."""


class BurnedInTextError(ExportError):
    """A picture may show a name, and nobody has released it."""


class CancelledError(MedcoreError):
    """The user stopped the work."""


def _rebuild(name: str, message: str, hint: str, values: dict[str, Value]) -> MedcoreError:
    kind = globals().get(name, MedcoreError)
    if not (isinstance(kind, type) and issubclass(kind, MedcoreError)):
        kind = MedcoreError
    return kind(message, hint=hint, **values)
