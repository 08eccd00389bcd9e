// The bar over the pictures: tools, window, layout, overlays.
import { COLOUR_MAPS, labelColour, lut } from "./colours.js";
import { BRUSH_TOOLS } from "./brush.js";
import { el } from "./dom.js";
import { FUSIONS } from "./fusion.js";
import { icon } from "./icons.js";
import { helpSheet } from "./keyboard.js";
import { LAYOUTS, possible } from "./layouts.js";
import { MARK_TOOLS } from "./marks.js";
import { check, item, menu } from "./menus.js";
import { savePicture } from "./picture.js";
import { PLANES } from "./viewport.js";
import { N_, t } from "./words.js";

const HANDS = [
  ["window", N_("Window: drag right to widen, up to brighten (W)")], ["pan", N_("Pan (P)")], ["zoom", N_("Zoom (Z)")],
  ["scroll", N_("Scroll (S)")], ["crosshair", N_("Crosshair (C)")],
];
const MARKS = {
  length: [N_("Length"), "L"], bidirectional: [N_("Long and short axis"), "B"], angle: [N_("Angle"), "A"], ellipse: [N_("Ellipse"), "E"],
  rectangle: [N_("Rectangle"), "Q"], freehand: [N_("Freehand region"), "D"], point: [N_("Point"), "X"], arrow: [N_("Arrow with text"), "T"],
};
const BRUSHES = { brush: [N_("Brush"), "M"], eraser: [N_("Eraser"), "U"], fill: [N_("Fill"), "K"] };
const CUSTOM = N_("Custom");
const COLOUR_NAMES = { inferno: "Inferno", viridis: "Viridis", cividis: "Cividis", warm: "Orange", cool: "Blue" };
const SLAB_MODES = { none: N_("Single slice"), max: N_("Maximum (MIP)"), min: N_("Minimum (MinIP)"), mean: N_("Mean") };

export class Toolbar {
  constructor(viewer) {
    this.viewer = viewer;
    this.element = el("div", { class: "toolbar", role: "toolbar", "aria-label": t("Image tools") });
    this.tools = new Map();
  }

  // ---- makers

