"""Fixtures every test may use: the real images beside the checkout, where they are present."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real images are not here: {SHARED_DATA.relative_to(ROOT.parent)} does not exist")
    return SHARED_DATA
