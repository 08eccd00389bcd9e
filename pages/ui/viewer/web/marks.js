// The marks of one viewer: drawing, choosing, changing and deleting them, and handing them to Python once.
import { el } from "./dom.js";
import { drawMark, visible } from "./markview.js";
import { measure, unitOf } from "./measure.js";
import { corners, dragged, moved, perpendicularEnd, stretches, toStretch } from "./shapes.js";
import { sub } from "./vec.js";
import { t } from "./words.js";

export const MARK_TOOLS = ["length", "bidirectional", "angle", "ellipse", "rectangle", "freehand", "point", "arrow"];
const HANDLE_PIXELS = 10, LINE_PIXELS = 6, LEAST_PIXELS = 4, FREEHAND_PIXELS = 4;

export class Marks {
  constructor(viewer) {
    this.viewer = viewer;
    this.list = [];
    this.selected = null;
    this.pending = null; // a mark that waits for its second stroke
  }

  /** Marks saved earlier; their values are measured anew once the voxels are here. */
  take(saved) { this.list = saved.map((mark) => ({ ...mark })); }

  // ---- changes: each a new list, so that undo only swaps lists

  commit(list, selected = null) {
    const before = this.list;
    this.viewer.history.push(() => this.#show(before), () => this.#show(list));
    this.selected = selected;
    this.#show(list);
  }

  #show(list) {
    this.list = list;
    if (!list.some(({ id }) => id === this.selected)) this.selected = null;
    this.pending = null;
    this.viewer.toolbar.mark();
    this.viewer.redraw();
    this.hand();
  }

  /** Tell Python what is on the screen. */
  hand() {
    const { list } = this;
    this.viewer.component.setStateValue("marks", {
      base: this.viewer.spec.marksBase, // which marks these changes were made to
      list: list.map(({ id, kind, pane, points, values, unit, text }) => ({ id, kind, pane, points, values, unit, text })),
    });
  }

  measured(mark) {
    const pane = this.viewer.panes[mark.pane];
    return { ...mark, unit: unitOf(pane.geometry), values: measure(mark, pane) };
  }

  replace(mark) { this.commit(this.list.map((other) => (other.id === mark.id ? mark : other)), mark.id); }

  remove() {
    const { selected } = this;
    if (this.pending) { this.pending = null; this.viewer.redraw(); return true; }
    if (!selected) return false;
    this.commit(this.list.filter(({ id }) => id !== selected));
    return true;
  }

  // ---- drawing

  elements(viewport, frame) {
    if (viewport.cell.thick) return [];
    const unit = { HU: "HU", SUV: "SUV" }[viewport.pane.spec.unit] ?? "";
    const shown = [...this.list, this.pending].filter((mark) => mark && mark.pane === viewport.cell.pane && visible(mark, frame));
    return shown.map((mark) => drawMark(this.changing?.id === mark.id ? this.changing : mark, frame, unit, mark.id === this.selected || mark === this.pending));
  }

  /** What lies under a screen point: {mark, handle} with handle −1 for its line; null for nothing. */
  hit(viewport, x, y) {
    const frame = viewport.frame();
    const here = this.list.filter((mark) => mark.pane === viewport.cell.pane && visible(mark, frame)).reverse();
    for (const mark of here) {
      const at = mark.points.map((point) => frame.toScreen(point));
      const handle = mark.kind === "freehand" ? -1 : at.findIndex(([px, py]) => Math.hypot(px - x, py - y) < HANDLE_PIXELS);
      if (handle >= 0) return { mark, handle };
      const edges = mark.kind === "ellipse" ? [[0, 1], [1, 2], [2, 3], [3, 0]] : stretches(mark);
      if (edges.some(([a, b]) => toStretch([x, y], at[a], at[b]) < LINE_PIXELS)) return { mark, handle: -1 };
    }
    return null;
  }

  /** The action of a press at a screen point, or null where the press is not for marks. */
  begin(viewport, tool, x, y) {
    if (viewport.cell.fusion || viewport.cell.thick) return null;
    const frame = viewport.frame();
    const world = frame.toWorld(x, y);
    if (this.pending && this.pending.pane === viewport.cell.pane) return this.#second(frame, world);
    const found = this.hit(viewport, x, y);
    if (found) return this.#change(found, frame, world);
    const wasSelected = this.selected;
    this.selected = null;
    if (wasSelected) this.viewer.redraw();
    if (!MARK_TOOLS.includes(tool)) return null;
    return this.#draw(viewport, tool, frame, world, [x, y]);
  }

