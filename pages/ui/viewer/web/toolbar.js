// The bar over the pictures: tools, window, layout, overlays.
import { COLOUR_MAPS, lut } from "./colours.js";
import { el } from "./dom.js";
import { FUSIONS } from "./fusion.js";
import { icon } from "./icons.js";
import { helpSheet } from "./keyboard.js";
import { LAYOUTS, possible } from "./layouts.js";
import { N_, t } from "./words.js";
import { PLANES } from "./viewport.js";

const HANDS = [["window", N_("Window: drag right to widen, up to brighten (W)")], ["pan", N_("Pan (P)")], ["zoom", N_("Zoom (Z)")], ["scroll", N_("Scroll (S)")], ["crosshair", N_("Crosshair (C)")]];
const CUSTOM = N_("Custom");
const COLOUR_NAMES = { inferno: "Inferno", viridis: "Viridis", cividis: "Cividis" };
const SLAB_MODES = { none: N_("Single slice"), max: N_("Maximum (MIP)"), min: N_("Minimum (MinIP)"), mean: N_("Mean") };

export class Toolbar {
  constructor(viewer) {
    this.viewer = viewer;
    this.element = el("div", { class: "toolbar", role: "toolbar", "aria-label": t("Image tools") });
    this.tools = new Map();
  }

  button(name, title, action, { tool = false } = {}) {
    const button = el("button", { title: t(title), "aria-label": t(title), onclick: action, type: "button" }, icon(name));
    if (tool) this.tools.set(name, button);
    return button;
  }

  select(title, choices, value, action) {
    const select = el("select", { title: t(title), "aria-label": t(title), onchange: () => { action(select.value); this.viewer.viewport.element.focus(); } },
      ...choices.map(([key, text]) => el("option", { value: key, selected: key === value }, text)));
    return select;
  }

  range(title, value, [low, high, step], action) {
    const input = el("input", { type: "range", min: low, max: high, step, title: t(title), "aria-label": t(title), oninput: () => action(Number(input.value)) });
    input.value = value;
    return el("label", { class: "ranged" }, el("span", {}, t(title)), input);
  }

  /** Build the bar again for the layout and pane in view; cheap, and only after a choice, never while drawing. */
  refresh() {
    const { viewer } = this;
    const kept = this.element.contains(this.root?.activeElement ?? this.element.getRootNode().activeElement) && this.element.getRootNode().activeElement;
    const shape = JSON.stringify([viewer.layout, viewer.active, viewer.planeName, viewer.thickness.mode, viewer.fusion.mode, viewer.spec.key, viewer.panes.map((p) => [p.spec.image.content, p.overlays.map((o) => [o.spec.title, o.visible])])]);
    if (shape !== this.shape && !(kept && kept.type === "range")) {
      this.shape = shape;
      this.tools.clear();
      this.element.replaceChildren(...this.groups().filter(Boolean).map((group) => el("div", { class: "group" }, ...group.filter(Boolean))));
    }
    this.mark();
  }

  /** Show what is on. */
  mark() {
    const { viewer } = this;
    for (const [name, button] of this.tools) button.setAttribute("aria-pressed", String(viewer.tool === name));
    this.inverted?.setAttribute("aria-pressed", String(viewer.pane.invert));
    this.shown?.setAttribute("aria-pressed", String(viewer.overlaysShown));
    if (this.presets) this.presets.value = viewer.pane.preset || CUSTOM;
  }

  groups() {
    return [this.hands(), this.windowing(), this.layout(), this.fusion(), this.overlays(), this.rest()];
  }

  hands() {
    const many = this.viewer.panes.some(({ geometry }) => Math.max(...Object.values(geometry.planes).map(({ count }) => count)) > 1);
    return HANDS.filter(([name]) => many || !["scroll", "crosshair"].includes(name))
      .map(([name, title]) => this.button(name, title, () => this.viewer.setTool(name), { tool: true }));
  }

