// The viewer: its panes, its layout, and what a user's action does to them.
import { el } from "./dom.js";
import { BRUSH_TOOLS, Brush } from "./brush.js";
import { Cine } from "./cine.js";
import { fusionLayers, startFlicker } from "./fusion.js";
import { History } from "./history.js";
import { listenKeys } from "./keyboard.js";
import { arrange, automatic, possible } from "./layouts.js";
import { Links } from "./links.js";
import { MARK_TOOLS, Marks } from "./marks.js";
import { Pane } from "./pane.js";
import { listenPointer } from "./pointer.js";
import { sharedRenderer } from "./renderer.js";
import { Toolbar } from "./toolbar.js";
import { apply } from "./vec.js";
import { View } from "./view.js";
import { Viewport } from "./viewport.js";
import { dragged } from "./windowing.js";
import { N_, t } from "./words.js";

const NOTICES = { unsaved: N_("The corrected mask could not be handed over; it is still here. Draw again to retry.") };
const remembered = new Map(); // key -> what a closed viewer leaves for the next one of that name

export class Viewer {
  constructor(place, component) {
    this.component = component;
    this.renderer = sharedRenderer();
    this.drawTimes = [];
    this.root = el("div", { class: "viewer waiting" });
    this.root.viewer = this;
    place.append(this.root);
    this.redrawAll = () => this.redraw();
    this.renderer.restored.add(this.redrawAll);
    this.dirty = new Set();
    Object.assign(this, { panes: [], viewports: [], views: new Map(), active: 0, planeName: null, tool: "window", previousTool: "window",
      overlaysShown: true, smooth: true, smoothOverlays: true, thickness: { mode: "none", mm: 10 }, showsCrosshair: false,
      fusion: { mode: "swipe", amount: 0.5 }, links: new Links(this), history: new History() });
    Object.assign(this, { marks: new Marks(this), brush: new Brush(this), cine: new Cine(this) });
  }

  /** Show a specification: the first one, or that of a rerun with other data. */
  show(spec, component) {
    this.component = component;
    if (this.toolbar) this.take(spec, this);
    else this.#open(spec);
  }

