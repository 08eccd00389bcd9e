"""JavaScript time of one scroll step of the viewer on a 512×512×300 CT, in headless Chromium.

Promise: at most 4 ms of main-thread time a step (median), the software rasteriser's own time excluded; the share of an
empty animation frame is printed. Time inside the renderer is measured apart: with WebGL it is what the driver takes to
accept the commands and hand the picture over, which a software rasteriser does on the CPU.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.timing import finish, judge
from tests.browser.apps.serving import serving_viewer

FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
STEPS = 60
MOST_MS = 4.0
MEASURE = """async (root, steps) => {
  const v = root.viewer, viewport = v.viewports[0], { renderer } = v;
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const empty = [];
  let last = await frame();
  for (let k = 0; k < steps; k++) { const now = await frame(); empty.push(now - last); last = now; }
  let inside = 0;
  const draw = renderer.draw.bind(renderer);
  renderer.draw = (...all) => {
    const begun = performance.now(), due = draw(...all);
    inside += performance.now() - begun;
    return due;
  };
  const own = [], drawing = [];
  for (let k = -5; k < steps; k++) {
    inside = 0;
    v.drawTimes.length = 0;
    const start = performance.now();
    v.scroll(viewport, k % 2 ? 1 : -1);
    const handler = performance.now() - start;
    while (v.scheduled) await frame();
    const total = handler + v.drawTimes.reduce((a, b) => a + b, 0);
    if (k >= 0) { own.push(total - inside); drawing.push(inside); }
  }
  renderer.draw = draw;
  const { width, height } = viewport.canvas;
  return { own: median(own), drawing: median(drawing), empty: median(empty), width, height, renderer: renderer.name };
}"""


def measure(page: Page, address: str) -> dict[str, Any]:
    """Medians in ms over the steps: the viewer's own JavaScript, drawing, an empty frame."""
    page.goto(f"{address}/?case=slabs&height=512")
    page.wait_for_selector(".viewer[data-loaded=true]", timeout=120_000)
    page.wait_for_timeout(3000)
    found: dict[str, Any] = page.locator(".viewer").evaluate(MEASURE, STEPS)
    return found


def main() -> bool:
    """Measure with and without WebGL, print, and say whether the promise is kept."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("  skipped: no Chromium on this machine")
        return True
    kept = True
    with tempfile.TemporaryDirectory() as folder, serving_viewer(Path(folder)) as address, sync_playwright() as play:
        for flags in (WEBGL, ["--disable-3d-apis"]):
            browser = play.chromium.launch(executable_path=chromium, args=FLAGS + flags)
            found = measure(browser.new_page(viewport={"width": 700, "height": 900}), address)
            browser.close()
            size = f"{found['width']}×{found['height']}"
            print(f"\nOne scroll step, {found['renderer']}, {size} (ms: median of {STEPS})")
            print(f"  viewer's own JavaScript {found['own']:.2f}   inside the renderer {found['drawing']:.2f}")
            print(f"  an empty animation frame lasts {found['empty']:.1f}: share {found['own'] / found['empty']:.3f}")
            kept &= judge(f"own JavaScript a step, {found['renderer']}, ms", found["own"], MOST_MS)
    return kept


if __name__ == "__main__":
    finish(main())
