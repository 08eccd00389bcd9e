// Draws marks over a picture: lines, handles, and what they measure.
import { svg } from "./dom.js";
import { ROIS } from "./measure.js";
import { stretches } from "./shapes.js";
import { digits } from "./windowing.js";
import { t } from "./words.js";

const length = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

/** The lines of text beside a mark. */
export function captions({ kind, values, unit, text }, valueUnit) {
  const square = unit === "px" ? "px²" : "mm²";
  const short = unit === "px" ? "px" : "mm";
  const lines = text ? [text] : [];
  if (kind === "length") lines.push(`${length(values.longest)} ${short}`);
  if (kind === "bidirectional" && values.shortest !== undefined) lines.push(`${length(values.longest)} × ${length(values.shortest)} ${short}`);
  else if (kind === "bidirectional") lines.push(`${length(values.longest)} ${short}`);
  if (kind === "angle" && values.angle_deg !== undefined) lines.push(`${values.angle_deg.toFixed(1)}°`);
  if (kind === "point" && values.value !== undefined) lines.push(`${digits(values.value)} ${valueUnit}`);
  if (ROIS.includes(kind)) {
    if (values.mean !== undefined) {
      lines.push(t("Mean {mean} ± {sd} {unit}", { mean: digits(values.mean), sd: digits(values.sd), unit: valueUnit }));
      lines.push(t("Min {min}, max {max}", { min: digits(values.min), max: digits(values.max) }));
    }
    lines.push(`${length(values.area)} ${square}`);
  }
  return lines;
}

/** Whether the mark lies in the plane shown. */
export function visible(mark, frame) {
  const half = frame.plane.step / 2 + 1e-3;
  return mark.points.every((point) => Math.abs(frame.off(point)) <= half);
}

function outline(mark, at) {
  if (mark.kind === "ellipse") {
    const [a, b, c] = at;
    const centre = [(a[0] + c[0]) / 2, (a[1] + c[1]) / 2];
    const [rx, ry] = [Math.hypot(b[0] - a[0], b[1] - a[1]) / 2, Math.hypot(c[0] - b[0], c[1] - b[1]) / 2];
    const turned = (Math.atan2(b[1] - a[1], b[0] - a[0]) * 180) / Math.PI;
    return svg("ellipse", { cx: centre[0], cy: centre[1], rx, ry, transform: `rotate(${turned} ${centre[0]} ${centre[1]})` });
  }
  if (mark.kind === "point") return svg("path", { d: `M${at[0][0] - 7} ${at[0][1]}h14M${at[0][0]} ${at[0][1] - 7}v14` });
  const path = mark.kind === "freehand" ? `M${at.map((p) => p.join(" ")).join("L")}Z`
    : stretches(mark).map(([a, b]) => `M${at[a].join(" ")}L${at[b].join(" ")}`).join("");
  return svg("path", { d: path + (mark.kind === "arrow" ? head(at) : "") });
}

/** The two strokes of an arrow's head, at its first point. */
function head([tip, tail]) {
  const angle = Math.atan2(tail[1] - tip[1], tail[0] - tip[0]);
  return [-0.45, 0.45].map((by) => `M${tip[0]} ${tip[1]}l${12 * Math.cos(angle + by)} ${12 * Math.sin(angle + by)}`).join("");
}

export function drawMark(mark, frame, valueUnit, selected) {
  const at = mark.points.map((point) => frame.toScreen(point));
  const handles = mark.kind === "freehand" ? [] : at.map(([x, y]) => svg("circle", { cx: x, cy: y, r: selected ? 5 : 3, class: "handle" }));
  const anchor = captionPlace(at, frame);
  const lines = captions(mark, valueUnit).map((line, k) => svg("tspan", { x: anchor[0], dy: k ? 15 : 0 }, line));
  return svg("g", { class: selected ? "mark selected" : "mark", "data-kind": mark.kind },
    outline(mark, at), ...handles, svg("text", { x: anchor[0], y: anchor[1], class: "over caption" }, ...lines));
}

function captionPlace(at, frame) {
  const right = at.reduce((a, b) => (b[0] > a[0] ? b : a));
  return [Math.min(right[0] + 10, frame.width - 110), Math.min(Math.max(right[1] + 4, 20), frame.height - 40)];
}
