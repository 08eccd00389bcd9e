"""Errors carry translatable sentences and survive the way between processes."""

import pickle

import pytest

from medcore import errors
from medcore.errors import CorruptFileError, MedcoreError, Message, ReadError, UnknownFormatError

KINDS = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MedcoreError)),
    key=lambda kind: kind.__name__,
)


def test_a_message_fills_its_template_in_the_language_asked_for() -> None:
    message = Message("{name} ends after {count} bytes.", {"name": "a.dcm", "count": 3})
    german = {"{name} ends after {count} bytes.": "Nach {count} Byte endet {name}."}
    assert str(message) == "a.dcm ends after 3 bytes."
    assert message.text(lambda text: german[text]) == "Nach 3 Byte endet a.dcm."


def test_a_value_is_never_taken_for_a_template() -> None:
    assert Message("{name} is damaged.", {"name": "{count}.dcm"}).text() == "{count}.dcm is damaged."


def test_a_value_is_translated_only_where_the_template_asks_for_it() -> None:
    message = Message("{name}: {reason!t}", {"name": "damaged", "reason": "damaged"})
    assert message.text(lambda text: "beschädigt" if text == "damaged" else text) == "damaged: beschädigt"
    assert str(message) == "damaged: damaged"


def test_an_empty_message_is_not_looked_up() -> None:
    """gettext answers the empty text with the header of the catalogue."""
    assert Message("").text(lambda text: "header") == ""


def test_an_error_says_what_is_wrong_and_what_to_do() -> None:
    error = UnknownFormatError("{name} is no scan.", hint="Look at {name}.", name="x.txt")
    assert error.as_dict() == {"type": "UnknownFormatError", "message": "x.txt is no scan.", "hint": "Look at x.txt."}
    assert str(error) == "x.txt is no scan."


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_comes_back_whole_from_another_process(kind: type[MedcoreError]) -> None:
    sent = kind("{name}: {count} bytes.", hint="Send {name} again.", name="a.dcm", count=2)
    received = pickle.loads(pickle.dumps(sent))  # noqa: S301  (made in this test)
    assert type(received) is kind
    assert received.as_dict() == sent.as_dict()
    assert received.message.values == {"name": "a.dcm", "count": 2}


def test_a_refused_file_can_be_caught_as_one_kind() -> None:
    with pytest.raises(ReadError):
        raise CorruptFileError("The decoder refused it.")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_explains_itself(kind: type[MedcoreError]) -> None:
    assert (kind.__doc__ or "").endswith(".")
    assert kind.__name__.endswith("Error")


def test_a_translated_value_fills_its_own_places() -> None:
    message = Message("Line {line}: {problem!t}", {"line": 3, "problem": "“{text}” is bad.", "text": "x"})
    assert message.text(lambda text: text.replace("bad", "schlecht")) == "Line 3: “x” is schlecht."
    assert Message("{reason!t}", {"reason": "{strange} text"}).text() == "{strange} text"