  button(name, title, action) {
    return el("button", { title: t(title), "aria-label": t(title), onclick: action, type: "button" }, icon(name));
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

  // ---- the bar

  /** Build the bar again where the choice it offers has changed; never while drawing. */
  refresh() {
    const { viewer } = this;
    const group = MARK_TOOLS.includes(viewer.tool) || BRUSH_TOOLS.includes(viewer.tool) ? viewer.tool : "";
    const shape = JSON.stringify([viewer.layout, viewer.active, viewer.planeName, viewer.thickness.mode, viewer.fusion.mode, group, viewer.spec.tools,
      viewer.panes.map((pane) => [pane.spec.image.content, pane.target, pane.overlays.map(({ spec, id }) => [spec.title, id])])]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.tools.clear();
      const groups = [this.hands(), this.marking(), this.windowing(), this.layout(), this.fusion(), this.overlays(), this.rest()];
      this.element.replaceChildren(...groups.filter(Boolean).map((parts) => el("div", { class: "group" }, ...parts.filter(Boolean))));
    }
    this.mark();
  }

  /** Show what is on. */
  mark() {
    const { viewer } = this;
    const press = (button, on) => button?.setAttribute("aria-pressed", String(on));
    for (const [name, button] of this.tools) press(button, viewer.tool === name);
    press(this.inverted, viewer.pane.invert);
    press(this.shown, viewer.overlaysShown);
    press(this.playing, Boolean(viewer.cine.running));
    if (this.presets) this.presets.value = viewer.pane.preset || CUSTOM;
    if (this.undoing) [this.undoing.disabled, this.redoing.disabled] = [!viewer.history.done.length, !viewer.history.undone.length];
  }

  get slices() { return this.viewer.panes.some(({ geometry }) => geometry.volumetric || geometry.planes[geometry.main].count > 1); }

  hands() {
    return HANDS.filter(([name]) => this.slices || !["scroll", "crosshair"].includes(name)).map(([name, title]) => {
      const button = this.button(name, title, () => this.viewer.setTool(name));
      this.tools.set(name, button);
      return button;
    });
  }

  marking() {
    const { viewer } = this;
    if (!viewer.spec.tools) return null;
    const measuring = MARK_TOOLS.includes(viewer.tool), brushing = BRUSH_TOOLS.includes(viewer.tool);
    const list = (table, ...more) => (close) => [...Object.entries(table).map(([name, [text, key]]) =>
      item(name, text, () => { close(); viewer.setTool(name); viewer.viewport.element.focus(); }, { pressed: viewer.tool === name, key })),
    ...more.map((make) => make())];
    this.undoing = this.button("undo", N_("Undo"), () => viewer.undo());
    this.redoing = this.button("redo", N_("Redo"), () => viewer.redo());
    return [
      menu(measuring ? viewer.tool : "length", N_("Measure and mark"), list(MARKS), { pressed: measuring }),
      viewer.pane.colour ? null : menu(brushing ? viewer.tool : "brush", N_("Correct a mask"), list(BRUSHES, () => this.target(), () => this.radius(), () => this.labels()), { pressed: brushing }),
      this.undoing, this.redoing,
      this.button("remove", N_("Delete the chosen mark"), () => viewer.marks.remove()),
    ];
  }

  radius() {
    const { brush, pane } = this.viewer;
    const name = !pane.geometry.inMm ? N_("Radius, px") : N_("Radius, mm");
    return this.range(name, brush.radius, [0.5, 50, 0.5], (radius) => brush.setRadius(radius));
  }

  /** Which mask the brush corrects. */
  target() {
    const { brush, pane } = this.viewer;
    const choices = brush.choices(pane);
    const known = choices.map((o) => [o.fresh ? "" : o.id, o.spec.title]);
    if (!choices.some(({ fresh }) => fresh)) known.push(["", t("New mask")]);
    return this.select(N_("Mask to correct"), known, pane.target ?? known[0][0], (id) => brush.choose(pane, id));
  }

  /** Which label the brush draws: one of the mask's, or the next number. */
  labels() {
    const { brush, pane } = this.viewer;
    const choices = brush.choices(pane);
    const overlay = choices.find((o) => (o.fresh ? "" : o.id) === pane.target) ?? (pane.target === null ? choices[0] : null);
    const names = { 1: t("Label {value}", { value: 1 }), ...(overlay?.spec.names ?? {}) };
    const next = Math.max(...Object.keys(names).map(Number)) + 1;
    if (next < 256) names[next] = t("Label {value}", { value: next });
    return this.select(N_("Label"), Object.entries(names), String(brush.label), (value) => { brush.label = Number(value); });
  }

  windowing() {
    const { viewer } = this;
    const { pane } = viewer;
    const choices = [...pane.presets.map(([name]) => [name, t(name)]), [CUSTOM, t(CUSTOM)]];
    this.presets = pane.colour ? null : this.select(N_("Window"), choices, pane.preset || CUSTOM, (name) => viewer.setPreset(name));
    this.inverted = this.button("invert", N_("Invert (I)"), () => viewer.toggleInvert());
    return [this.presets, this.inverted, this.button("fit", N_("Fit to the window (0)"), () => viewer.fit())];
  }

  layout() {
    const { viewer } = this;
    const offered = possible(viewer.panes, viewer.active);
    const { volumetric } = viewer.pane.geometry;
    if (offered.length < 2 && !volumetric) return null;
    const planes = volumetric && ["one", "pair"].includes(viewer.layout);
    const names = Object.entries(PLANES).map(([key, name]) => [key, t(name)]);
    return [
      this.select(N_("Layout"), offered.map((name) => [name, t(LAYOUTS[name])]), viewer.layout, (name) => viewer.setLayout(name)),
      planes && this.select(N_("Plane"), names, viewer.planeName ?? viewer.pane.geometry.main, (name) => viewer.setPlane(name)),
      volumetric && menu("slab", N_("Thick slab"), (close) => [
        ...Object.entries(SLAB_MODES).map(([mode, name]) => item(null, name, () => { close(); viewer.setThickness({ mode }); }, { pressed: viewer.thickness.mode === mode })),
        this.range(viewer.pane.geometry.inMm ? N_("Thickness, mm") : N_("Thickness, px"), viewer.thickness.mm, [2, 100, 1], (mm) => viewer.setThickness({ mm, mode: viewer.thickness.mode === "none" ? "max" : viewer.thickness.mode })),
      ], { pressed: viewer.thickness.mode !== "none" }),
      viewer.panes.length > 1 && menu("link", N_("What moves together"), () => [
        check(t("Slices, by position"), viewer.links.scroll, () => viewer.links.toggle("scroll")),
        check(t("Zoom and pan"), viewer.links.zoom, () => viewer.links.toggle("zoom")),
        check(t("Window"), viewer.links.window, () => viewer.links.toggle("window")),
      ]),
    ];
  }

  fusion() {
    const { viewer } = this;
    if (viewer.layout !== "fusion") return null;
    const modes = Object.entries(FUSIONS).map(([key, name]) => [key, t(name)]);
    const { mode, amount } = viewer.fusion;
    return [
      this.select(N_("Compare by"), modes, mode, (chosen) => viewer.setFusion({ mode: chosen })),
      mode === "blend" && this.range(N_("Share"), amount, [0, 1, 0.01], (share) => viewer.setFusion({ amount: share })),
    ];
  }

  overlays() {
    const { viewer } = this;
    const all = viewer.panes.flatMap(({ overlays }) => overlays);
    if (!all.length) return null;
    this.shown = this.button("overlay", N_("Overlays on and off (O)"), () => viewer.toggleOverlays());
    const heat = all.find(({ spec }) => spec.kind === "heat");
    const first = heat ?? all.find(({ spec }) => spec.kind === "labels");
    const both = (change) => { viewer.setOverlays("heat", change); viewer.setOverlays("labels", change); };
    const maps = COLOUR_MAPS.map((name) => [name, COLOUR_NAMES[name]]);
    const heats = all.filter(({ spec }) => spec.kind === "heat"), several = new Set(heats.map(({ colours }) => colours)).size > 1;
    const legends = (several ? heats : heats.slice(0, 1)).map((one) => this.legendOf(several ? one.spec.title : t("Heat from 0 to 1"), one.colours));
    [this.legend] = legends;
    return [
      this.shown,
      menu("more", N_("Choose overlays"), () => this.overlayList(), {}),
      heat && !several && this.select(N_("Colours"), maps, heat.colours, (colours) => { viewer.setOverlays("heat", { colours }); this.showLegend(colours); }),
      ...legends,
      first && this.range(N_("Opacity"), first.opacity, [0, 1, 0.01], (opacity) => both({ opacity })),
      heat && this.range(N_("Threshold"), heat.threshold, [0, 1, 0.01], (threshold) => viewer.setOverlays("heat", { threshold })),
    ];
  }

  overlayList() {
    const { viewer } = this;
    const smooth = check(`${t("Smooth overlays")} (J)`, viewer.smoothOverlays, () => viewer.toggleSmoothOverlays());
    return [...viewer.panes.flatMap((pane) => pane.overlays.flatMap((overlay) => {
      const { spec } = overlay;
      const title = viewer.panes.length > 1 ? `${pane.spec.title}: ${spec.title}` : spec.title;
      const lines = [check(title, overlay.visible, (on) => { overlay.visible = on; viewer.redraw(); })];
      if (spec.kind !== "labels") return lines;
      for (const [value, name] of Object.entries(spec.names)) {
        const toggle = (on) => { overlay.hidden = new Set(overlay.hidden); overlay.hidden[on ? "delete" : "add"](Number(value)); viewer.redraw(); };
        lines.push(check(name, !overlay.hidden.has(Number(value)), toggle, labelColour(Number(value))));
      }
      lines.push(check(t("Filled"), overlay.fill, (on) => { overlay.fill = on; viewer.redraw(); }));
      return lines;
    })), smooth];
  }

  legendOf(title, colours) {
    const legend = el("canvas", { class: "legend", width: 256, height: 1, role: "img", title, "aria-label": title });
    this.showLegend(colours, legend);
    return legend;
  }

  showLegend(name, legend = this.legend) {
    legend.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(lut(name)), 256, 1), 0, 0);
  }

  rest() {
    const { viewer } = this;
    this.playing = this.slices ? this.button("cine", N_("Play and stop (Space)"), () => viewer.cine.toggle()) : null;
    const then = (close, action) => () => { close(); action(); };
    return [
      this.playing,
      menu("rotate", N_("Turn, save, reset"), (close) => [
        item("rotate", N_("Rotate by 90°"), then(close, () => viewer.turn("rotate")), { key: "R" }),
        item("flip", N_("Flip left and right"), then(close, () => viewer.turn("flipH")), { key: "H" }),
        item("flipV", N_("Flip up and down"), then(close, () => viewer.turn("flipV")), { key: "V" }),
        check(t("Smooth pixels"), viewer.smooth, (on) => { viewer.smooth = on; viewer.redraw(); }),
        item("camera", N_("Save the picture"), then(close, () => savePicture(viewer)), { key: "G" }),
        item("reset", N_("Reset the view"), then(close, () => viewer.reset())),
        this.slices ? this.range(N_("Slices a second"), viewer.cine.perSecond, [1, 40, 1], (speed) => viewer.cine.setSpeed(speed)) : null,
      ]),
      this.button("full", N_("Full screen (F)"), () => this.fullScreen()),
      this.button("help", N_("Keys and mouse (?)"), () => helpSheet(viewer)),
    ];
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.viewer.root.requestFullscreen?.();
  }
}
