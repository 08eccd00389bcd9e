"""The viewer in a real Chromium: what it draws, measures, sends and fetches, against phantoms known to the voxel."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserType, Page, Request, WebSocket, expect

from tests.browser.apps.serving import serving_viewer

NO_WEBGL = ["--disable-3d-apis"]
LOAD_MS = 60_000
PATIENCE = 200  # looks before a thing counts as not happening


@pytest.fixture(scope="module")
def viewer_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_viewer(tmp_path_factory.mktemp("viewer")) as address:
        yield address


@pytest.fixture(scope="module", params=["webgl2", "canvas2d"])
def drawing_browser(
    request: pytest.FixtureRequest,
    browser: Browser,
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
) -> Iterator[tuple[str, Browser]]:
    """The browser with WebGL 2, then one without it."""
    if request.param == "webgl2":
        yield "webgl2", browser
        return
    flags = [flag for flag in browser_type_launch_args["args"] if "gl" not in flag and "swiftshader" not in flag]
    plain = browser_type.launch(**{**browser_type_launch_args, "args": flags + NO_WEBGL})
    yield "canvas2d", plain
    plain.close()


@pytest.fixture
def drawn(drawing_browser: tuple[str, Browser]) -> Iterator[tuple[str, Page]]:
    name, browser = drawing_browser
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    yield name, context.new_page()
    context.close()


def open_case(page: Page, server: str, case: str, **query: str) -> None:
    extra = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(f"{server}/?case={case}{extra}")
    page.wait_for_selector(".viewer[data-loaded=true]", timeout=LOAD_MS)
    page.wait_for_timeout(200)
    settle(page)


def look(page: Page, expression: str) -> Any:
    """Evaluate an expression about `v`, the viewer."""
    return page.locator(".viewer").evaluate(f"(root) => {{ const v = root.viewer; return {expression}; }}")


def settle(page: Page) -> None:
    """Until what is due has been drawn."""
    look(page, "new Promise((done) => { const wait = () => (v.scheduled ? setTimeout(wait, 5) : done()); wait(); })")


def grey_at(page: Page, lps_mm: tuple[float, float, float], viewport: int = 0) -> int:
    """The red byte of the drawn pixel at a position in the patient."""
    settle(page)
    return int(
        look(
            page,
            f"""(() => {{
              const w = v.viewports[{viewport}], [x, y] = w.frame().toScreen({list(lps_mm)});
              const k = w.canvas.width / w.element.clientWidth;
              return w.context.getImageData(Math.floor(x * k), Math.floor(y * k), 1, 1).data[0];
            }})()""",
        )
    )


def drag(page: Page, start: tuple[float, float], *way: tuple[float, float], viewport: int = 0) -> None:
    """Press, move and let go, in pixels of the viewport."""
    box = page.locator(".viewport").nth(viewport).bounding_box()
    assert box
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    for x, y in way:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=3)
    page.mouse.up()


def screen(page: Page, lps_mm: tuple[float, float, float], viewport: int = 0) -> tuple[float, float]:
    x, y = look(page, f"v.viewports[{viewport}].frame().toScreen({list(lps_mm)})")
    return float(x), float(y)


class Traffic:
    """Counts what goes over the wire while it is watched."""

    def __init__(self, page: Page) -> None:
        self.sent = self.received = self.received_bytes = 0
        self.requests: list[Request] = []
        page.on("websocket", self._watch)
        page.on("request", lambda request: self.requests.append(request))

    def _watch(self, channel: WebSocket) -> None:
        channel.on("framesent", lambda _: setattr(self, "sent", self.sent + 1))
        channel.on("framereceived", self._count)

    def _count(self, payload: str | bytes) -> None:
        self.received += 1
        self.received_bytes += len(payload)

    def reset(self) -> None:
        self.sent = self.received = self.received_bytes = 0
        self.requests.clear()

    @property
    def pixels(self) -> list[Request]:
        return [request for request in self.requests if "/api/pixels/" in request.url]


# ---- drawing


def test_both_renderers_draw_the_windowed_values_where_they_lie(drawn: tuple[str, Page], viewer_server: str) -> None:
    name, page = drawn
    open_case(page, viewer_server, "ct")
    assert page.locator(".viewer").get_attribute("data-renderer") == name
    assert abs(grey_at(page, (0, -40, 90)) - 128) <= 1  # 40 HU in a window of -160..240
    assert grey_at(page, (-35, 0, 90)) == 0  # lung
    page.locator(".viewport").first.focus()
    page.keyboard.press("2")  # lung window, -1350..150
    assert abs(grey_at(page, (-35, 0, 90)) - round(255 * 500 / 1500)) <= 1
    page.keyboard.press("i")
    assert abs(grey_at(page, (-35, 0, 90)) - (255 - round(255 * 500 / 1500))) <= 1


def test_both_renderers_show_the_same_position_in_three_planes(drawn: tuple[str, Page], viewer_server: str) -> None:
    _, page = drawn
    open_case(page, viewer_server, "ct", layout="quad")
    look(page, "v.jump([10, 20, 90])")
    look(page, "v.toggleOverlays()")
    for viewport in range(3):
        assert grey_at(page, (12.5, 21.5, 91), viewport) == 255  # inside the ball
    assert grey_at(page, (10, 35, 90), 0) < 200  # beside it
    assert grey_at(page, (10, 20, 105), 1) < 200  # above it, sagittal
    assert grey_at(page, (10, 20, 105), 2) < 200  # above it, coronal


def test_a_heat_map_is_drawn_only_on_the_overlaid_side_and_goes_with_a_key(
    drawn: tuple[str, Page], viewer_server: str
) -> None:
    _, page = drawn
    open_case(page, viewer_server, "radiograph")
    hot = """(() => {
      const w = v.viewports[%d], [x, y] = w.frame().toScreen(v.panes[0].geometry.toWorld([0, 1900, 800]));
      const k = w.canvas.width / w.element.clientWidth;
      return [...w.context.getImageData(Math.round(x * k), Math.round(y * k), 1, 1).data].slice(0, 3);
    })()"""
    bare, over = (look(page, hot % side) for side in (0, 1))
    assert len(set(bare)) == 1
    assert len(set(over)) > 1
    page.locator(".viewport").first.focus()
    page.keyboard.press("o")
    settle(page)
    assert look(page, hot % 1) == bare


def test_a_colour_picture_and_a_single_pixel_are_shown(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "colour")
    box = look(
        page,
        "(({ context: c, canvas: { width, height } }) => [...c.getImageData(width / 2, height / 2, 1, 1).data])"
        "(v.viewports[0])",
    )
    assert all(abs(a - b) <= 2 for a, b in zip(box[:3], (127, 127, 127), strict=True))
    open_case(page, viewer_server, "one_pixel")
    expect(page.locator(".viewport")).to_have_count(1)


def test_an_oblique_scan_opens_in_its_nearest_plane_with_two_letters(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "oblique")
    assert page.locator(".letter").all_text_contents() == ["R", "L", "AI", "PS"]
    expect(page.locator(".text.bl")).to_contain_text("Axial")


def test_a_lost_graphics_context_is_bridged_and_restored(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    before = grey_at(page, (0, -40, 90))
    look(page, "(v.loss = v.renderer.gpu.gl.getExtension('WEBGL_lose_context')).loseContext()")
    page.wait_for_selector(".viewer[data-renderer=canvas2d]")
    assert abs(grey_at(page, (0, -40, 90)) - before) <= 1
    look(page, "v.loss.restoreContext()")
    page.wait_for_selector(".viewer[data-renderer=webgl2]")
    assert grey_at(page, (0, -40, 90)) == before


@pytest.mark.slow
def test_a_volume_beyond_the_cards_limits_is_reduced_but_the_slice_in_view_is_not(
    page: Page, viewer_server: str
) -> None:
    open_case(page, viewer_server, "ct")
    before = [grey_at(page, (12.5, 21.5, 91)), grey_at(page, (0, -40, 90))]
    look(page, "(v.renderer.gpu.limits.layers = 20, v.renderer.gpu.textures.clear(), v.redraw())")
    settle(page)
    expect(page.locator(".text.bl")).to_contain_text("Reduced resolution outside the slice in view")
    for slice_ in (31, 32, 33):
        look(page, f"v.jump([0, 0, {3 * slice_}])")
        assert [grey_at(page, (12.5, 21.5, 3 * slice_)), grey_at(page, (0, -40, 3 * slice_))] == before


# ---- what goes over the wire


def test_scroll_window_zoom_and_opacity_cost_no_frame_and_no_request(page: Page, viewer_server: str) -> None:
    traffic = Traffic(page)
    open_case(page, viewer_server, "ct", layout="quad")
    page.wait_for_timeout(1500)
    traffic.reset()
    box = page.locator(".viewport").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    first = look(page, "v.panes[0].crosshair[2]")
    for _ in range(10):
        page.mouse.wheel(0, 120)
        page.wait_for_timeout(30)
    for _ in range(PATIENCE):
        if look(page, "v.panes[0].crosshair[2]") <= first - 30:
            break
        page.wait_for_timeout(50)
    assert look(page, "v.panes[0].crosshair[2]") == first - 30  # ten slices of 3 mm towards the feet
    drag(page, (200, 100), (260, 60))
    page.keyboard.press("z")
    drag(page, (200, 100), (200, 60))
    page.keyboard.press("ArrowUp")
    page.get_by_label("Opacity").fill("0.2")
    page.locator(".slices").first.fill("10")
    page.keyboard.press("w")
    page.wait_for_timeout(500)
    assert (traffic.sent, traffic.received, len(traffic.requests)) == (0, 0, 0)


def test_a_rerun_sends_little_and_remounts_nothing(page: Page, viewer_server: str) -> None:
    traffic = Traffic(page)
    open_case(page, viewer_server, "ct")
    page.wait_for_timeout(1000)
    look(page, "(v.mark = 1)")
    traffic.reset()
    page.get_by_role("button", name="Rerun").click()
    expect(page.get_by_text("runs 2")).to_be_visible()
    page.wait_for_timeout(500)
    assert traffic.received_bytes <= 3000
    assert traffic.pixels == []
    assert look(page, "v.mark") == 1


def test_the_first_picture_comes_before_three_percent_of_the_volume(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "slabs")
    volume = 300 * 512 * 512 * 2
    assert 0 < int(page.locator(".viewer").get_attribute("data-first-bytes") or 0) <= 0.03 * volume
    inside = "((k >> 9) & 511) >= 100 && ((k >> 9) & 511) < 400 && (k & 511) >= 100 && (k & 511) < 400"
    expected = f"Math.floor(k / 262144) + ({inside} ? 500 : 0)"
    assert look(page, f"v.panes[0].image.data.every((x, k) => k % 9973 || x === {expected})")


def test_coming_back_to_the_page_fetches_nothing_and_keeps_the_view(page: Page, viewer_server: str) -> None:
    traffic = Traffic(page)
    open_case(page, viewer_server, "ct")
    look(page, "v.setPreset('Lung')")
    look(page, "v.jump([10, 20, 60])")
    page.get_by_text("Viewer", exact=True).click()
    expect(page.locator(".viewer")).to_have_count(0)
    traffic.reset()
    page.get_by_text("Viewer", exact=True).click()
    page.wait_for_selector(".viewer[data-loaded=true]")
    assert traffic.pixels == []
    assert look(page, "[v.pane.preset, v.pane.crosshair[2]]") == ["Lung", 60]


def test_pixels_are_for_this_session_only(page: Page, browser: Browser, viewer_server: str) -> None:
    traffic = Traffic(page)
    open_case(page, viewer_server, "ct")
    request = traffic.pixels[-1]
    headers = {name: value for name, value in request.all_headers().items() if not name.startswith(":")}
    again = "(address, proof) => fetch(address, {headers: {'X-Pixels-Proof': proof}}).then((answer) => answer.status)"
    call = f"([address, proof]) => ({again})(address, proof)"
    assert page.evaluate(call, [request.url, headers["x-pixels-proof"]]) == 200
    assert page.evaluate(call, [request.url, "guess"]) == 404
    other = browser.new_context()
    stranger = other.new_page()
    stranger.goto(f"{viewer_server}/?case=one_pixel")
    stranger.wait_for_selector(".viewer[data-loaded=true]", timeout=LOAD_MS)
    assert stranger.evaluate(call, [request.url, headers["x-pixels-proof"]]) == 404
    other.close()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(request.url)
    page.goto("about:blank")
    page.wait_for_timeout(1500)
    replay = urllib.request.Request(
        request.url, headers={name: headers[name] for name in ("x-pixels-proof", "cookie") if name in headers}
    )
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(replay)


@pytest.mark.slow
def test_a_server_that_goes_away_mid_load_leaves_a_message_and_a_retry(page: Page, viewer_server: str) -> None:
    answered = []

    def cut(route: Any) -> None:
        if answered:
            route.abort()
        else:
            answered.append(1)
            route.continue_()

    page.route("**/api/pixels/**", cut)
    page.goto(f"{viewer_server}/?case=slabs")
    expect(page.get_by_text("The pixels could not be fetched.")).to_be_visible(timeout=LOAD_MS)
    page.unroute("**/api/pixels/**")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(".viewer[data-loaded=true]", timeout=LOAD_MS)
    expect(page.locator(".message")).to_be_hidden()


# ---- measuring


def returned(page: Page, number: int) -> list[dict[str, Any]]:
    """The measurements as Python has them, once there are that many."""
    import json

    for _ in range(50):
        marks: list[dict[str, Any]] = json.loads(page.locator("pre").inner_text())
        if len(marks) == number:
            return marks
        page.wait_for_timeout(100)
    raise AssertionError(f"Python has {len(marks)} measurements, not {number}")


def longest_becomes(page: Page, expected_mm: float) -> None:
    """Until Python's second measurement has this longest diameter."""
    for _ in range(PATIENCE):
        found = returned(page, 2)[1]["values"]["longest"]
        if abs(found - expected_mm) < 0.75:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the longest diameter is {found}, not {expected_mm}")


