"""The log shows where a fault is and never whose scan it was."""

import io
import logging
from collections.abc import Iterator

import pytest

from medcore.logs import LOUD, set_up_logging, short_name


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the log writes; the loggers are put back afterwards."""
    names = ("medcore", *LOUD)
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).propagate) for name in names}
    handlers = logging.getLogger("medcore").handlers[:]
    stream = io.StringIO()
    set_up_logging(stream=stream)
    yield stream
    logging.getLogger("medcore").handlers[:] = handlers
    for name, (level, propagate) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).propagate = propagate


def test_a_traceback_names_the_place_and_the_kind_but_not_the_text(log: io.StringIO) -> None:
    def parse(text: str) -> int:
        return int(text)

    try:
        try:
            parse("DOE^JANE")
        except ValueError as error:
            raise RuntimeError("cannot read DOE^JANE") from error
    except RuntimeError:
        logging.getLogger("medcore.workbench.jobs").exception("job failed, reference %s", "1234")
    text = log.getvalue()
    assert "reference 1234" in text
    assert "return int(text)" in text
    assert text.index("builtins.ValueError") < text.index("which led to") < text.index("builtins.RuntimeError")
    assert "JANE" not in text.replace('parse("DOE^JANE")', "").replace('"cannot read DOE^JANE"', "")


def test_libraries_that_quote_headers_are_quiet(log: io.StringIO, caplog: pytest.LogCaptureFixture) -> None:
    for name in LOUD:
        logging.getLogger(name).warning("Invalid value DOE^JANE")
    assert "JANE" not in log.getvalue() + caplog.text


def test_setting_up_twice_writes_each_line_once(log: io.StringIO) -> None:
    set_up_logging(stream=log)
    logging.getLogger("medcore.x").info("once")
    assert log.getvalue().count("once") == 1


def test_a_file_is_known_by_a_hash_of_its_name() -> None:
    assert short_name("Jane Doe.PNG") == short_name("Jane Doe.PNG") != short_name("John Doe.PNG")
    assert short_name("Jane Doe.PNG").endswith(".png")
    assert "Doe" not in short_name("x.Doe^Jane")
    assert len(short_name("\udcff" * 500)) < 20
