// What stands over the picture: orientation letters, scale bar, crosshair, boxes.
import { svg } from "./dom.js";
import { letters } from "./geometry.js";
import { scale } from "./vec.js";
import { t } from "./words.js";

const LENGTHS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** The longest round length that takes at most a quarter of the width. */
export function barLength(mmPerPx, width) {
  const most = (mmPerPx * width) / 4;
  return [...LENGTHS].reverse().find((length) => length <= most) ?? LENGTHS[0];
}

export function lengthUnit({ inMm }) {
  return inMm ? "mm" : "px";
}

function text(x, y, content, attributes = {}) {
  return svg("text", { x, y, class: "over", ...attributes }, content);
}

export function orientation(frame) {
  if (!frame.geometry.patient) return [];
  const { width, height } = frame;
  const name = (direction) => letters(direction).map((letter) => t(letter)).join("");
  return [
    text(10, height / 2, name(scale(frame.u, -1)), { class: "over letter" }),
    text(width - 32, height / 2, name(frame.u), { class: "over letter", "text-anchor": "end" }),
    text(width / 2, width < 460 ? 36 : 18, name(scale(frame.v, -1)), { class: "over letter", "text-anchor": "middle" }),
    text(width / 2, height - 8, name(frame.v), { class: "over letter", "text-anchor": "middle" }),
  ];
}

export function scaleBar(frame) {
  const unit = lengthUnit(frame.geometry);
  const length = barLength(frame.mmPerPx, frame.width);
  const pixels = length / frame.mmPerPx;
  const narrow = frame.width < 460; // there, what lies under the cursor is written up to the middle
  const [x, y] = [narrow ? Math.max(95, frame.width / 2 - pixels - 50) : frame.width / 2 - pixels / 2, frame.height - 26];
  const note = frame.geometry.kind === "DETECTOR" ? t("{length} mm at the detector", { length }) : `${length} ${unit}`;
  return [
    svg("path", { class: "bar", d: `M${x} ${y - 4}v8M${x} ${y}h${pixels}M${x + pixels} ${y - 4}v8` }),
    text(x + pixels + 8, y + 4, note),
  ];
}

export function crosshair(frame, world) {
  const [x, y] = frame.toScreen(world);
  const gap = 14;
  return [svg("path", {
    class: "crosshair",
    d: `M0 ${y}H${x - gap}M${x + gap} ${y}H${frame.width}M${x} 0V${y - gap}M${x} ${y + gap}V${frame.height}`,
  })];
}

/** Rectangles of the boxes that the plane cuts, in screen pixels: [{index, x, y, width, height}]. */
export function cutBoxes(frame, boxes) {
  const { geometry, plane } = frame;
  const here = geometry.toIndex(frame.centre)[plane.axis];
  return boxes.flatMap(({ corners }, index) => {
    const low = [0, 1, 2].map((k) => Math.min(corners[k], corners[k + 3]) - 0.5);
    const high = [0, 1, 2].map((k) => Math.max(corners[k], corners[k + 3]) + 0.5);
    if (here < low[plane.axis] || here > high[plane.axis]) return [];
    const a = frame.toScreen(geometry.toWorld(low)), b = frame.toScreen(geometry.toWorld(high));
    return [{ index, x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), width: Math.abs(a[0] - b[0]), height: Math.abs(a[1] - b[1]) }];
  });
}

export function boxes(frame, overlay, onPick) {
  return cutBoxes(frame, overlay.spec.boxes).flatMap(({ index, x, y, width, height }) => {
    const box = overlay.spec.boxes[index];
    const label = `${box.label} ${box.probability.toFixed(2)}`;
    return [svg("g", { class: "box", onpointerdown: (event) => { event.stopPropagation(); onPick(index); } },
      svg("rect", { x, y, width, height, class: "edge" }), svg("rect", { x, y, width, height }), text(x, Math.max(12, y - 5), label))];
  });
}
