// Two registered scans in one picture: swipe curtain, blend, checkerboard, difference, flicker.
import { MIX } from "./layers.js";
import { N_ } from "./words.js";

export const FUSIONS = { swipe: N_("Swipe"), blend: N_("Blend"), checker: N_("Checkerboard"), difference: N_("Difference"), flicker: N_("Flicker") };
const CHECKER_PIXELS = 64;
const FLICKER_MS = 600; // slower than three a second, which photosensitive readers bear

export function fusionLayers(viewer, frame, options) {
  const [first, second] = viewer.panes;
  const { mode, amount, hidden } = viewer.fusion;
  const base = first.layers(frame, { ...options, bare: true })[0];
  const overlays = options.overlaysShown ? first.layers(frame, options).slice(1) : [];
  const over = (layer) => second.layerInto(frame, first, { ...options, layer });
  const [width, height] = [frame.width * options.pixels, frame.height * options.pixels];
  switch (mode) {
    case "blend": return [base, over({ opacity: amount }), ...overlays];
    case "checker": return [base, over({ checker: CHECKER_PIXELS * options.pixels }), ...overlays];
    case "difference": return [{ ...base, mix: MIX.negative }, over({ mix: MIX.add })];
    case "flicker": return hidden ? [base, ...overlays] : [base, over({})];
    default: return [base, ...overlays, over({ clip: [amount * width, 0, width, height] })];
  }
}

/** Show the two in turn; returns the function that stops it. */
export function startFlicker(viewer) {
  const timer = setInterval(() => {
    viewer.fusion.hidden = !viewer.fusion.hidden;
    viewer.redraw();
  }, FLICKER_MS);
  return () => { clearInterval(timer); viewer.fusion.hidden = false; };
}
