"""The viewer under fingers, in both themes, and over scans that are too large, too small or lie askew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.apps.serving import serving_viewer
from tests.browser.test_viewer import grey_at, look, open_case, settle

LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
CONTRAST = """(root) => {
  const numbers = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = (node) => {
    const chain = [];
    for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
      chain.unshift(numbers(getComputedStyle(at).backgroundColor));
    }
    return chain.reduce((below, here) => (here.length ? over(here, below) : below), [255, 255, 255]);
  };
  const found = [];
  for (const node of root.querySelectorAll("*")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const seen = node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
    if (!own || !seen || node.closest(":disabled")) continue;
    const style = getComputedStyle(node), drawn = node instanceof SVGElement;
    const below = drawn && style.stroke !== "none" ? numbers(style.stroke).slice(0, 3) : ground(node);
    const [a, b] = [light(over(numbers(drawn ? style.fill : style.color), below)), light(below)].sort((x, y) => y - x);
    const name = node.className.baseVal ?? node.className ?? "";
    found.push([(a + 0.05) / (b + 0.05), name, node.textContent.trim().slice(0, 30)]);
  }
  return found;
}"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def viewer_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_viewer(tmp_path_factory.mktemp("limits")) as address:
        yield address


@pytest.fixture
def tablet(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1180, "height": 820}, has_touch=True, locale="en-GB")
    yield context.new_page()
    context.close()


class Fingers:
    """Fingers on the first picture, in its pixels."""

    def __init__(self, page: Page) -> None:
        self.wire: CDPSession = page.context.new_cdp_session(page)
        box = page.locator(".viewport").first.bounding_box()
        assert box
        self.corner = box["x"], box["y"]

    def put(self, kind: str, *points: tuple[float, float]) -> None:
        x, y = self.corner
        touches = [{"x": x + a, "y": y + b, "id": number} for number, (a, b) in enumerate(points)]
        self.wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def move(self, start: list[tuple[float, float]], end: list[tuple[float, float]], steps: int = 8) -> None:
        self.put("touchStart", *start)
        for k in range(1, steps + 1):
            share = k / steps
            between = [(a + (c - a) * share, b + (d - b) * share) for (a, b), (c, d) in zip(start, end, strict=True)]
            self.put("touchMove", *between)
        self.put("touchEnd")


def test_two_fingers_zoom_about_the_place_between_them_and_pan(tablet: Page, viewer_server: str) -> None:
    open_case(tablet, viewer_server, "ct")
    before = look(tablet, "v.viewports[0].frame().mmPerPx")
    held = look(tablet, "v.viewports[0].frame().toWorld(400, 250)")
    Fingers(tablet).move([(360, 250), (440, 250)], [(300, 250), (500, 250)])
    settle(tablet)
    assert before / look(tablet, "v.viewports[0].frame().mmPerPx") == pytest.approx(200 / 80, rel=0.02)
    now = look(tablet, "v.viewports[0].frame().toWorld(400, 250)")
    assert max(abs(a - b) for a, b in zip(held, now, strict=True)) < 1.5
    Fingers(tablet).move([(300, 250), (500, 250)], [(340, 280), (540, 280)])
    settle(tablet)
    moved = look(tablet, "v.viewports[0].frame().toWorld(440, 280)")
    assert max(abs(a - b) for a, b in zip(held, moved, strict=True)) < 1.5


def test_one_finger_scrolls_windows_and_measures_with_the_tool_in_hand(tablet: Page, viewer_server: str) -> None:
    open_case(tablet, viewer_server, "ct")
    fingers = Fingers(tablet)
    tablet.get_by_role("button", name="Scroll (S)").tap()
    start = look(tablet, "v.panes[0].crosshair[2]")
    fingers.move([(300, 200)], [(300, 260)])
    assert look(tablet, "v.panes[0].crosshair[2]") == start - 10 * 3  # 6 pixels a slice
    tablet.get_by_role("button", name="Window: drag right to widen").tap()
    window = look(tablet, "v.panes[0].window")
    fingers.move([(300, 200)], [(360, 200)])
    assert look(tablet, "v.panes[0].window[1] - v.panes[0].window[0]") > window[1] - window[0]
    look(tablet, "v.setTool('length')")
    length = look(tablet, "100 * v.viewports[0].frame().mmPerPx")
    fingers.move([(300, 200)], [(400, 200)])
    settle(tablet)
    assert look(tablet, "v.marks.list[0].values.longest") == pytest.approx(length, rel=0.02)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_viewer_stands_out_from_its_ground(browser: Browser, viewer_server: str, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme, locale="en-GB")
    page = context.new_page()
    open_case(page, viewer_server, "ct", layout="quad")
    page.locator(".viewport").first.hover(position={"x": 150, "y": 120})
    page.get_by_role("button", name="Choose overlays").click()
    found = page.locator(".viewer").evaluate(CONTRAST)
    page.keyboard.press("Escape")
    page.locator(".viewport").first.focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and mouse")).to_be_visible()
    found += page.locator(".viewer").evaluate(CONTRAST)
    context.close()
    assert len(found) > 60
    assert [entry for entry in found if entry[0] < LEAST_CONTRAST] == []


