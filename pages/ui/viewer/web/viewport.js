// One picture on the page: its canvas, the drawing over it, its slice slider, its messages.
import { el, say, svg } from "./dom.js";
import { boxes, crosshair, orientation, scaleBar } from "./furniture.js";
import { MARK_TOOLS } from "./marks.js";
import { caption, curtain, outlines } from "./fusion.js";
import { Frame } from "./view.js";
import { digits } from "./windowing.js";
import { N_, t } from "./words.js";

export class Viewport {
  constructor(viewer, cell, view) {
    Object.assign(this, { viewer, cell, view });
    this.canvas = el("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.over = svg("svg", { class: "drawing" });
    this.texts = { title: el("div", { class: "text tl" }), window: el("div", { class: "text tr" }), place: el("div", { class: "text bl" }), readout: el("div", { class: "text br" }) };
    this.slider = el("input", { type: "range", class: "slices", min: 0, step: 1, tabindex: -1, oninput: () => this.#slid(), onpointerdown: (event) => event.stopPropagation() });
    this.progress = el("div", { class: "progress" });
    this.loading = el("div", { class: "loading", role: "status" });
    this.message = el("div", { class: "message", hidden: true, role: "alert" });
    this.element = el("div", { class: "viewport", tabindex: 0, role: "img", style: cell.area ? `grid-area:${cell.area}` : "" },
      this.canvas, this.over, Object.values(this.texts), this.slider, this.progress, this.loading, this.message);
    this.element.viewport = this;
    this.observer = new ResizeObserver(() => viewer.redraw(this));
    this.observer.observe(this.element);
  }

  get pane() { return this.viewer.panes[this.cell.pane]; }
  get plane() { return this.pane.geometry.planes[this.cell.plane]; }

  close() { this.observer.disconnect(); }

  /** The frame of the next drawing; null while the viewport has no size. */
  frame() {
    const { clientWidth: width, clientHeight: height } = this.element;
    return width && height ? new Frame(this.view, this.pane.geometry, this.plane, this.viewer.crosshairOf(this.pane), width, height) : null;
  }

  draw() {
    const frame = this.frame();
    if (!frame) return;
    const { renderer } = this.viewer;
    const pixels = renderer.exactPixels ? window.devicePixelRatio || 1 : 1;
    const [width, height] = [Math.round(frame.width * pixels), Math.round(frame.height * pixels)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const layers = this.viewer.layersFor(this, frame, pixels);
    this.painted ||= this.pane.image.ready[1] > this.pane.image.ready[0];
    if (renderer.draw(layers, this.context, width, height)) this.viewer.redraw(this);
    this.#furnish(frame);
    this.#explain(frame, renderer);
  }

  #furnish(frame) {
    const { viewer, pane } = this;
    const parts = [orientation(frame), scaleBar(frame)];
    if (this.cell.fusion) parts.push(curtain(viewer, frame));
    if (viewer.showsCrosshair) parts.push(crosshair(frame, viewer.crosshairOf(pane)));
    if (!this.cell.bare && viewer.overlaysShown) {
      for (const overlay of pane.overlays) {
        if (overlay.spec.kind === "boxes" && overlay.visible) parts.push(boxes(frame, overlay, (index) => viewer.pick("box", pane, `${overlay.spec.title}:${index}`)));
      }
    }
    this.over.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    this.over.replaceChildren(...parts.flat(), ...viewer.marksOver(this, frame));
  }

  #explain(frame, renderer) {
    const { viewer, pane, plane } = this;
    const slice = pane.geometry.slice(viewer.crosshairOf(pane), plane);
    say(this.texts.title, this.cell.fusion ? caption(viewer) : [pane.spec.title, this.cell.bare || this.cell.label ? t(this.cell.label ?? N_("Original")) : "", pane.spec.series,
      pane.spec.synthetic ? t("Synthetic") : ""].filter(Boolean).join("\n"));
    const [low, high] = pane.window;
    const told = pane.geometry.relative && (viewer.viewports[0] === this || MARK_TOOLS.includes(viewer.tool));
    say(this.texts.window, [pane.colour ? "" : t("C {centre}  W {width}", { centre: digits((low + high) / 2), width: digits(high - low) }),
      told ? t("No true mm in the file: lengths in voxels") : ""].filter(Boolean).join("\n"));
    const place = [];
    if (pane.geometry.volumetric) place.push(t(PLANES[this.cell.plane] ?? N_("Acquired plane")));
    if (plane.count > 1) place.push(t("Slice {slice} of {count}", { slice: slice + 1, count: plane.count }));
    place.push(t("Zoom {zoom} %", { zoom: Math.round((this.screenZoom(frame)) * 100) }));
    const thick = viewer.thicknessOf(this);
    if (thick.mode !== "none") place.push(t((pane.geometry.inMm ? SLABS : VOXEL_SLABS)[thick.mode], { mm: thick.mm }));
    if (MARK_TOOLS.includes(viewer.tool) && !pane.geometry.patient) place.push(t(NO_SCALE[pane.geometry.kind]));
    if (this.cell.fusion && outlines(viewer)) place.push(outlines(viewer));
    if (renderer.reduced(pane.image)) place.push(t("Reduced resolution outside the slice in view"));
    say(this.texts.place, place.join("\n"));
    this.element.setAttribute("aria-label", [pane.spec.title, ...place].join(", "));
    this.#slide(slice, plane.count);
    this.#report();
  }

  /** Pan so far that a point is seen, where the picture is magnified beyond it. */
  bringIntoView(world) {
    const frame = this.frame();
    if (!frame || !this.view.mmPerPx) return;
    const [x, y] = frame.toScreen(world);
    if (x < 0 || y < 0 || x > frame.width || y > frame.height) frame.pan(frame.width / 2 - x, frame.height / 2 - y);
  }

  /** Screen pixels for one voxel, against one for one. */
  screenZoom(frame) {
    const steps = this.pane.geometry.axes.map(({ step }) => step);
    return Math.min(steps[this.plane.axisU], steps[this.plane.axisV]) / frame.mmPerPx;
  }

  #slide(slice, count) {
    this.slider.hidden = count < 2;
    this.slider.max = count - 1;
    this.slider.value = count - 1 - slice;
    this.slider.setAttribute("aria-label", t("Slice"));
    this.slider.setAttribute("aria-valuetext", `${slice + 1} / ${count}`);
  }

  #slid() {
    const slice = this.plane.count - 1 - Number(this.slider.value);
    this.viewer.scroll(this, slice - this.pane.geometry.slice(this.viewer.crosshairOf(this.pane), this.plane));
  }