@pytest.mark.parametrize(
    "plane",
    ["axial", pytest.param("coronal", marks=pytest.mark.slow), pytest.param("sagittal", marks=pytest.mark.slow)],
)
def test_a_drawn_length_is_true_to_half_a_voxel_in_anisotropic_planes(
    page: Page, viewer_server: str, plane: str
) -> None:
    open_case(page, viewer_server, "ct")
    look(page, f"(v.jump([10, 20, 90]), v.setPlane('{plane}'))")
    settle(page)
    ends = {
        "axial": [(-30, 20, 90), (33, 4, 90)],
        "coronal": [(-30, 20, 72), (33, 20, 120)],
        "sagittal": [(10, -30, 72), (10, 33, 120)],
    }
    a, b = ends[plane]
    page.locator(".viewport").focus()
    page.keyboard.press("l")
    drag(page, screen(page, a), screen(page, b))
    (mark,) = returned(page, 1)
    half_a_voxel = 0.75 if plane == "axial" else 1.5
    assert mark["unit"] == "mm"
    assert abs(mark["values"]["longest"] - np.linalg.norm(np.subtract(a, b))) < half_a_voxel
    assert np.abs(np.subtract(mark["points"], [a, b])).max() < half_a_voxel


def test_a_drawn_length_is_true_on_an_oblique_scan(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "oblique")
    angle = np.deg2rad(25)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    steps = turn @ np.array([[0, 0, 0.7], [0, 0.7, 0], [4, 0, 0]]) * [-1, 1, 1]
    a, b = (tuple(map(float, steps @ index)) for index in ([10, 30, 40], [10, 60, 80]))  # corners of the bright block
    page.locator(".viewport").focus()
    page.keyboard.press("l")
    drag(page, screen(page, a), screen(page, b))
    (mark,) = returned(page, 1)
    assert abs(mark["values"]["longest"] - 0.7 * 50) < 0.35
    assert np.abs(np.subtract(mark["points"], [a, b])).max() < 0.35


