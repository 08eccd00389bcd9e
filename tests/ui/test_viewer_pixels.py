"""The pixel route: exact bytes for the session they were issued to, and 404 for everybody else."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from starlette.applications import Starlette

from pages.ui import pixels
from pages.ui.pixels import Owner, Pixels, browser_of

COOKIE = "2|00000000|aabbccdd|1700000000"
SAME_TOKEN_OTHER_MASK = "2|ffffffff|55443322|1700000001"
OTHER = "2|00000000|11223344|1700000000"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(path: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
    """One request to the routes, without a server."""
    app = Starlette(routes=pixels.ROUTES)
    sent: list[dict[str, object]] = []
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": raw,
    }
    scope |= {"http_version": "1.1", "scheme": "http", "root_path": "", "server": ("t", 80), "client": ("t", 1)}

    scope["asgi"] = {"version": "3.0", "spec_version": "2.4"}
    received = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, object]:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as own_thread:  # the browser tests leave a running loop in the main one
        own_thread.submit(asyncio.run, app(scope, receive, send)).result()  # type: ignore[arg-type]
    start = sent[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}  # type: ignore[attr-defined]
    return Answer(int(start["status"]), found, b"".join(m.get("body", b"") for m in sent[1:]))  # type: ignore[arg-type,misc,call-overload]


@pytest.fixture
def living(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Sessions that are alive; a fresh registry."""
    alive = {"one", "two"}
    monkeypatch.setattr(pixels, "PIXELS", Pixels(alive.__contains__))
    yield alive


@pytest.fixture
def owner(living: set[str]) -> Owner:
    return Owner("one", browser_of(COOKIE))


VOXELS = np.arange(-60, 60, dtype=np.int16).reshape(5, 4, 6)


def headers_of(owner: Owner, **more: str) -> dict[str, str]:
    return {"X-Pixels-Proof": pixels.PIXELS.proof(owner), "Cookie": f"_streamlit_xsrf={COOKIE}", **more}


def test_the_session_gets_its_exact_bytes_and_nobody_may_keep_them(owner: Owner) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    answer = ask(f"/api/pixels/{token}", headers=headers_of(owner))
    assert answer.status == 200
    assert np.array_equal(np.frombuffer(answer.body, "<i2").reshape(VOXELS.shape), VOXELS)
    assert answer.headers["cache-control"] == "no-store, private"
    assert answer.headers["content-encoding"] == "identity"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_range_gives_these_slices_only(owner: Owner) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    answer = ask(f"/api/pixels/{token}", headers=headers_of(owner, Range="bytes=96-143"))
    assert answer.status == 206
    assert answer.headers["content-range"] == "bytes 96-143/240"
    assert np.array_equal(np.frombuffer(answer.body, "<i2").reshape(4, 6), VOXELS[2])


@pytest.mark.parametrize("asked", ["bytes=240-300", "bytes=5-2", "bytes=-5", "lines=1-2", "bytes=0-1,4-5", "bytes=²-3"])
def test_a_range_that_is_none_is_refused(owner: Owner, asked: str) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    headers = headers_of(owner) | ({"Range": asked} if asked.isascii() else {"Range": "bytes=x-3"})
    assert ask(f"/api/pixels/{token}", headers=headers).status == 416


def test_another_session_gets_404_even_with_the_address(owner: Owner) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    other = Owner("two", browser_of(OTHER))
    theirs = {"X-Pixels-Proof": pixels.PIXELS.proof(other), "Cookie": f"_streamlit_xsrf={OTHER}"}
    assert ask(f"/api/pixels/{token}", headers=theirs).status == 404
    assert ask(f"/api/pixels/{token}").status == 404


def test_another_tab_of_the_same_browser_is_another_session(owner: Owner) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    neighbour = Owner("two", owner.browser)
    assert ask(f"/api/pixels/{token}", headers=headers_of(neighbour)).status == 404


def test_address_and_proof_stolen_into_another_browser_give_404(owner: Owner) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    stolen = headers_of(owner) | {"Cookie": f"_streamlit_xsrf={OTHER}"}
    assert ask(f"/api/pixels/{token}", headers=stolen).status == 404


