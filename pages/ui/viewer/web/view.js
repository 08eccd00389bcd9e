// What one viewport looks at: a plane, a centre, a magnification, a rotation; screen points to world and back.
import { add, dot, scale, sub } from "./vec.js";

export class View {
  constructor() { this.reset(); }

  reset() {
    Object.assign(this, { centre: null, mmPerPx: 0, rotation: 0, flipH: false, flipV: false });
  }

  /** Forget zoom and pan, keep rotation and flips. */
  fit() { this.centre = null; this.mmPerPx = 0; }

  /** World directions of screen right and screen down. */
  basis(plane) {
    let [u, v] = [plane.u, plane.v];
    for (let turned = 0; turned < this.rotation; turned += 90) [u, v] = [scale(v, -1), u];
    if (this.flipH) u = scale(u, -1);
    if (this.flipV) v = scale(v, -1);
    return { u, v };
  }
}

/** Everything a drawing of one viewport needs, fixed for one frame. */
export class Frame {
  /** @param through world point that the plane passes through */
  constructor(view, geometry, plane, through, width, height) {
    Object.assign(this, { view, geometry, plane, width, height });
    Object.assign(this, view.basis(plane));
    const spans = [this.u, this.v].map((axis) => {
      const along = geometry.corners().map((corner) => dot(corner, axis));
      return { low: Math.min(...along), high: Math.max(...along) };
    });
    this.fitMmPerPx = Math.max((spans[0].high - spans[0].low) / width, (spans[1].high - spans[1].low) / height) || 1;
    this.mmPerPx = view.mmPerPx || this.fitMmPerPx;
    const centre = view.centre ?? geometry.centre;
    this.centre = add(centre, scale(plane.normal, dot(sub(through, centre), plane.normal)));
    this.origin = add(this.centre, add(scale(this.u, -width / 2 * this.mmPerPx), scale(this.v, -height / 2 * this.mmPerPx)));
  }

  toWorld(x, y) {
    return add(this.origin, add(scale(this.u, x * this.mmPerPx), scale(this.v, y * this.mmPerPx)));
  }

  toScreen(world) {
    const from = sub(world, this.origin);
    return [dot(from, this.u) / this.mmPerPx, dot(from, this.v) / this.mmPerPx];
  }

  /** Signed distance of a point from the plane in mm. */
  off(world) { return dot(sub(world, this.origin), this.plane.normal); }

  get zoom() { return this.fitMmPerPx / this.mmPerPx; }

  pan(dx, dy) {
    this.view.centre = sub(this.centre, add(scale(this.u, dx * this.mmPerPx), scale(this.v, dy * this.mmPerPx)));
    this.view.mmPerPx = this.mmPerPx;
  }

  /** Magnify by a factor with the point under the cursor staying there. */
  zoomAt(x, y, factor) {
    const mmPerPx = Math.min(this.fitMmPerPx * 8, Math.max(this.fitMmPerPx / 200, this.mmPerPx / factor));
    const held = this.toWorld(x, y);
    const offset = add(scale(this.u, (this.width / 2 - x) * mmPerPx), scale(this.v, (this.height / 2 - y) * mmPerPx));
    this.view.centre = add(held, offset);
    this.view.mmPerPx = mmPerPx;
  }
}
