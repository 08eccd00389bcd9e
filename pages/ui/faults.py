"""The one place that turns an error into words on the page: a user's problem is explained, a bug gets a reference."""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from medcore.errors import MedcoreError, Message
from pages.ui.words import plain, say, t

log = logging.getLogger("medcore.app")


@contextmanager
def caught() -> Iterator[None]:
    """Show whatever goes wrong inside, instead of a traceback. Streamlit's own stop and rerun pass through."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (the last net above every page)
        show(error)


def show(error: BaseException) -> bool:
    """Explain an error where the page stands now.

    Returns:
        True, which tells Streamlit that the error has been shown.
    """
    if isinstance(error, MedcoreError):
        explain(error.message, error.hint)
    else:
        st.error(
            t(
                "Something went wrong inside MedCore; what is stored is safe. "
                "Reload the page, and if it happens again report the reference {reference}.",
                reference=report(error),
            ),
            icon=":material/bug_report:",
        )
    return True


def explain(message: Message, hint: Message) -> None:
    """A problem the user can do something about: what is wrong, and the next step."""
    st.error("  \n".join(plain(part) for part in (say(message), say(hint)) if part), icon=":material/error:")


def report(error: BaseException) -> str:
    """Log a bug without its message, which may hold file names, and return the reference to find it by."""
    reference = secrets.token_hex(4)
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("bug %s: %s\n%s", reference, type(error).__name__, frames)
    return reference
