"""Exact voxels over HTTP: tokens bound to one Streamlit session, and the routes that answer them."""

from __future__ import annotations

import re
import secrets
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from streamlit import config
from streamlit.runtime import exists, get_instance

from medcore.volume import Array
from pages.ui.viewer import assets

XSRF_COOKIE: Final = "_streamlit_xsrf"
PROOF_HEADER: Final = "X-Pixels-Proof"  # never part of an address, so never in a log or a history
TOKENS_PER_SESSION: Final = 64
MASKS_PER_SESSION: Final = 8
NOTE_HEADER: Final = "X-Mask-Note"
NOTE_LENGTH: Final = 1000
CHUNK_BYTES: Final = 1 << 20
HEADERS: Final = {
    "Cache-Control": "no-store, private",
    "Content-Encoding": "identity",  # voxels do not shrink enough to pay for gzip on every slab
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Accept-Ranges": "bytes",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may fetch: one Streamlit session, in the browser it was opened in.

    Args:
        session: Streamlit's session id.
        browser: What `browser_of` read from the session's own cookies; "" where the server sets none.
    """

    session: str
    browser: str


@dataclass(slots=True)
class _Shelf:
    owner: Owner
    proof: str
    pixels: OrderedDict[str, Array] = field(default_factory=OrderedDict)
    tokens: dict[str, str] = field(default_factory=dict)  # content hash to token
    masks: OrderedDict[tuple[str, str], bytes] = field(default_factory=OrderedDict)  # by token and note


class Pixels:
    """The arrays that live sessions may fetch. Thread-safe.

    Args:
        alive: Whether a session is still there; arrays of others are dropped and answer 404.
    """

    def __init__(self, alive: Callable[[str], bool]) -> None:
        self._alive = alive
        self._lock = threading.Lock()
        self._shelves: dict[str, _Shelf] = {}

    def issue(self, owner: Owner, array: Array, content: str) -> str:
        """A token under which this session fetches the array; the same one while the content is the same."""
        with self._lock:
            self._sweep(keep=owner.session)
            shelf = self._shelf(owner)
            token = shelf.tokens.get(content)
            if token is None or token not in shelf.pixels:
                token = secrets.token_urlsafe(16)
                shelf.tokens[content] = token
                shelf.pixels[token] = array
            shelf.pixels.move_to_end(token)
            while len(shelf.pixels) > TOKENS_PER_SESSION:
                oldest, _ = shelf.pixels.popitem(last=False)
                shelf.tokens = {key: value for key, value in shelf.tokens.items() if value != oldest}
            return token

    def proof(self, owner: Owner) -> str:
        """The secret that only this session's page knows; it travels in a header."""
        with self._lock:
            return self._shelf(owner).proof

    def find(self, token: str, proof: str, browser: str) -> Array | None:
        """The array, or None for anybody but the living session that the token was issued to."""
        with self._lock:
            self._sweep()
            shelf = self._owning(token)
            return shelf.pixels[token] if shelf and self._admits(shelf, proof, browser) else None

    def accept(self, token: str, proof: str, browser: str, labels: bytes, note: str = "") -> bool:
        """Keep a mask drawn in the browser until the page takes it; False where `find` would give None.

        Args:
            note: What the viewer says about it; a later mask with the same note takes its place.
        """
        with self._lock:
            shelf = self._owning(token)
            if shelf is None or not self._admits(shelf, proof, browser):
                return False
            shelf.masks[token, note] = labels
            shelf.masks.move_to_end((token, note))
            while len(shelf.masks) > MASKS_PER_SESSION:
                shelf.masks.popitem(last=False)
            return True

    def notes(self, owner: Owner, token: str) -> tuple[str, ...]:
        """Notes of the masks drawn over the array behind this token that nobody has taken yet."""
        with self._lock:
            shelf = self._shelves.get(owner.session)
            return tuple(note for of, note in shelf.masks if of == token) if shelf else ()

    def take(self, owner: Owner, token: str, note: str) -> bytes | None:
        """The mask of one note, handed over once."""
        with self._lock:
            shelf = self._shelves.get(owner.session)
            return shelf.masks.pop((token, note), None) if shelf else None

    def forget(self, session: str) -> None:
        """Drop everything of one session."""
        with self._lock:
            self._shelves.pop(session, None)

    def _shelf(self, owner: Owner) -> _Shelf:
        shelf = self._shelves.get(owner.session)
        if shelf is None or shelf.owner != owner:
            shelf = self._shelves[owner.session] = _Shelf(owner=owner, proof=secrets.token_urlsafe(16))
        return shelf

    def _owning(self, token: str) -> _Shelf | None:
        return next((shelf for shelf in self._shelves.values() if token in shelf.pixels), None)

    def _admits(self, shelf: _Shelf, proof: str, browser: str) -> bool:
        same_browser = not shelf.owner.browser or secrets.compare_digest(shelf.owner.browser, browser)
        return same_browser and secrets.compare_digest(shelf.proof, proof) and self._alive(shelf.owner.session)

    def _sweep(self, *, keep: str = "") -> None:
        gone = [session for session in self._shelves if session != keep and not self._alive(session)]
        for session in gone:
            del self._shelves[session]


def browser_of(cookie: str | None) -> str:
    """What identifies a browser in Streamlit's XSRF cookie: its token without the mask that changes.

    >>> browser_of("2|01010101|00000000|1700000000")
    '01010101'
    """
    parts = (cookie or "").strip("\"'").split("|")
    try:
        mask, masked = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
        return bytes(byte ^ mask[i % len(mask)] for i, byte in enumerate(masked)).hex()
    except (IndexError, ValueError, ZeroDivisionError):
        return ""


def _session_is_active(session: str) -> bool:
    return exists() and get_instance().is_active_session(session)


PIXELS: Final = Pixels(_session_is_active)


async def _answer(request: Request) -> Response:
    token, proof = request.path_params["token"], request.headers.get(PROOF_HEADER, "")
    browser = browser_of(request.cookies.get(XSRF_COOKIE))
    array = PIXELS.find(token, proof.encode("ascii", "replace").decode(), browser)
    if array is None:
        return _refuse(404)
    if request.method == "PUT":
        return await _take_mask(request, array, proof=proof, browser=browser)
    span = _span(request.headers.get("Range", ""), array.nbytes)
    if span is None:
        return Response(status_code=416, headers={**HEADERS, "Content-Range": f"bytes */{array.nbytes}"})
    first, last = span
    headers = {**HEADERS, "Content-Length": str(last - first + 1)}
    if "Range" in request.headers:
        headers["Content-Range"] = f"bytes {first}-{last}/{array.nbytes}"
    status = 206 if "Range" in request.headers else 200
    return StreamingResponse(
        _chunks(array, first, last), status, headers=headers, media_type="application/octet-stream"
    )


async def _take_mask(request: Request, array: Array, *, proof: str, browser: str) -> Response:
    """Store a drawn mask: one byte a voxel, deflated, on the grid of the array behind the token."""
    voxels, body, inflate = int(np.prod(array.shape[:3])), bytearray(), zlib.decompressobj()
    try:
        async for chunk in request.stream():
            body += inflate.decompress(chunk, max_length=voxels + 1 - len(body))
            if len(body) > voxels or inflate.unconsumed_tail:
                return _refuse(413)
    except (ClientDisconnect, zlib.error):
        return _refuse(400)
    if len(body) != voxels or not inflate.eof:
        return _refuse(400)
    note = request.headers.get(NOTE_HEADER, "")[:NOTE_LENGTH]
    accepted = await run_in_threadpool(PIXELS.accept, request.path_params["token"], proof, browser, bytes(body), note)
    return Response(status_code=204, headers=HEADERS) if accepted else _refuse(404)


def _refuse(status: int) -> Response:
    return Response(status_code=status, headers=HEADERS)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked for; None where the range lies outside."""
    if not header:
        return 0, size - 1
    match = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", header.strip())
    if match is None:
        return None
    first = int(match[1])
    last = min(int(match[2]) if match[2] else size - 1, size - 1)
    return (first, last) if first <= last else None


def _chunks(array: Array, first: int, last: int) -> Iterator[bytes]:
    flat: NDArray[np.uint8] = array.reshape(-1).view(np.uint8)
    for start in range(first, last + 1, CHUNK_BYTES):
        yield flat[start : min(start + CHUNK_BYTES, last + 1)].tobytes()


def _asset(request: Request) -> Response:
    """The viewer's own code, style and words: nothing of a patient, so the browser may keep them."""
    found = assets.find(request.path_params["version"], request.path_params["name"])
    if found is None:
        return Response(status_code=404)
    content, media_type = found
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(content, headers=headers, media_type=media_type)


def prefix() -> str:
    """What stands before /api in this server's addresses."""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


ROUTES: Final[list[BaseRoute]] = [
    Route(f"{prefix()}/api/pixels/{{token}}", _answer, methods=["GET", "PUT"]),
    Route(f"{prefix()}/api/viewer/{{version}}/{{name}}", _asset, methods=["GET"]),
]