  #draw(viewport, kind, frame, world, from) {
    let mark = { id: crypto.randomUUID?.() ?? String(Math.random()).slice(2), kind, pane: viewport.cell.pane, plane: viewport.cell.plane, points: [world], values: {}, unit: unitOf(viewport.pane.geometry), text: "" };
    let path = [from];
    const grow = (x, y) => {
      const to = frame.toWorld(x, y);
      if (kind === "freehand") {
        const [lastX, lastY] = path[path.length - 1];
        if (Math.hypot(x - lastX, y - lastY) < FREEHAND_PIXELS) return;
        path = [...path, [x, y]];
        mark = { ...mark, points: path.map(([px, py]) => frame.toWorld(px, py)) };
      } else if (kind === "rectangle" || kind === "ellipse") mark = { ...mark, points: corners(world, to, frame.u, frame.v) };
      else if (kind === "point") mark = { ...mark, points: [to] };
      else mark = { ...mark, points: [world, to] };
      this.pending = kind === "freehand" && path.length < 3 ? null : this.measured(mark);
      this.viewer.redraw();
    };
    return {
      move: grow,
      cancel: () => { this.pending = null; this.viewer.redraw(); },
      end: (x, y) => {
        if (kind !== "freehand") grow(x, y);
        const far = Math.hypot(x - from[0], y - from[1]) >= LEAST_PIXELS;
        const enough = kind === "point" || (kind === "freehand" ? path.length > 2 : far);
        if (!enough) { this.pending = null; this.viewer.redraw(); return; }
        if (kind === "bidirectional" || kind === "angle") { this.pending = this.measured(mark); this.viewer.redraw(); return; }
        this.commit([...this.list, this.measured(mark)], mark.id);
        if (kind === "arrow") this.write(viewport, mark.id);
      },
    };
  }

  /** The second stroke: the short axis, or the angle's other arm. */
  #second(frame, world) {
    const first = this.pending;
    const grow = (x, y) => {
      const to = frame.toWorld(x, y);
      const points = first.kind === "angle" ? [...first.points.slice(0, 2), to]
        : [...first.points.slice(0, 2), world, perpendicularEnd(world, to, sub(first.points[1], first.points[0]))];
      this.pending = this.measured({ ...first, points });
      this.viewer.redraw();
    };
    return {
      move: grow,
      cancel: () => { this.pending = null; this.viewer.redraw(); },
      end: (x, y) => {
        grow(x, y);
        const done = this.pending;
        if (done.kind === "bidirectional" && done.values.shortest < frame.mmPerPx * LEAST_PIXELS) { this.pending = first; return; }
        this.commit([...this.list, done], done.id);
      },
    };
  }

  /** While the angle waits for its other arm, the arm follows the pointer. */
  hover(viewport, x, y) {
    if (this.pending?.kind !== "angle" || this.pending.pane !== viewport.cell.pane) return;
    const to = viewport.frame().toWorld(x, y);
    this.pending = this.measured({ ...this.pending, points: [...this.pending.points.slice(0, 2), to] });
    this.viewer.redraw(viewport);
  }

  #change({ mark, handle }, frame, from) {
    if (this.selected !== mark.id) this.viewer.pick("mark", this.viewer.panes[mark.pane], mark.id);
    this.selected = mark.id;
    this.viewer.redraw();
    const changed = (x, y) => {
      const to = frame.toWorld(x, y);
      return this.measured(handle >= 0 ? dragged(mark, handle, to, frame) : moved(mark, sub(to, from)));
    };
    let touched = false;
    return {
      move: (x, y) => { touched = true; this.changing = changed(x, y); this.viewer.redraw(); },
      cancel: () => { this.changing = null; this.viewer.redraw(); },
      end: () => {
        const { changing } = this;
        this.changing = null;
        if (touched && changing) this.replace(changing);
      },
    };
  }

  /** Write beside a mark. */
  write(viewport, id) {
    const mark = this.list.find((other) => other.id === id);
    if (!mark) return false;
    const [x, y] = viewport.frame().toScreen(mark.points[mark.points.length - 1]);
    const input = el("input", { class: "writing", type: "text", maxlength: 200, "aria-label": t("Text beside the mark"), placeholder: t("Text"), style: `left:${x + 8}px;top:${y - 12}px` });
    input.value = mark.text;
    let closed = false;
    const close = (keep) => {
      if (closed) return;
      closed = true;
      const text = input.value.trim();
      input.remove();
      if (keep && text !== mark.text) this.replace({ ...mark, text });
      viewport.element.focus({ preventScroll: true });
    };
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") close(true); if (event.key === "Escape") close(false); });
    input.addEventListener("blur", () => close(true));
    viewport.element.append(input);
    input.focus();
    return true;
  }
}
