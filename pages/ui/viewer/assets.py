"""The viewer's JavaScript, style and words, read once and served under an address that names their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

WEB: Final = Path(__file__).resolve().parent / "web"
MEDIA_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
ENTRY: Final = "entry.js"

_FILES: Final = {path.name: path.read_bytes() for path in sorted(WEB.iterdir()) if path.suffix in MEDIA_TYPES}
_words: dict[str, bytes] = {}


def _hash(parts: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in parts.items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:12]


VERSION: Final = _hash(_FILES)


def entry() -> str:
    """The small module that imports the rest, without comments: Streamlit sends it with every rerun."""
    lines = (line.strip() for line in _FILES[ENTRY].decode().splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def scripts() -> tuple[str, ...]:
    """The text of every module."""
    return tuple(content.decode() for name, content in _FILES.items() if name.endswith(".js"))


def keep_words(words: Mapping[str, str]) -> str:
    """Keep one language's words for serving and return their file name."""
    content = json.dumps(words, ensure_ascii=False, sort_keys=True).encode()
    name = f"words-{hashlib.sha256(content).hexdigest()[:12]}.json"
    _words[name] = content
    return name


def find(version: str, name: str) -> tuple[bytes, str] | None:
    """Content and media type of one file of this version; None where there is none."""
    content = _words.get(name) or (_FILES.get(name) if version == VERSION else None)
    return None if content is None else (content, MEDIA_TYPES["." + name.rpartition(".")[2]])
