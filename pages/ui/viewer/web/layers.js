// One layer of a picture: which voxels lie under which screen pixel, and how their values become colour.
import { add, apply, norm, scale, turn } from "./vec.js";

const MOST_TAPS = 6;
export const MIX = { over: 0, negative: 1, add: 2 }; // negative and add together draw a difference

/**
 * Where screen pixels fall in an image's index space (slice, row, column).
 * @param frame the viewport's Frame, in CSS pixels
 * @param inverse 3×4, world mm to index of this image
 * @param pixels device pixels per CSS pixel
 */
export function mapping(frame, inverse, pixels) {
  const step = frame.mmPerPx / pixels;
  const du = turn(inverse, scale(frame.u, step));
  const dv = turn(inverse, scale(frame.v, step));
  const origin = add(apply(inverse, frame.origin), scale(add(du, dv), 0.5));
  const perPixel = Math.max(norm(du), norm(dv));
  return { origin: settle(origin, du, dv), du, dv, taps: Math.min(MOST_TAPS, Math.max(1, Math.round(perPixel))) };
}

/** Lay a plane that follows one slice exactly onto it, so that rounding never mixes two slices. */
function settle(origin, du, dv) {
  return origin.map((value, k) => (Math.abs(du[k]) + Math.abs(dv[k]) < 1e-9 && Math.abs(value - Math.round(value)) < 1e-3
    ? Math.round(value) : value));
}

const DEFAULTS = {
  window: [0, 255], invert: false, lut: null, opacity: 1, threshold: 0, smooth: true, outline: 0, mix: MIX.over,
  checker: 0, clip: null, slab: { count: 1, mode: 0, step: [0, 0, 0] },
};

/** A layer is plain data, so that both renderers draw the same picture from it. */
export function layer(kind, image, map, options = {}) {
  return { ...DEFAULTS, kind, image, ...map, ...options };
}

/** A thick slab's samples: how many, and the index step from one to the next. */
export function slab(thicknessMm, mode, plane, inverse) {
  const modes = { max: 1, min: 2, mean: 3 };
  const count = Math.min(200, Math.max(1, Math.round(thicknessMm / plane.step)));
  if (!modes[mode] || count < 2) return DEFAULTS.slab;
  return { count, mode: modes[mode], step: turn(inverse, scale(plane.normal, plane.step)) };
}