def test_a_picture_is_measured_in_pixels_and_says_why(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "colour")
    page.locator(".viewport").focus()
    page.keyboard.press("l")
    expect(page.locator(".text.bl")).to_contain_text("A picture has no scale: lengths in pixels")
    drag(page, screen(page, (50, 100, 0)), screen(page, (90, 130, 0)))
    (mark,) = returned(page, 1)
    assert mark["unit"] == "px"
    assert abs(mark["values"]["longest"] - 50) < 0.5


@pytest.mark.slow
def test_marks_come_back_once_each_and_can_be_changed_undone_and_deleted(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    look(page, "v.jump([10, 20, 90])")
    page.locator(".viewport").focus()
    page.keyboard.press("e")
    drag(page, screen(page, (-55, -20, 90)), screen(page, (-25, 10, 90)))
    (ellipse,) = returned(page, 1)
    expect(page.get_by_text("runs 2")).to_be_visible()
    assert ellipse["values"]["mean"] == -850
    assert abs(ellipse["values"]["area"] - np.pi * 15 * 15) < 25
    page.keyboard.press("b")
    drag(page, screen(page, (0, 20, 90)), screen(page, (40, 20, 90)))
    drag(page, screen(page, (20, 10, 90)), screen(page, (25, 30, 90)))
    _, both = returned(page, 2)
    expect(page.get_by_text("runs 3")).to_be_visible()
    assert abs(both["values"]["longest"] - 40) < 0.75
    assert abs(both["values"]["shortest"] - 20) < 0.75
    drag(page, screen(page, (40, 20, 90)), screen(page, (50, 20, 90)))
    longest_becomes(page, 50)
    page.keyboard.press("Delete")
    returned(page, 1)
    page.keyboard.press("Control+z")
    returned(page, 2)
    page.keyboard.press("Control+z")
    longest_becomes(page, 40)
    page.keyboard.press("Control+y")
    longest_becomes(page, 50)


@pytest.mark.slow
def test_an_angle_and_a_text_beside_an_arrow(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    page.locator(".viewport").focus()
    page.keyboard.press("a")
    drag(page, (300, 300), (200, 300))
    drag(page, (300, 200), (300, 200))
    (angle,) = returned(page, 1)
    assert abs(angle["values"]["angle_deg"] - 45) < 0.5
    page.keyboard.press("t")
    drag(page, (500, 200), (600, 250))
    page.keyboard.type("look here")
    page.keyboard.press("Enter")
    expect(page.locator("pre")).to_contain_text("look here")


def disc(centre_mm: tuple[float, float], radius_mm: float) -> np.ndarray:
    """The voxels of slice 30 of the CT phantom whose centres lie within a circle."""
    labels = np.zeros((60, 128, 128), np.uint8)
    y, x = np.mgrid[0:128, 0:128] * 1.5 - 96.0
    labels[30] = (x - centre_mm[0]) ** 2 + (y - centre_mm[1]) ** 2 <= radius_mm**2
    return labels


@pytest.mark.parametrize("zoom", [pytest.param(1.0, marks=pytest.mark.slow), 3.0])
def test_a_brushed_disc_comes_back_voxel_for_voxel(page: Page, viewer_server: str, zoom: float) -> None:
    open_case(page, viewer_server, "ct")
    look(page, "(v.jump([0, 0, 90]), v.panes[0].overlays.length = 0, v.brush.setRadius(9))")
    look(page, f"v.zoom(v.viewports[0], 400, 200, {zoom})")
    settle(page)
    page.locator(".viewport").focus()
    page.keyboard.press("m")
    x, y = (round(number) for number in screen(page, (-40.3, -7.2, 90)))
    drag(page, (x, y))
    centre = look(page, f"v.viewports[0].frame().toWorld({x}, {y})")
    expect(page.get_by_text("mask ")).to_be_visible()
    expected = hashlib.sha256(disc((centre[0], centre[1]), 9).tobytes()).hexdigest()
    expect(page.get_by_text(f"mask {expected}")).to_be_visible()


@pytest.mark.slow
def test_eraser_and_undo_change_the_mask_that_is_handed_over(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    look(page, "(v.jump([10, 20, 90]), v.brush.setRadius(100))")
    page.locator(".viewport").focus()
    page.keyboard.press("u")
    drag(page, screen(page, (10, 20, 90)))
    count = "v.panes[0].edited.image.data.reduce((a, b) => a + b, 0)"
    whole = look(page, "v.panes[0].overlays[0].image.data.reduce((a, b) => a + b, 0)")
    assert 0 < look(page, count) < whole
    page.keyboard.press("Control+z")
    assert look(page, count) == whole


@pytest.mark.slow
def test_a_fill_closes_a_ring_and_refuses_to_run_out_of_the_image(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    look(page, "(v.jump([0, 0, 90]), v.panes[0].overlays.length = 0, v.brush.setRadius(4))")
    page.locator(".viewport").focus()
    page.keyboard.press("m")
    corners = [screen(page, (x, y, 90)) for x, y in ((30, -30), (30, 30), (-30, 30), (-30, -30))]
    drag(page, corners[3], *corners)
    count = "v.panes[0].edited.image.data.reduce((a, b) => a + b, 0)"
    ring = look(page, count)
    page.keyboard.press("k")
    drag(page, screen(page, (80, 80, 90)))
    assert look(page, count) == ring
    drag(page, screen(page, (0, 0, 90)))
    assert look(page, count) > ring + 34 * 34
    assert look(page, "v.panes[0].edited.image.at(30, 64, 64)") == 1


# ---- comparing


def test_linked_scans_follow_the_position_in_the_patient_through_a_registration(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "registered", layout="tiles")
    look(page, "v.moveCrosshair(v.panes[0], [10, 20, 90])")
    assert np.allclose(look(page, "v.panes[1].crosshair"), [25, 20, 90])  # 15 mm further to the left
    page.locator(".viewport").first.focus()
    page.keyboard.press("ArrowUp")
    assert np.allclose(look(page, "v.panes[1].crosshair"), [25, 20, 93])
    page.get_by_role("button", name="What moves together").click()
    page.get_by_label("Slices, by position").uncheck()
    page.locator(".viewport").first.focus()
    page.keyboard.press("ArrowUp")
    assert np.allclose(look(page, "v.panes.map((p) => p.crosshair[2])"), [96, 93])


@pytest.mark.slow
def test_linked_zoom_shows_the_same_place_in_both(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "pair", layout="tiles")
    look(page, "v.zoom(v.viewports[0], 100, 100, 2)")
    settle(page)
    assert np.allclose(screen(page, (10, 20, 90), 0), screen(page, (10, 20, 90), 1))


def test_the_curtain_shows_the_first_scan_left_and_the_second_right_of_it(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "pair", layout="fusion")
    look(page, "(v.jump([10, 20, 90]), v.toggleOverlays())")
    box = page.locator(".viewport").bounding_box()
    assert box
    for share, ball_first, ball_second in ((0.95, 255, None), (0.05, None, 255)):
        look(page, f"v.setFusion({{ amount: {share} }})")
        only_first, only_second = grey_at(page, (2, 20, 90)), grey_at(page, (33, 20, 90))
        assert (only_first == 255) == (ball_first == 255)
        assert (only_second == 255) == (ball_second == 255)
    at = 0.05 * box["width"]
    drag(page, (at, 200), (0.95 * box["width"], 200))
    assert abs(look(page, "v.fusion.amount") - 0.95) < 0.01


@pytest.mark.slow
def test_blend_checkerboard_difference_and_flicker_of_a_pair(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "pair", layout="fusion")
    look(page, "(v.jump([10, 20, 90]), v.toggleOverlays(), v.setFusion({ mode: 'difference' }))")
    assert abs(grey_at(page, (0, -40, 90)) - 128) <= 1  # unchanged tissue
    assert grey_at(page, (2, 20, 90)) < 70  # the ball has left
    assert grey_at(page, (33, 20, 90)) > 200  # the ball has come
    look(page, "v.setFusion({ mode: 'blend', amount: 0.5 })")
    assert abs(grey_at(page, (33, 20, 90)) - 128) <= 2
    look(page, "v.setFusion({ mode: 'flicker' })")
    seen = set()
    for _ in range(PATIENCE):
        seen.add(grey_at(page, (33, 20, 90)))
        if seen == {0, 255}:
            break
        page.wait_for_timeout(50)
    assert seen == {0, 255}
    look(page, "v.setFusion({ mode: 'checker' })")
    settle(page)
    greys = [grey_at(page, (33, 20 + shift, 90)) for shift in (-4, 0, 4)]
    assert set(greys) <= {0, 255}


# ---- boxes, keys, pictures


def test_a_box_can_be_picked_and_a_focus_scrolls_to_it(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    look(page, "v.jump([10, 20, 90])")
    settle(page)
    page.locator(".box text").click()
    expect(page.get_by_text("picked box Boxes:0")).to_be_visible()


def test_the_help_sheet_opens_with_a_key_lists_every_tool_and_gives_the_focus_back(
    page: Page, viewer_server: str
) -> None:
    open_case(page, viewer_server, "ct")
    page.locator(".viewport").focus()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys and mouse")
    expect(sheet).to_be_visible()
    for tool in ("Length", "Long and short axis", "Brush", "Overlays on and off"):
        expect(sheet.get_by_text(tool, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    assert look(page, "v.viewports[0].element.matches(':focus')")


def test_every_control_has_a_name_and_the_picture_says_what_it_shows(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct", layout="quad")
    named = "x.getAttribute('aria-label') || x.textContent.trim() || x.closest('label')"
    nameless = page.locator(".viewer").evaluate(
        f"(root) => [...root.querySelectorAll('button, select, input')].filter((x) => !({named})).length"
    )
    assert nameless == 0
    assert "Axial, Slice 31 of 60" in (page.locator(".viewport").first.get_attribute("aria-label") or "")


@pytest.mark.slow
def test_the_saved_picture_is_a_png_of_the_whole_stage(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct", layout="quad")
    page.locator(".viewport").first.focus()
    with page.expect_download() as download:
        page.keyboard.press("g")
    path = download.value.path()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "Thorax" not in download.value.suggested_filename


@pytest.mark.slow
def test_the_loop_plays_through_the_slices_and_stops(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    page.locator(".viewport").focus()
    page.keyboard.press(" ")
    page.locator(".viewer").evaluate(
        "(root) => new Promise((done) => { const wait = () => "
        "(root.viewer.panes[0].crosshair[2] !== 90 ? done() : setTimeout(wait, 20)); wait(); })"
    )
    page.keyboard.press(" ")
    settle(page)
    there = look(page, "v.panes[0].crosshair[2]")
    assert there != 90
    page.wait_for_timeout(300)
    assert look(page, "v.panes[0].crosshair[2]") == there
