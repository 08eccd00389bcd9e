// Keys for everything, and the sheet that lists them.
import { el } from "./dom.js";
import { savePicture } from "./picture.js";
import { N_, t } from "./words.js";

/** [keys, what they do, action]. */
const KEYS = [
  [["ArrowUp", "ArrowRight"], N_("Next slice"), (v) => v.scroll(v.viewport, 1)],
  [["ArrowDown", "ArrowLeft"], N_("Previous slice"), (v) => v.scroll(v.viewport, -1)],
  [["PageUp"], N_("Ten slices on"), (v) => v.scroll(v.viewport, 10)],
  [["PageDown"], N_("Ten slices back"), (v) => v.scroll(v.viewport, -10)],
  [["End"], N_("Last slice"), (v) => v.scroll(v.viewport, 1e6)],
  [["Home"], N_("First slice"), (v) => v.scroll(v.viewport, -1e6)],
  [["w"], N_("Window by dragging"), (v) => v.setTool("window")],
  [["p"], N_("Pan"), (v) => v.setTool("pan")],
  [["z"], N_("Zoom"), (v) => v.setTool("zoom")],
  [["s"], N_("Scroll by dragging"), (v) => v.setTool("scroll")],
  [["c"], N_("Crosshair"), (v) => v.setTool("crosshair")],
  [["+", "="], N_("Zoom in"), (v) => zoom(v, 1.25)],
  [["-"], N_("Zoom out"), (v) => zoom(v, 0.8)],
  [["0"], N_("Fit to the window"), (v) => v.fit()],
  [["i"], N_("Invert"), (v) => v.toggleInvert()],
  [["1", "2", "3", "4", "5", "6", "7", "8"], N_("Window presets"), (v, key) => v.setPreset(v.pane.presets[Number(key) - 1]?.[0])],
  [["[", "]"], N_("Window darker, brighter"), (v, key) => v.dragWindow(v.pane, 0, key === "]" ? -20 : 20)],
  [["{", "}"], N_("Window narrower, wider"), (v, key) => v.dragWindow(v.pane, key === "}" ? 20 : -20, 0)],
  [["o"], N_("Overlays on and off"), (v) => v.toggleOverlays()],
  [["r"], N_("Rotate by 90°"), (v) => v.turn("rotate")],
  [["h"], N_("Flip left and right"), (v) => v.turn("flipH")],
  [["v"], N_("Flip up and down"), (v) => v.turn("flipV")],
  [["n"], N_("Smooth pixels on and off"), (v) => { v.smooth = !v.smooth; v.redraw(); }],
  [["j"], N_("Smooth overlays on and off"), (v) => v.toggleSmoothOverlays()],
  [["f"], N_("Full screen"), (v) => v.toolbar.fullScreen()],
  [["l"], N_("Length"), (v) => v.setTool("length")],
  [["b"], N_("Long and short axis"), (v) => v.setTool("bidirectional")],
  [["a"], N_("Angle"), (v) => v.setTool("angle")],
  [["e"], N_("Ellipse"), (v) => v.setTool("ellipse")],
  [["q"], N_("Rectangle"), (v) => v.setTool("rectangle")],
  [["d"], N_("Freehand region"), (v) => v.setTool("freehand")],
  [["x"], N_("Point"), (v) => v.setTool("point")],
  [["t"], N_("Arrow with text"), (v) => v.setTool("arrow")],
  [["Delete", "Backspace"], N_("Delete the chosen mark"), (v) => v.marks.remove()],
  [["Enter"], N_("Write beside the chosen mark"), (v) => v.marks.selected && v.marks.write(v.viewport, v.marks.selected)],
  [["ctrl+z"], N_("Undo"), (v) => v.undo()],
  [["ctrl+y", "ctrl+Z"], N_("Redo"), (v) => v.redo()],
  [["m"], N_("Brush"), (v) => v.brush.hold("brush")],
  [["u"], N_("Eraser"), (v) => v.brush.hold("eraser")],
  [["k"], N_("Fill"), (v) => v.brush.hold("fill")],
  [[",", "."], N_("Brush smaller, larger"), (v, key) => v.brush.setRadius(v.brush.radius * (key === "," ? 0.8 : 1.25))],
  [[" "], N_("Play and stop"), (v) => v.cine.toggle()],
  [["g"], N_("Save the picture"), (v) => savePicture(v)],
  [["Escape"], N_("Stop, or back to the window tool"), (v) => v.escape?.() || v.setTool("window")],
  [["?"], N_("This sheet"), (v) => helpSheet(v)],
];

const NAMES = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", PageUp: "Page ↑", PageDown: "Page ↓", Escape: "Esc", " ": "Space" };

function zoom(viewer, factor) {
  const { clientWidth, clientHeight } = viewer.viewport.element;
  viewer.zoom(viewer.viewport, clientWidth / 2, clientHeight / 2, factor);
}

export function listenKeys(viewer) {
  viewer.root.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page has its own shortcuts on single letters
    if (event.target.closest("dialog")) return;
    if (event.target.matches("input:not([type=range]), textarea, select") || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const key = command ? `ctrl+${event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase()}` : event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.target.matches("button, [type=range]") && ["Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) return;
    const row = KEYS.find(([keys]) => keys.includes(key));
    if (!row) return;
    event.preventDefault();
    row[2](viewer, key);
  });
  viewer.root.addEventListener("focusin", (event) => {
    const viewport = event.target.closest?.(".viewport")?.viewport;
    if (viewport) viewer.activate(viewport);
  });
}

export function helpSheet(viewer) {
  const open = viewer.root.querySelector("dialog.keys");
  if (open) { open.close(); return; }
  const rows = KEYS.map(([keys, what]) => el("tr", {},
    el("td", {}, ...keys.flatMap((key) => [el("kbd", {}, NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key).replace("ctrl+Z", "Ctrl Shift Z").replace("ctrl+", "Ctrl ")), " "])), el("td", {}, t(what))));
  const half = Math.ceil(rows.length / 2);
  const mouse = [N_("Left drag: the chosen tool"), N_("Wheel: slices; with Ctrl: zoom"), N_("Right drag: zoom"), N_("Middle drag: pan"), N_("Double click: fit"), N_("Two fingers: zoom and pan")];
  const sheet = el("dialog", { class: "keys", "aria-label": t("Keys and mouse"), onclose: () => { sheet.remove(); viewer.viewport.element.focus(); } },
    el("header", {}, el("h2", {}, t("Keys and mouse")), el("button", { onclick: () => sheet.close() }, t("Close"))),
    el("div", { class: "columns" }, el("table", {}, ...rows.slice(0, half)), el("table", {}, ...rows.slice(half)), el("ul", {}, ...mouse.map((line) => el("li", {}, t(line))))));
  sheet.addEventListener("click", (event) => { if (event.target === sheet) sheet.close(); });
  viewer.root.append(sheet);
  sheet.showModal();
}
