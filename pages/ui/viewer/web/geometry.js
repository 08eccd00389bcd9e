// Where a scan's voxels lie and the planes through it; index order is (slice, row, column), world is LPS mm.
import { add, apply, column, cross, dot, invert, scale, sub, unit } from "./vec.js";
import { N_ } from "./words.js";

const PERMUTATIONS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
const LETTERS = [[N_("L"), N_("R")], [N_("P"), N_("A")], [N_("S"), N_("I")]];

/** The scan's orthonormal axes (normal, down, right), each along one index axis, and the step along each. */
export function axesOf(affine) {
  const right = unit(column(affine, 2));
  const rows = column(affine, 1);
  const down = unit(sub(rows, scale(right, dot(rows, right))));
  let normal = cross(right, down);
  if (dot(normal, column(affine, 0)) < 0) normal = scale(normal, -1);
  const directions = [normal, down, right];
  return directions.map((direction, axis) => ({ axis, direction, step: Math.abs(dot(column(affine, axis), direction)) }));
}

/** For world axis L, P, S: the scan axis nearest to it, turned to its positive side. */
function nearestAnatomical(axes) {
  const score = (order) => order.reduce((sum, axis, world) => sum + Math.abs(axes[axis].direction[world]), 0);
  const best = PERMUTATIONS.reduce((a, b) => (score(b) > score(a) + 1e-9 ? b : a));
  return best.map((axis, world) => {
    const { direction, step } = axes[axis];
    return { axis, step, direction: direction[world] < 0 ? scale(direction, -1) : direction };
  });
}

export class Geometry {
  /**
   * @param affine 3×4, (slice, row, column) to LPS mm  @param dims [S, R, C]  @param kind PATIENT, DETECTOR or NONE
   * @param relative the header's millimetres are placeholders: planes as of a patient, lengths in voxels
   */
  constructor(affine, dims, kind, relative = false) {
    Object.assign(this, { affine, dims, kind, relative });
    this.inverse = invert(affine);
    this.axes = axesOf(affine);
    this.patient = kind === "PATIENT";
    this.centre = this.toWorld(dims.map((n) => (n - 1) / 2));
    this.planes = this.patient ? this.#anatomical() : { native: this.#native() };
    this.main = Object.keys(this.planes).find((name) => this.planes[name].axis === 0);
  }

  /** Whether a length may be told in millimetres. */
  get inMm() { return this.kind !== "NONE" && !this.relative; }

  toWorld(index) { return apply(this.affine, index); }
  toIndex(world) { return apply(this.inverse, world); }

  /** Whether other planes than the acquired one have more than a line to show. */
  get volumetric() { return this.patient && Math.min(...this.dims) > 1; }

  /** The eight outer corners of the voxel grid. */
  corners() {
    return Array.from({ length: 8 }, (_, i) => this.toWorld(this.dims.map((n, k) => ((i >> k) & 1 ? n - 0.5 : -0.5))));
  }

  contains(world) {
    return this.toIndex(world).every((i, k) => i > -0.5 && i < this.dims[k] - 0.5);
  }

  /** The same point moved by whole slices of a plane, on a slice centre and inside the scan. */
  scrolled(world, plane, by) {
    const { axis, normal, step } = plane;
    const now = this.toIndex(world)[axis];
    const last = this.dims[axis] - 1;
    const target = Math.min(last, Math.max(0, Math.round(Math.min(last, Math.max(0, now))) + by * plane.sign));
    return add(world, scale(normal, (target - now) * step * plane.sign));
  }

  /** 0-based slice of a plane that a point lies in, counted in the direction of scrolling. */
  slice(world, plane) {
    const index = Math.round(this.toIndex(world)[plane.axis]);
    return plane.sign > 0 ? index : this.dims[plane.axis] - 1 - index;
  }

  #plane(right, down, normal) {
    const along = dot(column(this.affine, normal.axis), normal.direction);
    return {
      u: right.direction, v: down.direction, normal: normal.direction,
      axis: normal.axis, step: normal.step, sign: along < 0 ? -1 : 1,
      count: this.dims[normal.axis], axisU: right.axis, axisV: down.axis,
    };
  }

  #native() {
    const [normal, down, right] = this.axes;
    return this.#plane(right, down, normal);
  }

  #anatomical() {
    const [l, p, s] = nearestAnatomical(this.axes);
    const down = { ...s, direction: scale(s.direction, -1) };
    return { axial: this.#plane(l, p, s), coronal: this.#plane(l, down, p), sagittal: this.#plane(p, down, l) };
  }
}

/** Letters of where a direction points, the strongest first, with a second or third where it is oblique. */
export function letters(direction) {
  return [0, 1, 2]
    .map((k) => ({ size: Math.abs(direction[k]), letter: LETTERS[k][direction[k] > 0 ? 0 : 1] }))
    .filter(({ size }) => size > 0.25)
    .sort((a, b) => b.size - a.size)
    .map(({ letter }) => letter);
}
