// What moves together: slices by world position, zoom and pan, grey window; each link can be broken.
import { add, apply, dot, scale, sub } from "./vec.js";

export class Links {
  constructor(viewer) {
    this.viewer = viewer;
    Object.assign(this, { scroll: true, zoom: true, window: true });
    this.offsets = new Map();
  }

  reset() { this.offsets.clear(); }

  toggle(name) {
    this[name] = !this[name];
    this.offsets.clear();
    this.viewer.toolbar.refresh();
  }

  /** Bring the other panes to where this one has gone. */
  follow(pane) {
    if (!this.scroll) return;
    for (const other of this.viewer.panes) {
      if (other === pane) continue;
      if (pane.related && other.related) other.crosshair = apply(other.fromReference, apply(pane.toReference, pane.crosshair));
      else this.#keepDistance(pane, other);
    }
  }

  /** Scans without a common frame keep the distance they had when the link was closed. */
  #keepDistance(pane, other) {
    if (!pane.geometry.volumetric || !other.geometry.volumetric) return;
    const key = `${pane.number}:${other.number}`;
    if (!this.offsets.has(key)) {
      const before = this.viewer.before?.get(pane.number) ?? pane.crosshair;
      this.offsets.set(key, sub(other.crosshair, before));
    }
    other.crosshair = add(pane.crosshair, this.offsets.get(key));
  }

  /** The panes whose window changes with this one's: the same unit of which the numbers mean the same. */
  windowed(pane) {
    if (!this.window) return [pane];
    const absolute = ["HU", "SUV"].includes(pane.spec.unit);
    return this.viewer.panes.filter((other) => other === pane || (absolute && other.spec.unit === pane.spec.unit)
      || other.spec.image.content === pane.spec.image.content);
  }

  /** Give the other viewports of the same plane this one's zoom and centre. */
  viewed(viewport, frame) {
    const { viewer } = this;
    if (frame && this.zoom) {
      for (const other of viewer.viewports) {
        if (other.view === viewport.view || other.cell.plane !== viewport.cell.plane || other.pane === viewport.pane) continue;
        this.#sameView(viewport, frame, other);
      }
    }
    viewer.redraw();
  }

  #sameView(viewport, frame, other) {
    const [pane, target] = [viewport.pane, other.pane];
    const there = other.frame();
    if (!there) return;
    if (pane.related && target.related && pane.geometry.patient) {
      other.view.centre = apply(target.fromReference, apply(pane.toReference, viewport.view.centre));
      other.view.mmPerPx = viewport.view.mmPerPx;
      return;
    }
    // Without a common frame: the same magnification against "fit", the same place as a share of the picture.
    const fraction = (axis, geometry, at) => dot(sub(at, geometry.centre), axis);
    const ratio = there.fitMmPerPx / frame.fitMmPerPx;
    const [right, down] = [fraction(frame.u, pane.geometry, viewport.view.centre), fraction(frame.v, pane.geometry, viewport.view.centre)];
    other.view.mmPerPx = viewport.view.mmPerPx * ratio;
    other.view.centre = add(target.geometry.centre, add(scale(there.u, right * ratio), scale(there.v, down * ratio)));
  }
}
