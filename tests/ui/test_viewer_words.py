"""Every word of the viewer can be translated, and its JavaScript holds together."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pages.ui.viewer import assets, wording

WEB = assets.WEB
ROOT = Path(__file__).resolve().parent.parent.parent
IMPORT = re.compile(r'import \{([^}]*)\} from "\./([\w.]+)"')
MOST_LINES = 400


def modules() -> list[Path]:
    return sorted(WEB.glob("*.js"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.name)
def test_imports_name_what_the_other_module_exports(path: Path) -> None:
    for names, target in IMPORT.findall(path.read_text()):
        exported = re.findall(r"export (?:async )?(?:const|function|class|let) (\w+)", (WEB / target).read_text())
        assert {name.strip() for name in names.split(",")} <= set(exported)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.name)
def test_imports_are_used_and_the_first_line_says_what_the_module_is(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("// ")
    assert text.count("\n") <= MOST_LINES
    for names, _ in IMPORT.findall(text):
        for name in (part.strip() for part in names.split(",")):
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported for nothing"


def test_no_module_reaches_outside_the_page() -> None:
    for path in modules():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", path.read_text()), path.name
        assert "innerHTML" not in path.read_text(), path.name


def test_titles_on_buttons_and_menus_are_marked_for_translation() -> None:
    toolbar = (WEB / "toolbar.js").read_text()
    assert not re.findall(r"this\.(?:select|range)\(\"", toolbar)
    assert "Window" in wording.TEXTS
    assert "Slice {slice} of {count}" in wording.TEXTS


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_the_javascript_computes_what_its_own_tests_say() -> None:
    found = subprocess.run(
        ["node", "--test", *map(str, sorted((ROOT / "tests" / "js").glob("*.test.mjs")))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