def test_the_cookie_may_change_its_mask(owner: Owner) -> None:
    assert browser_of(SAME_TOKEN_OTHER_MASK) == browser_of(COOKIE) != browser_of(OTHER)
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    headers = headers_of(owner) | {"Cookie": f"_streamlit_xsrf={SAME_TOKEN_OTHER_MASK}"}
    assert ask(f"/api/pixels/{token}", headers=headers).status == 200


@pytest.mark.parametrize("cookie", [None, "", "2|zz|zz|1", "2||aabb|1", "1|2", "|||"])
def test_a_broken_cookie_names_no_browser(cookie: str | None) -> None:
    assert browser_of(cookie) == ""


def test_the_token_dies_with_its_session(owner: Owner, living: set[str]) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    headers = headers_of(owner)
    living.discard("one")
    assert ask(f"/api/pixels/{token}", headers=headers).status == 404
    living.add("one")  # the array is gone, not only hidden
    assert ask(f"/api/pixels/{token}", headers=headers).status == 404


def test_the_same_content_keeps_its_token_so_that_a_rerun_sends_nothing_new(owner: Owner) -> None:
    first = pixels.PIXELS.issue(owner, VOXELS, "content")
    assert pixels.PIXELS.issue(owner, VOXELS.copy(), "content") == first
    assert pixels.PIXELS.issue(owner, VOXELS, "other content") != first
    assert pixels.PIXELS.issue(Owner("two", ""), VOXELS, "content") != first


def test_a_session_holds_only_so_many_arrays(owner: Owner) -> None:
    tokens = [pixels.PIXELS.issue(owner, VOXELS, f"content {k}") for k in range(pixels.TOKENS_PER_SESSION + 1)]
    headers = headers_of(owner)
    assert ask(f"/api/pixels/{tokens[0]}", headers=headers).status == 404
    assert ask(f"/api/pixels/{tokens[-1]}", headers=headers).status == 200
    assert pixels.PIXELS.issue(owner, VOXELS, "content 0") != tokens[0]


def test_a_drawn_mask_comes_back_voxel_for_voxel_once(owner: Owner) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    labels = (VOXELS > 20).astype(np.uint8).tobytes()
    headers = {**headers_of(owner), pixels.NOTE_HEADER: "left lung"}
    assert ask(f"/api/pixels/{token}", method="PUT", headers=headers, body=zlib.compress(labels)).status == 204
    assert pixels.PIXELS.notes(Owner("two", ""), token) == ()
    assert pixels.PIXELS.take(Owner("two", ""), token, "left lung") is None
    assert pixels.PIXELS.notes(owner, token) == ("left lung",)
    assert pixels.PIXELS.take(owner, token, "left lung") == labels
    assert pixels.PIXELS.take(owner, token, "left lung") is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (zlib.compress(bytes(119)), 400),
        (zlib.compress(bytes(121)), 413),
        (zlib.compress(bytes(50_000_000)), 413),
        (b"not deflated", 400),
        (zlib.compress(bytes(120))[:-6], 400),
        (b"", 400),
    ],
    ids=["short", "long", "bomb", "garbage", "cut", "empty"],
)
def test_a_mask_of_another_size_is_refused(owner: Owner, body: bytes, status: int) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    assert ask(f"/api/pixels/{token}", method="PUT", headers=headers_of(owner), body=body).status == status
    assert pixels.PIXELS.notes(owner, token) == ()


def test_nobody_else_may_put_a_mask(owner: Owner) -> None:
    token = pixels.PIXELS.issue(owner, VOXELS, "content")
    assert ask(f"/api/pixels/{token}", method="PUT", body=zlib.compress(bytes(120))).status == 404


def test_the_viewers_own_code_may_be_kept_and_nothing_else_is_served() -> None:
    from pages.ui.viewer import assets

    answer = ask(f"/api/viewer/{assets.VERSION}/main.js")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]
    assert ask(f"/api/viewer/{assets.VERSION}/..%2fviewer.py").status == 404
    assert ask(f"/api/viewer/{assets.VERSION}/viewer.py").status == 404
    assert ask("/api/viewer/old/main.js").status == 404