  #open(spec) {
    const before = remembered.get(spec.key);
    if (before) Object.assign(this, { overlaysShown: before.overlaysShown, smooth: before.smooth, smoothOverlays: before.smoothOverlays, thickness: before.thickness, tool: before.tool });
    this.root.append(el("link", { rel: "stylesheet", href: `${spec.root}/viewer/${spec.version}/viewer.css`, onload: () => { this.root.classList.remove("waiting"); this.redraw(); } }));
    this.toolbar = new Toolbar(this);
    this.stage = el("div", { class: "stage" });
    this.notice = el("div", { class: "notice", role: "status", hidden: true });
    this.root.append(this.toolbar.element, this.stage, this.notice);
    listenPointer(this);
    listenKeys(this);
    this.take(spec, before);
  }

  take(spec, before) {
    const focusMoved = JSON.stringify(spec.focus) !== JSON.stringify(before?.spec?.focus ?? null);
    const sameLayout = before?.spec?.layout === spec.layout;
    this.unlisten();
    const old = before?.panes ?? [];
    const first = spec.panes[0];
    this.spec = spec;
    this.panes = spec.panes.map((pane, k) => new Pane(pane, k, first, old.find((p) => p.spec.image.content === pane.image.content), spec.sitting));
    const samePixels = old.length === this.panes.length && old.every((pane, k) => pane.spec.image.content === this.panes[k].spec.image.content);
    this.#keep(samePixels, before);
    const offered = possible(this.panes, this.active);
    const wished = samePixels && sameLayout ? before.layout : spec.layout;
    this.layout = offered.includes(wished) ? wished : automatic(this.panes);
    this.stage.style.height = `${spec.height}px`;
    this.links.reset();
    this.listen();
    this.build();
    if (spec.focus && focusMoved) this.#goTo(spec.focus);
  }

  /** Keep views and marks while the scans stay the same; begin anew with others. */
  #keep(samePixels, before) {
    if (!samePixels) Object.assign(this, { views: new Map(), active: 0, planeName: null });
    else if (before !== this) Object.assign(this, { views: before.views });
    const sameMarks = samePixels && before.spec.marksBase === this.spec.marksBase && before.spec.sitting === this.spec.sitting;
    if (sameMarks && before !== this) {
      this.history = before.history;
      this.marks.list = before.marks.list;
      if (this.marks.list.length !== this.spec.marks.length || this.history.done.length) this.marks.hand(); // the page may have gone before it was told
    } else if (!sameMarks) { // others than this viewer left: what is stored counts, and nothing may bring the old ones back
      this.history.clear();
      this.marks.take(this.spec.marks);
    }
  }

  listen() {
    this.onImage = () => this.redraw();
    for (const pane of this.panes) for (const image of pane.images) image.listeners.add(this.onImage);
    this.retry();
  }

  unlisten() {
    for (const pane of this.panes) for (const image of pane.images) image.listeners.delete(this.onImage);
  }

  /** Fetch what is missing, also after a failure. */
  retry() {
    for (const pane of this.panes) {
      this.fetch(pane.image, pane.spec.image);
      for (const overlay of pane.overlays) if (overlay.spec.image) this.fetch(overlay.image, overlay.spec.image);
    }
  }

  fetch(image, { token }) {
    image.load({ address: new URL(`${this.spec.root}/pixels/${token}`, location.origin), proof: this.spec.proof });
  }

  close() {
    this.unlisten();
    this.cine.stop();
    this.brush.flush();
    this.stopFlicker?.();
    for (const viewport of this.viewports) viewport.close();
    this.renderer.restored.delete(this.redrawAll);
    if (this.spec) remembered.set(this.spec.key, this);
    if (remembered.size > 8) remembered.delete(remembered.keys().next().value);
    this.root.remove();
  }

  // ---- layout

  build() {
    const focused = this.viewports.findIndex(({ element }) => element.matches(":focus-within"));
    const { columns, rows, cells } = arrange(this.layout, this.panes, this.active, this.planeName);
    const shape = JSON.stringify(cells);
    if (shape === this.shape && cells.every((cell, k) => this.viewports[k].view === this.viewOf(cell))) {
      this.toolbar.refresh();
      this.redraw();
      return;
    }
    this.shape = shape;
    for (const viewport of this.viewports) viewport.close();
    this.viewports = cells.map((cell) => new Viewport(this, cell, this.viewOf(cell)));
    Object.assign(this.stage.style, { gridTemplateColumns: columns, gridTemplateRows: rows });
    this.stage.replaceChildren(...this.viewports.map(({ element }) => element));
    this.showsCrosshair = ["large", "quad"].includes(this.layout);
    if (focused >= 0) this.viewports[Math.min(focused, this.viewports.length - 1)].element.focus();
    this.toolbar.refresh();
    this.redraw();
  }

  viewOf({ pane, plane, side, thick }) {
    const key = [this.layout === "pair" ? "one" : this.layout, pane, plane, side ? "side" : "", thick ? "thick" : ""].join(":");
    if (!this.views.has(key)) this.views.set(key, new View());
    return this.views.get(key);
  }

  setLayout(name) {
    this.layout = name;
    this.build();
  }

  setPlane(name) {
    this.planeName = name;
    if (!["one", "pair"].includes(this.layout)) this.layout = "one";
    this.build();
  }

  activate(viewport) {
    if (this.active === viewport.cell.pane && this.current === viewport) return;
    this.active = viewport.cell.pane;
    this.current = viewport;
    for (const other of this.viewports) other.element.classList.toggle("active", other === viewport && this.viewports.length > 1);
    this.toolbar.refresh();
  }

  get pane() { return this.panes[this.active] ?? this.panes[0]; }
  get viewport() { return this.viewports.includes(this.current) ? this.current : this.viewports[0]; }

  // ---- drawing

  redraw(viewport) {
    for (const each of viewport ? [viewport] : this.viewports) this.dirty.add(each);
    this.scheduled ??= requestAnimationFrame(() => {
      this.scheduled = null;
      const started = performance.now();
      const due = [...this.dirty];
      this.dirty.clear();
      for (const each of due) if (this.viewports.includes(each)) each.draw();
      this.drawTimes.push(performance.now() - started);
      if (this.drawTimes.length > 500) this.drawTimes.shift();
      this.note();
    });
  }

  /** Write onto the element what tests and benchmarks ask for. */
  note() {
    const { dataset } = this.root;
    const images = this.panes.flatMap((pane) => pane.images);
    dataset.renderer = this.renderer.name;
    dataset.loaded = String(images.every((image) => image.loaded));
    if (dataset.firstBytes || !this.viewports.every(({ painted }) => painted)) return;
    dataset.firstBytes = images.reduce((sum, image) => sum + image.have.reduce((a, b) => a + b, 0) * image.sliceBytes, 0);
  }

  layersFor(viewport, frame, pixels) {
    const options = { pixels, smooth: this.smooth, smoothOverlays: this.smoothOverlays, smoothLabels: this.smoothOverlays && !BRUSH_TOOLS.includes(this.tool), bare: viewport.cell.bare, overlaysShown: this.overlaysShown, thickness: this.thicknessOf(viewport) };
    if (viewport.cell.fusion) return fusionLayers(this, frame, options);
    return viewport.pane.layers(frame, options);
  }

  thicknessOf({ cell }) {
    if (cell.thick && this.thickness.mode === "none") return { mode: "max", mm: 20 };
    return cell.thick || this.viewports.length === 1 || this.layout !== "quad" ? this.thickness : { mode: "none", mm: 0 };
  }

  marksOver(viewport, frame) { return [...this.marks.elements(viewport, frame), ...this.brush.elements(viewport, frame)]; }

  beginMark(viewport, tool, x, y, event) {
    if (event.button !== 0) return null;
    return this.brush.begin(viewport, tool, x, y) ?? this.marks.begin(viewport, tool, x, y);
  }

  hover(viewport, x, y) {
    this.marks.hover(viewport, x, y);
    this.brush.hover(viewport, x, y);
  }

  doubleClick(viewport, event) {
    const box = viewport.element.getBoundingClientRect();
    const found = this.marks.hit(viewport, event.clientX - box.left, event.clientY - box.top);
    return found ? this.marks.write(viewport, found.mark.id) : false;
  }

  /** Tell what the user must know although nothing stops: kind is a key of NOTICES, or "" for none. */
  say(kind) {
    this.notice.hidden = !kind;
    this.notice.textContent = kind ? t(NOTICES[kind]) : "";
  }

  undo() { this.history.undo(); }
  redo() { this.history.redo(); }

  escape() {
    if (this.marks.pending || this.marks.selected) { Object.assign(this.marks, { pending: null, selected: null }); this.redraw(); return true; }
    if (this.cine.running) { this.cine.stop(); return true; }
    return false;
  }

  // ---- what the user does

  crosshairOf(pane) { return pane.crosshair; }

  /** Move a pane's crosshair, and those linked to it. */
  moveCrosshair(pane, world) {
    pane.crosshair = world;
    this.links.follow(pane);
    this.redraw();
  }

  scroll(viewport, by) {
    const { pane, plane } = viewport;
    this.moveCrosshair(pane, pane.geometry.scrolled(pane.crosshair, plane, by));
  }

  /** Look where Python says; a mark there is chosen. */
  #goTo({ at, mark }) {
    if (this.marks.list.some(({ id }) => id === mark)) this.marks.selected = mark;
    this.jump(at);
    for (const viewport of this.viewports) viewport.bringIntoView(at);
  }

  /** Look at a point given in the first pane's LPS mm. */
  jump(world) {
    for (const pane of this.panes) if (pane.related) pane.crosshair = apply(pane.fromReference, world);
    this.redraw();
  }

  dragWindow(pane, dx, dy) {
    this.setWindow(pane, dragged(pane.window, dx, dy, pane.spread), "");
  }

  setWindow(pane, window, preset) {
    for (const each of this.links.windowed(pane)) Object.assign(each, { window, preset });
    this.toolbar.refresh();
    this.redraw();
  }

  setPreset(name) {
    const preset = this.pane.presets.find(([known]) => known === name);
    if (preset) this.setWindow(this.pane, preset.slice(1), name);
  }

  toggleInvert() {
    const { pane } = this;
    const invert = !pane.invert;
    for (const each of this.links.windowed(pane)) each.invert = invert;
    this.toolbar.refresh();
    this.redraw();
  }

  pan(viewport, dx, dy) {
    const frame = viewport.frame();
    frame?.pan(dx, dy);
    this.links.viewed(viewport, frame);
  }

  zoom(viewport, x, y, factor) {
    const frame = viewport.frame();
    frame?.zoomAt(x, y, factor);
    this.links.viewed(viewport, frame);
  }

  fit() {
    for (const view of this.views.values()) view.fit();
    this.redraw();
  }

  reset() {
    for (const view of this.views.values()) view.reset();
    this.thickness = { mode: "none", mm: 10 };
    for (const pane of this.panes) pane.resetGreys();
    this.toolbar.refresh();
    this.redraw();
  }

  turn(change) {
    const { view } = this.viewport;
    if (change === "rotate") view.rotation = (view.rotation + 90) % 360;
    else view[change] = !view[change];
    this.redraw();
  }

  setTool(name) {
    this.tool = name;
    this.root.dataset.tool = name;
    this.root.classList.toggle("draws", MARK_TOOLS.includes(name) || BRUSH_TOOLS.includes(name)); // boxes let the pointer through
    this.toolbar.refresh();
    this.redraw();
  }

  toggleOverlays() {
    this.overlaysShown = !this.overlaysShown;
    this.toolbar.refresh();
    this.redraw();
  }

  /** Heat and labels interpolated between voxels, or voxel by voxel. */
  toggleSmoothOverlays() {
    this.smoothOverlays = !this.smoothOverlays;
    this.redraw();
  }

  /** Change one property of all heat maps ("heat") or label maps ("labels"). */
  setOverlays(kind, change) {
    for (const pane of this.panes) for (const overlay of pane.overlays) if (overlay.spec.kind === kind) Object.assign(overlay, change);
    this.redraw();
  }

  setFusion(change) {
    Object.assign(this.fusion, change);
    this.stopFlicker?.();
    this.stopFlicker = this.fusion.mode === "flicker" && this.layout === "fusion" ? startFlicker(this) : null;
    this.toolbar.refresh();
    this.redraw();
  }

  setThickness(change) {
    this.thickness = { ...this.thickness, ...change };
    this.toolbar.refresh();
    this.redraw();
  }

  /** Tell Python what was clicked: a box, the label under a point, or a mark. */
  pick(kind, pane, id, more = {}) {
    this.component.setStateValue("picked", { kind, pane: pane.number, id, at: null, value: 0, ...more });
  }

  /** Pick what is labelled under a click that moved nothing. */
  clicked(viewport, x, y) {
    if (viewport.cell.bare || viewport.cell.fusion || viewport.cell.thick || !this.overlaysShown) return;
    const { pane } = viewport;
    const world = viewport.frame().toWorld(x, y);
    const index = pane.geometry.toIndex(world).map(Math.round);
    const shown = pane.overlays.filter(({ spec, visible }) => spec.kind === "labels" && visible);
    for (const { spec, image, edited, hidden } of shown.reverse()) {
      const value = (edited ?? image).at(...index);
      if (value && !hidden.has(value)) { this.pick("label", pane, spec.source, { at: pane.geometry.toWorld(index), value }); return; }
    }
  }
}