def test_a_ct_of_1200_slices_loads_and_is_scrolled_to_its_ends(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "long")
    page.locator(".viewport").focus()
    for key, slice_ in (("Home", 0), ("End", 1199)):
        page.keyboard.press(key)
        settle(page)
        assert look(page, "v.pane.geometry.slice(v.pane.crosshair, v.viewports[0].plane)") == slice_
        expect(page.locator(".text.bl")).to_contain_text(f"Slice {slice_ + 1} of 1200")
        shown = grey_at(page, look(page, "v.pane.crosshair"))
        assert abs(shown - round(255 * slice_ / 1199)) <= 1


def test_float_voxels_are_windowed_as_exactly_as_whole_ones(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "suv")
    assert look(page, "v.pane.image.kind") == "float32"
    look(page, "v.setWindow(v.pane, [0, 4], '')")
    for dark_on_white in (True, False):  # PET opens so, and a key turns it
        for column, suv in ((2, 0.5), (5, 1.25), (7, 1.75)):
            place = look(page, f"v.pane.geometry.toWorld([1, 4, {column}])")
            grey = round(255 * suv / 4)
            assert abs(grey_at(page, place) - (255 - grey if dark_on_white else grey)) <= 1
        page.locator(".viewport").focus()
        page.keyboard.press("i")
    place = look(page, "v.viewports[0].frame().toScreen(v.pane.geometry.toWorld([1, 4, 5]))")
    look(page, f"v.viewports[0].read({place[0]}, {place[1]})")
    expect(page.locator(".text.br")).to_contain_text("1.25 SUV")
    look(page, "v.toggleInvert() ?? v.reset()")
    assert look(page, "[v.pane.preset, v.pane.window, v.pane.invert]") == ["SUV 0 to 7", [0, 7], True]


def test_uptake_blended_over_a_ct_is_coloured_and_bleaches_nothing(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "pet_ct", layout="fusion")
    look(page, "(v.jump([10, 20, 90]), v.setFusion({ mode: 'blend', amount: 0.5 }))")
    settle(page)

    def colour(place: list[float]) -> list[int]:
        return list(look(page, f"""(() => {{
          const w = v.viewports[0], [x, y] = w.frame().toScreen({place}), k = w.canvas.width / w.element.clientWidth;
          return [...w.context.getImageData(Math.floor(x * k), Math.floor(y * k), 1, 1).data.slice(0, 3)];
        }})()"""))  # fmt: skip

    red, _, blue = colour([10, 20, 90])
    assert red > blue + 30  # inferno's bright end over white bone
    assert max(colour([0, -40, 90])) < 80  # half of soft tissue's grey, which dark on white would lift above 128
    assert look(page, "v.panes[1].invert")


def test_a_scan_stored_backwards_lies_as_one_stored_forwards(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "backwards", layout="quad")
    assert page.locator(".viewport").first.locator(".letter").all_text_contents() == ["R", "L", "A", "P"]
    look(page, "(v.jump([10, 20, 90]), v.toggleOverlays())")
    for viewport in range(3):
        assert grey_at(page, (12.5, 21.5, 91), viewport) == 255  # inside the ball


def test_one_slice_offers_no_planes_and_no_loop(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "one_slice")
    expect(page.get_by_label("Plane", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Play and stop (Space)")).to_have_count(0)
    page.locator(".viewport").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    settle(page)
    assert look(page, "v.pane.image.dims") == [1, 40, 50]


def test_overlays_are_smooth_or_voxel_by_voxel_by_key(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    look(page, "(v.jump([10, 20, 90]), v.zoom(v.viewports[0], 400, 250, 6), v.setOverlays('labels', { fill: true }))")
    look(page, "v.viewports[0].bringIntoView([10, 20, 90])")
    settle(page)
    picture = "v.viewports[0].canvas.toDataURL()"
    smooth = look(page, picture)
    page.locator(".viewport").focus()
    page.keyboard.press("j")
    settle(page)
    assert look(page, picture) != smooth
    page.keyboard.press("j")
    settle(page)
    assert look(page, picture) == smooth


def test_a_click_on_a_label_is_a_pick_and_a_drag_is_none(page: Page, viewer_server: str) -> None:
    open_case(page, viewer_server, "ct")
    look(page, "v.jump([10, 20, 90])")
    settle(page)
    box = page.locator(".viewport").bounding_box()
    assert box
    x, y = look(page, "v.viewports[0].frame().toScreen([10, 20, 90])")
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    page.mouse.move(box["x"] + x + 30, box["y"] + y, steps=3)
    page.mouse.up()
    page.wait_for_timeout(300)
    expect(page.get_by_text("picked None")).to_be_visible()
    page.mouse.click(box["x"] + x, box["y"] + y)
    expect(page.get_by_text("picked label")).to_be_visible()
