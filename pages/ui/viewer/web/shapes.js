// How marks grow and change under the pointer: pure functions on their points in space.
import { add, dot, norm, scale, sub, unit } from "./vec.js";

/** The part of b − a at right angles to the direction, added to a. */
export function perpendicularEnd(a, b, direction) {
  const along = unit(direction);
  const from = sub(b, a);
  return add(a, sub(from, scale(along, dot(from, along))));
}

/** Corners of the upright rectangle between two points, in the axes of the screen. */
export function corners(a, b, u, v) {
  const from = sub(b, a);
  return [a, add(a, scale(u, dot(from, u))), b, add(a, scale(v, dot(from, v)))];
}

/** The mark after its handle was dragged to a point; `frame` gives the screen's axes for flat shapes. */
export function dragged(mark, handle, world, frame) {
  const points = mark.points.map((point) => [...point]);
  if (mark.kind === "rectangle" || mark.kind === "ellipse") {
    const opposite = points[(handle + 2) % 4];
    const edge = sub(points[1], points[0]), other = sub(points[3], points[0]);
    const [u, v] = norm(edge) && norm(other) ? [unit(edge), unit(other)] : [frame.u, frame.v];
    return { ...mark, points: reorder(corners(world, opposite, u, v), handle) };
  }
  points[handle] = world;
  if (mark.kind !== "bidirectional") return { ...mark, points };
  if (handle < 2) return { ...mark, points: carried(mark.points, points) };
  const long = sub(points[1], points[0]);
  if (!norm(long)) return mark;
  const [moved, held] = handle === 2 ? [2, 3] : [3, 2];
  if (moved === 3) points[3] = perpendicularEnd(points[2], world, long);
  else points[2] = perpendicularEnd(points[held], world, long);
  return { ...mark, points };
}

/** Fresh corners start with the dragged one; put each at its own place, so that handles keep their numbers. */
function reorder(fresh, handle) {
  const points = [];
  const round = handle % 2 ? -1 : 1; // seen from an odd corner, the u side comes before it
  for (let k = 0; k < 4; k++) points[(handle + round * k + 4) % 4] = fresh[k];
  return points;
}

/** The short axis of a bidirectional mark follows its long axis: same share of it, same lengths, still at right angles. */
function carried(old, points) {
  const before = sub(old[1], old[0]), now = sub(points[1], points[0]);
  if (!norm(before) || !norm(now)) return points;
  const [a, b] = [unit(before), unit(now)];
  const ratio = norm(now) / norm(before);
  const short = sub(old[3], old[2]);
  const across = norm(short) ? unit(short) : null;
  const turned = across && unit(sub(across, scale(b, dot(across, b))));
  const place = (point) => {
    const from = sub(point, old[0]);
    const along = add(points[0], scale(b, dot(from, a) * ratio));
    return turned ? add(along, scale(turned, dot(from, across))) : along;
  };
  return [points[0], points[1], place(old[2]), place(old[3])];
}

/** The whole mark moved. */
export const moved = (mark, by) => ({ ...mark, points: mark.points.map((point) => add(point, by)) });

/** Distance from a screen point to a stretch between two others. */
export function toStretch([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const square = dx * dx + dy * dy;
  const t = square ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / square)) : 0;
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/** The stretches between points that a mark's lines run along. */
export function stretches({ kind, points }) {
  switch (kind) {
    case "bidirectional": return points.length > 3 ? [[0, 1], [2, 3]] : [[0, 1]];
    case "angle": return points.length > 2 ? [[0, 1], [1, 2]] : [[0, 1]];
    case "rectangle": return [[0, 1], [1, 2], [2, 3], [3, 0]];
    case "freehand": return points.map((_, k) => [k, (k + 1) % points.length]);
    case "point": return [];
    case "ellipse": return [];
    default: return [[0, 1]];
  }
}