  windowing() {
    const { viewer } = this;
    const { pane } = viewer;
    const choices = [...pane.presets.map(([name]) => [name, t(name)]), [CUSTOM, t(CUSTOM)]];
    this.presets = pane.colour ? null : this.select(N_("Window"), choices, pane.preset || CUSTOM, (name) => viewer.setPreset(name));
    this.inverted = this.button("invert", N_("Invert (I)"), () => viewer.toggleInvert());
    return [this.presets, this.inverted, this.button("rotate", N_("Rotate by 90° (R)"), () => viewer.turn("rotate")),
      this.button("flip", N_("Flip left and right (H)"), () => viewer.turn("flipH")),
      this.button("fit", N_("Fit to the window (0)"), () => viewer.fit()), this.button("reset", N_("Reset the view"), () => viewer.reset())];
  }

  layout() {
    const { viewer } = this;
    const offered = possible(viewer.panes, viewer.active);
    const { volumetric } = viewer.pane.geometry;
    if (offered.length < 2 && !volumetric) return null;
    const planes = volumetric && ["one", "pair"].includes(viewer.layout);
    const slabs = Object.entries(SLAB_MODES).map(([key, name]) => [key, t(name)]);
    return [
      this.select(N_("Layout"), offered.map((name) => [name, t(LAYOUTS[name])]), viewer.layout, (name) => viewer.setLayout(name)),
      planes && this.select(N_("Plane"), Object.entries(PLANES).map(([key, name]) => [key, t(name)]), viewer.planeName ?? viewer.pane.geometry.main, (name) => viewer.setPlane(name)),
      volumetric && this.select(N_("Slab"), slabs, viewer.thickness.mode, (mode) => viewer.setThickness({ mode })),
      volumetric && viewer.thickness.mode !== "none" && this.range(N_("Thickness"), viewer.thickness.mm, [2, 100, 1], (mm) => viewer.setThickness({ mm })),
    ];
  }

  fusion() {
    const { viewer } = this;
    if (viewer.layout !== "fusion") return null;
    const modes = Object.entries(FUSIONS).map(([key, name]) => [key, t(name)]);
    return [
      this.select(N_("Compare by"), modes, viewer.fusion.mode, (mode) => viewer.setFusion({ mode })),
      ["swipe", "blend"].includes(viewer.fusion.mode) && this.range(N_("Share"), viewer.fusion.amount, [0, 1, 0.01], (amount) => viewer.setFusion({ amount })),
    ];
  }

  overlays() {
    const { viewer } = this;
    const all = viewer.panes.flatMap(({ overlays }) => overlays);
    if (!all.length) return null;
    this.shown = this.button("overlay", N_("Overlays on and off (O)"), () => viewer.toggleOverlays());
    const heat = all.find(({ spec }) => spec.kind === "heat");
    const labels = all.find(({ spec }) => spec.kind === "labels");
    const first = heat ?? labels;
    return [
      this.shown,
      heat && this.select(N_("Colours"), COLOUR_MAPS.map((name) => [name, COLOUR_NAMES[name]]), heat.colours, (colours) => { viewer.setOverlays("heat", { colours }); this.showLegend(colours); }),
      heat && (this.legend = el("canvas", { class: "legend", width: 256, height: 1, "aria-hidden": "true", title: t("Heat from 0 to 1") })),
      heat && this.showLegend(heat.colours),
      first && this.range(N_("Opacity"), first.opacity, [0, 1, 0.01], (opacity) => { viewer.setOverlays("heat", { opacity }); viewer.setOverlays("labels", { opacity }); }),
      heat && this.range(N_("Threshold"), heat.threshold, [0, 1, 0.01], (threshold) => viewer.setOverlays("heat", { threshold })),
    ];
  }

  showLegend(name) {
    const context = this.legend.getContext("2d");
    context.putImageData(new ImageData(new Uint8ClampedArray(lut(name)), 256, 1), 0, 0);
    return null;
  }

  rest() {
    const { viewer } = this;
    return [this.button("full", N_("Full screen (F)"), () => this.fullScreen()), this.button("help", N_("Keys and mouse (?)"), () => helpSheet(viewer))];
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.viewer.root.requestFullscreen?.();
  }
}
