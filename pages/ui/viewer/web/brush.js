// Correcting a mask by hand: brush, eraser and fill on the scan's own grid, handed to Python as a whole mask.
import { svg } from "./dom.js";
import { Image } from "./images.js";
import { eachVoxelNear } from "./measure.js";
import { dot, scale, sub } from "./vec.js";
import { t } from "./words.js";

export const BRUSH_TOOLS = ["brush", "eraser", "fill"];
const SEND_AFTER_MS = 700;

export class Brush {
  constructor(viewer) {
    Object.assign(this, { viewer, radius: 5, label: 1, at: null });
  }

  hold(tool) {
    if (this.viewer.spec.tools) this.viewer.setTool(tool);
  }

  setRadius(mm) {
    this.radius = Math.min(100, Math.max(0.5, mm));
    this.viewer.toolbar.refresh();
    this.viewer.redraw();
  }

  /** Masks of a pane that the brush can take in hand; the fresh one is not among them until it is begun. */
  choices(pane) { return pane.overlays.filter(({ spec, image }) => spec.kind === "labels" && image.kind === "uint8"); }

  /** What the brush has in hand: the chosen mask, the first one, or a fresh one; its voxels are a copy of the overlay's. */
  inHand(pane) {
    const choices = this.choices(pane);
    const overlay = (pane.target === null ? choices[0] : choices.find((o) => (o.fresh ? "" : o.id) === pane.target)) ?? this.#begun(pane);
    if (!overlay.edited && overlay.image.loaded) {
      overlay.edited = blank(pane, `edited:${overlay.spec.image.content}`);
      overlay.edited.data.set(overlay.image.data);
    }
    return overlay.edited ? overlay : null;
  }

  /** Choose the mask to correct by its overlay's id; "" begins a new one. */
  choose(pane, id) {
    this.flush();
    pane.target = id;
    this.viewer.toolbar.refresh();
  }

