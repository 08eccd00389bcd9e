// The grey window: presets, what a drag does to it, and how its numbers are written.
import { N_ } from "./words.js";

const CT = [
  [N_("Soft tissue"), 40, 400], [N_("Lung"), -600, 1500], [N_("Mediastinum"), 50, 350],
  [N_("Bone"), 480, 2500], [N_("Brain"), 40, 80], [N_("Liver"), 60, 160],
];
const SUV = [[N_("SUV 0 to 7"), 0, 7], [N_("SUV 0 to 5"), 0, 5], [N_("SUV 0 to 10"), 0, 10], [N_("SUV 0 to 20"), 0, 20]];

/** Presets [name, low, high] of a pane; the first is the one it opens with. */
export function presetsOf({ unit, window, auto, range }) {
  const listed = unit === "SUV" ? SUV
    : unit === "HU" ? CT.map(([name, centre, width]) => [name, centre - width / 2, centre + width / 2]) : [];
  const own = window ? [[N_("As stored"), ...window]] : [];
  const automatic = [[N_("Automatic"), ...auto], [N_("Full range"), range[0], Math.max(range[1], range[0] + 1e-6)]];
  return unit === "RGB" ? [[N_("Full range"), 0, 255]] : [...own, ...(own.length || !listed.length ? automatic : []),
    ...listed, ...(own.length || !listed.length ? [] : automatic)];
}

/** The window after a drag: right widens, up brightens, in steps that suit the values' own spread. */
export function dragged([low, high], dx, dy, spread) {
  const gain = Math.max(high - low, spread * 0.02) / 300;
  const width = Math.max(spread * 1e-4, high - low + dx * gain);
  const centre = (low + high) / 2 + dy * gain;
  return [centre - width / 2, centre + width / 2];
}

/** Grey 0..1 of a value. */
export const grey = (value, low, high) => Math.min(1, Math.max(0, (value - low) / (high - low)));

/** A number with the digits it deserves. */
export function digits(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "–";
  return size >= 100 || Number.isInteger(value) ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