  #report() {
    const { pane } = this;
    const failed = pane.images.find((image) => image.error);
    const waiting = pane.image.fraction < 1 && !failed;
    this.progress.style.width = waiting ? `${Math.round(pane.image.fraction * 100)}%` : "0";
    this.loading.hidden = !waiting || this.#here(); // a slice of the stack as it was acquired is whole before the rest
    if (!this.loading.hidden) say(this.loading, t("Loading the picture: {percent} %", { percent: Math.round(pane.image.fraction * 100) }));
    this.message.hidden = !failed;
    if (failed && this.message.dataset.for !== String(failed.error)) {
      this.message.dataset.for = String(failed.error);
      this.message.replaceChildren(
        el("p", {}, failed.error.message === "gone" ? t("The server no longer holds these pixels for this page.") : t("The pixels could not be fetched.")),
        el("p", { class: "hint" }, t("Check that MedCore is running, then try again; reload the page if that does not help.")),
        el("button", { onclick: () => this.viewer.retry() }, t("Try again")));
    }
    if (!failed) delete this.message.dataset.for;
  }

  /** Whether the slice in view has come: in other planes than the acquired one only with the whole scan. */
  #here() {
    const { pane, plane } = this;
    const [slice] = pane.geometry.toIndex(this.viewer.crosshairOf(pane));
    return plane.axis === 0 && Boolean(pane.image.have[Math.round(slice)]);
  }

  /** Write what lies under the cursor. */
  read(x, y) {
    const frame = this.frame();
    if (!frame) return;
    const { pane } = this;
    const world = frame.toWorld(x, y);
    const index = pane.geometry.toIndex(world).map(Math.round);
    const values = Array.from({ length: pane.image.channels }, (_, k) => pane.image.at(...index, k));
    if (values[0] === null) return this.forget();
    const unit = { HU: "HU", SUV: "SUV", RGB: "RGB", GREY: t("Value") }[pane.spec.unit];
    const lines = [pane.spec.unit === "GREY" ? `${unit} ${values.map(digits).join(" ")}` : `${values.map(digits).join(" ")} ${unit}`];
    for (const overlay of this.cell.bare ? [] : pane.overlays) {
      if (!overlay.image || !overlay.visible || !this.viewer.overlaysShown) continue;
      const value = (overlay.edited ?? overlay.image).at(...index);
      if (value === null) continue;
      if (overlay.spec.kind === "heat") lines.push(`${overlay.spec.title} ${(value / 255).toFixed(2)}`);
      else if (value) lines.push(overlay.spec.names[value] ?? `${value}`);
    }
    if (pane.geometry.patient && pane.geometry.inMm) lines.push(world.map((mm, k) => `${"LPS"[k]} ${mm.toFixed(1)}`).join("  ") + " mm");
    lines.push(pane.geometry.dims[0] > 1 ? t("slice {s} row {r} column {c}", { s: index[0] + 1, r: index[1] + 1, c: index[2] + 1 }) : t("row {r} column {c}", { r: index[1] + 1, c: index[2] + 1 }));
    say(this.texts.readout, lines.join("\n"));
  }

  forget() { say(this.texts.readout, ""); }
}

const NO_SCALE = {
  NONE: N_("A picture has no scale: lengths in pixels"),
  DETECTOR: N_("Lengths at the detector, magnified against the patient"),
};

export const PLANES = { axial: N_("Axial"), coronal: N_("Coronal"), sagittal: N_("Sagittal") };
export const SLABS = { max: N_("Maximum over {mm} mm"), min: N_("Minimum over {mm} mm"), mean: N_("Mean over {mm} mm") };
const VOXEL_SLABS = { max: N_("Maximum over {mm} voxels"), min: N_("Minimum over {mm} voxels"), mean: N_("Mean over {mm} voxels") };