  #begun(pane) {
    const image = blank(pane, `drawn:${pane.spec.image.content}`);
    const spec = { kind: "labels", title: t("New mask"), names: { 1: t("Label {value}", { value: 1 }) }, source: "" };
    const overlay = { spec, id: `${pane.number}:new`, image, edited: image, fresh: true, visible: true, opacity: 0.5, hidden: new Set(), threshold: 0, fill: true };
    pane.overlays.push(overlay);
    this.viewer.toolbar.refresh();
    return overlay;
  }

  /** Outline of the brush under the pointer. */
  elements(viewport, frame) {
    if (!this.at || this.at.viewport !== viewport || !["brush", "eraser"].includes(this.viewer.tool)) return [];
    return [svg("circle", { class: "brush", cx: this.at.x, cy: this.at.y, r: this.radius / frame.mmPerPx })];
  }

  hover(viewport, x, y) {
    if (!BRUSH_TOOLS.includes(this.viewer.tool)) { this.at = null; return; }
    const before = this.at?.viewport;
    this.at = { viewport, x, y };
    this.viewer.redraw(viewport);
    if (before && before !== viewport) this.viewer.redraw(before);
  }

  begin(viewport, tool, x, y) {
    if (!BRUSH_TOOLS.includes(tool) || viewport.cell.fusion || viewport.cell.thick) return null;
    const { pane } = viewport;
    if (!pane.image.loaded) return {};
    const overlay = this.inHand(pane);
    if (!overlay) return {}; // its labels are still on their way
    const image = overlay.edited;
    const frame = viewport.frame();
    const changed = new Map(); // voxel number -> its value before this stroke
    const value = tool === "eraser" ? 0 : this.label;
    if (tool === "fill") {
      this.#fill(image, viewport, frame.toWorld(x, y), value, changed);
      return { end: () => this.#finish(pane, overlay, changed) };
    }
    let from = frame.toWorld(x, y);
    this.#stroke(image, viewport, from, from, value, changed);
    return {
      move: (atX, atY) => {
        const to = frame.toWorld(atX, atY);
        this.at = { viewport, x: atX, y: atY };
        this.#stroke(image, viewport, from, to, value, changed);
        from = to;
      },
      end: () => this.#finish(pane, overlay, changed),
      cancel: () => this.#finish(pane, overlay, changed),
    };
  }

  /** Set the voxels of the slice in view whose centres lie within the radius of the stretch from a to b. */
  #stroke(image, { pane, plane }, a, b, value, changed) {
    const slices = new Set();
    const flat = (vector) => sub(vector, scale(plane.normal, dot(vector, plane.normal)));
    const along = flat(sub(b, a));
    const square = dot(along, along);
    const limit = this.radius * this.radius;
    eachVoxelNear(pane.geometry, plane, [a, b], this.radius, (index, world) => {
      const from = flat(sub(world, a));
      const share = square ? Math.min(1, Math.max(0, dot(from, along) / square)) : 0;
      const off = sub(from, scale(along, share));
      if (dot(off, off) <= limit) put(image, index, value, changed, slices);
    });
    this.#show(image, slices);
  }

  /** Give the connected area of one label in the slice the label in hand; not when it reaches the edge of the image. */
  #fill(image, { pane, plane }, world, value, changed) {
    const start = pane.geometry.toIndex(world).map(Math.round);
    const old = image.at(...start);
    if (old === null || old === value) return;
    const [i, j] = [0, 1, 2].filter((k) => k !== plane.axis);
    const found = [start], seen = new Set([start.join()]);
    for (let k = 0; k < found.length; k++) {
      for (const [axis, by] of [[i, 1], [i, -1], [j, 1], [j, -1]]) {
        const next = [...found[k]];
        next[axis] += by;
        const here = image.at(...next);
        if (here === null) return; // open to the edge: not a hole
        const key = next.join();
        if (here === old && !seen.has(key)) { seen.add(key); found.push(next); }
      }
    }
    const slices = new Set();
    for (const index of found) put(image, index, value, changed, slices);
    this.#show(image, slices);
  }

  #show(image, slices) {
    if (!slices.size) { this.viewer.redraw(); return; }
    image.version += 1;
    for (const slice of slices) this.viewer.renderer.refresh(image, slice);
    this.viewer.redraw();
  }

  #finish(pane, overlay, changed) {
    if (!changed.size) return;
    const image = overlay.edited;
    const after = new Map([...changed.keys()].map((at) => [at, image.data[at]]));
    const restore = (values) => () => {
      const slices = new Set();
      for (const [at, value] of values) { image.data[at] = value; slices.add(Math.floor(at / image.sliceLength)); }
      this.#show(image, slices);
      this.#send(pane, overlay);
    };
    this.viewer.history.push(restore(changed), restore(after));
    this.viewer.toolbar.mark();
    this.#send(pane, overlay);
  }

  /** Hand the mask to Python once the hand rests. */
  #send(pane, overlay) {
    if (this.waitsFor !== overlay) this.flush();
    clearTimeout(this.timer);
    this.waitsFor = overlay;
    this.waiting = () => { this.waiting = null; sendMask(this.viewer, pane, overlay); };
    this.timer = setTimeout(() => this.waiting?.(), SEND_AFTER_MS);
  }

  flush() { clearTimeout(this.timer); this.waiting?.(); }
}

function put(image, [s, r, c], value, changed, slices) {
  const at = (s * image.dims[1] + r) * image.dims[2] + c;
  if (image.data[at] === value) return;
  if (!changed.has(at)) changed.set(at, image.data[at]);
  image.data[at] = value;
  slices.add(s);
}

function blank(pane, content) {
  const image = new Image({ content, dims: pane.image.dims, kind: "uint8" });
  image.have.fill(1);
  image.ready = [0, image.dims[0]];
  return image;
}

async function sendMask(viewer, pane, overlay) {
  const { root, proof, key } = viewer.spec;
  const { token } = pane.spec.image;
  const note = JSON.stringify([key, pane.number, pane.sitting, overlay.spec.source ?? ""]);
  const packed = new Blob([overlay.edited.data]).stream().pipeThrough(new CompressionStream("deflate"));
  try {
    const answer = await fetch(new URL(`${root}/pixels/${token}`, location.origin), {
      method: "PUT", headers: { "X-Pixels-Proof": proof, "X-Mask-Note": encodeURIComponent(note), "Content-Encoding": "deflate" }, body: await new Response(packed).blob(),
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    viewer.component.setStateValue("drawn", Date.now()); // Python looks what there is
    viewer.say("");
  } catch {
    viewer.say("unsaved");
  }
}
