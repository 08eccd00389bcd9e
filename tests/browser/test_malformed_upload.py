"""355 malformed DICOM files as one upload: every file gets an outcome, and another reader's session is not held up."""

import re
import time
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from medcore.settings import Settings
from medcore.store.store import Store

SLOW = 240_000


@pytest.mark.slow
def test_every_malformed_file_gets_an_outcome_while_another_session_is_answered(
    *,
    restartable: Callable[[], AbstractContextManager[str]],
    tmp_path: Path,
    page: Page,
    browser: Browser,
    shared_data: Path,
    record_property: Callable[[str, object], None],
) -> None:
    corpus = shared_data / "dicom" / "malformed.zip"
    with zipfile.ZipFile(corpus) as archive:
        files = sum(not entry.is_dir() for entry in archive.infolist())
    with restartable() as address:
        other = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900}).new_page()
        other.goto(address)
        expect(other.locator(".medcore-banner")).to_be_visible(timeout=SLOW)
        page.goto(address)
        chooser = page.locator("[data-testid=stFileUploader] input[type=file]:not([webkitdirectory])").first
        expect(chooser).to_be_attached(timeout=SLOW)
        chooser.set_input_files(str(corpus), timeout=SLOW)
        outcome = page.locator(".st-key-close-outcome")
        seconds: list[float] = []
        while not outcome.is_visible():
            for link, path in (("Models", "models"), ("Studies", "")):
                started = time.monotonic()
                other.get_by_test_id("stTopNavLink").filter(has_text=link).click()
                other.wait_for_url(re.compile(rf"^{re.escape(address)}/{path}(\?.*)?$"), timeout=SLOW)
                expect(other.get_by_role("heading").first).to_be_visible(timeout=SLOW)
                seconds.append(time.monotonic() - started)
        record_property("pages of the other session meanwhile", len(seconds))
        record_property("slowest of them, s", round(max(seconds), 1))
        assert len(seconds) >= 4, "the other session was answered only when the upload was through"
        counts = re.search(r"(\d+) read, (\d+) refused", page.locator(".st-key-outcome").inner_text())
        assert counts is not None
        for session in (page, other):
            expect(session.get_by_test_id("stException")).to_have_count(0)
    with closing(Store.open(Settings(data_dir=tmp_path / "data"))) as store:
        studies = store.studies()
    assert int(counts[1]) == len(studies)
    assert sum(len(study.scans) for study in studies) + int(counts[2]) == files
