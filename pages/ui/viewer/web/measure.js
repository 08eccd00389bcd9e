// What a mark measures: lengths, angle, area, and the values of the voxels inside it.
import { add, cross, distance, dot, norm, scale, sub, unit } from "./vec.js";

export const ROIS = ["ellipse", "rectangle", "freehand"];

/** What a length is given in: millimetres only where the image has a scale. */
export const unitOf = ({ kind, relative }) => (relative ? "px" : { PATIENT: "mm", DETECTOR: "mm detector", NONE: "px" }[kind]);

/** Angle at the middle of three points, in degrees. */
export function angleDeg([a, b, c]) {
  const [p, q] = [sub(a, b), sub(c, b)];
  return (Math.atan2(norm(cross(p, q)), dot(p, q)) * 180) / Math.PI;
}

/** Area of a flat polygon in space. */
export function polygonArea(points) {
  let sum = [0, 0, 0];
  for (let i = 1; i + 1 < points.length; i++) {
    sum = add(sum, cross(sub(points[i], points[0]), sub(points[i + 1], points[0])));
  }
  return norm(sum) / 2;
}

/** Area of the shape itself, not of the voxels in it. */
export function area({ kind, points }) {
  if (kind === "freehand") return polygonArea(points);
  const whole = distance(points[0], points[1]) * distance(points[0], points[3]);
  return kind === "ellipse" ? (whole * Math.PI) / 4 : whole;
}

/** A function telling whether a point of the mark's plane lies inside the mark. */
export function insideOf({ kind, points }) {
  if (kind === "freehand") return polygonTest(points);
  const across = sub(points[1], points[0]), along = sub(points[3], points[0]);
  const centre = scale(add(points[0], points[2]), 0.5);
  const [halfA, halfB] = [norm(across) / 2, norm(along) / 2];
  if (!halfA || !halfB) return () => false;
  const [a, b] = [unit(across), unit(along)];
  return (world) => {
    const from = sub(world, centre);
    const [x, y] = [dot(from, a) / halfA, dot(from, b) / halfB];
    return kind === "ellipse" ? x * x + y * y <= 1 : Math.abs(x) <= 1 && Math.abs(y) <= 1;
  };
}

function polygonTest(points) {
  const normal = points.slice(2).reduce((best, _, i) => {
    const candidate = cross(sub(points[i + 1], points[0]), sub(points[i + 2], points[0]));
    return norm(candidate) > norm(best) ? candidate : best;
  }, [0, 0, 0]);
  if (!norm(normal)) return () => false;
  const drop = [0, 1, 2].reduce((a, b) => (Math.abs(normal[b]) > Math.abs(normal[a]) ? b : a));
  const [i, j] = [0, 1, 2].filter((k) => k !== drop);
  return (world) => {
    let inside = false;
    for (let a = 0, b = points.length - 1; a < points.length; b = a++) {
      const [p, q] = [points[a], points[b]];
      if (p[j] > world[j] !== q[j] > world[j] && world[i] < ((q[i] - p[i]) * (world[j] - p[j])) / (q[j] - p[j]) + p[i]) inside = !inside;
    }
    return inside;
  };
}

/** Visit the voxels of the slice through the points that may lie near them: visit(index, world). */
export function eachVoxelNear(geometry, plane, points, margin, visit) {
  const spread = points.map((point) => geometry.toIndex(point));
  const slice = Math.round(spread[0][plane.axis]);
  if (slice < 0 || slice >= geometry.dims[plane.axis]) return;
  const bounds = [0, 1, 2].map((k) => {
    if (k === plane.axis) return [slice, slice];
    const extra = margin / geometry.axes[k].step + 1;
    const along = spread.map((index) => index[k]);
    return [Math.max(0, Math.floor(Math.min(...along) - extra)), Math.min(geometry.dims[k] - 1, Math.ceil(Math.max(...along) + extra))];
  });
  for (let s = bounds[0][0]; s <= bounds[0][1]; s++) {
    for (let r = bounds[1][0]; r <= bounds[1][1]; r++) {
      for (let c = bounds[2][0]; c <= bounds[2][1]; c++) visit([s, r, c], geometry.toWorld([s, r, c]));
    }
  }
}

/** Mean, SD (of the population), min, max and count of the voxels whose centres lie inside. */
export function statistics(mark, image, geometry, plane) {
  const inside = insideOf(mark);
  const slice = geometry.toIndex(mark.points[0])[plane.axis];
  const lift = scale(plane.normal, (slice - Math.round(slice)) * plane.step * plane.sign); // the mark's plane, not the centres'
  let count = 0, mean = 0, squares = 0, min = Infinity, max = -Infinity;
  eachVoxelNear(geometry, plane, mark.points, 0, (index, world) => {
    if (!inside(add(world, lift))) return;
    const value = image.at(...index);
    if (value === null) return;
    count += 1;
    const from = value - mean;
    mean += from / count;
    squares += from * (value - mean);
    min = Math.min(min, value);
    max = Math.max(max, value);
  });
  return count ? { count, mean, sd: Math.sqrt(squares / count), min, max } : { count };
}

/** All values of a mark by name, also of one half drawn; lengths and areas in the unit of `unitOf`. */
export function measure(mark, pane) {
  const { points, kind } = mark;
  if (points.length < 2 && kind !== "point") return {};
  switch (kind) {
    case "length": return { longest: distance(points[0], points[1]) };
    case "bidirectional": {
      const [shortest, longest] = [[0, 1], [2, 3]].filter(([, k]) => k < points.length)
        .map(([j, k]) => distance(points[j], points[k])).sort((a, b) => a - b); // whichever was drawn first
      return longest === undefined ? { longest: shortest } : { longest, shortest };
    }
    case "angle": return points.length > 2 ? { angle_deg: angleDeg(points) } : {};
    case "point": {
      const value = pane.colour ? null : pane.image.at(...pane.geometry.toIndex(points[0]).map(Math.round));
      return value === null ? {} : { value };
    }
    case "arrow": return {};
    default: {
      const plane = pane.geometry.planes[mark.plane] ?? planeOf(mark, pane.geometry);
      return { area: area(mark), ...(pane.colour ? {} : statistics(mark, pane.image, pane.geometry, plane)) };
    }
  }
}

/** The plane of a geometry that a saved mark lies in best. */
export function planeOf({ points }, geometry) {
  const spread = (plane) => {
    const along = points.map((point) => dot(point, plane.normal));
    return Math.max(...along) - Math.min(...along);
  };
  return Object.values(geometry.planes).reduce((a, b) => (spread(b) < spread(a) ? b : a));
}
