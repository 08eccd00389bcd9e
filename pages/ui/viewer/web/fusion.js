// Two registered scans in one picture: swipe curtain, blend, checkerboard, difference, flicker.
import { lut } from "./colours.js";
import { svg } from "./dom.js";
import { MIX } from "./layers.js";
import { N_, t } from "./words.js";

export const FUSIONS = { swipe: N_("Swipe"), blend: N_("Blend"), checker: N_("Checkerboard"), difference: N_("Difference"), flicker: N_("Flicker") };
const CHECKER_PIXELS = 64;
const FLICKER_MS = 600; // slower than three a second, which photosensitive readers bear

export function fusionLayers(viewer, frame, options) {
  const [first, second] = viewer.panes;
  const { mode, amount, hidden } = viewer.fusion;
  const base = first.layers(frame, { ...options, bare: true })[0];
  const overlays = options.overlaysShown ? first.layers(frame, options).slice(1) : [];
  const ours = overlays.filter(({ kind, outline }) => kind === "labels" && outline > 0);
  const theirs = options.overlaysShown ? second.outlinesInto(frame, first, options) : []; // masks of the second scan
  const over = (layer) => second.layerInto(frame, first, { ...options, layer });
  const [width, height] = [frame.width * options.pixels, frame.height * options.pixels];
  switch (mode) {
    case "blend": return [base, over({ opacity: amount, ...hot(first, second) }), ...overlays, ...theirs];
    case "checker": return [base, over({ checker: CHECKER_PIXELS * options.pixels }), ...overlays, ...theirs];
    case "difference": return [{ ...base, invert: false, mix: MIX.negative }, over({ invert: false, mix: MIX.add })]; // bright: more
    case "flicker": return hidden ? [base, ...overlays] : [base, over({}), ...theirs];
    default: return [base, ...overlays, over({ clip: [amount * width, 0, width, height] }), ...ours, ...theirs];
  }
}

/** Uptake over another kind of scan is in colour, bright where it is high: its dark on white would bleach what lies below. */
function hot(first, second) {
  return second.spec.unit === "SUV" && first.spec.unit !== "SUV" ? { lut: lut("inferno"), invert: false } : {};
}

/** The curtain's edge, to be taken by hand. */
export function curtain(viewer, frame) {
  if (viewer.fusion.mode !== "swipe") return [];
  const x = viewer.fusion.amount * frame.width;
  return [svg("path", { class: "curtain", d: `M${x} 0V${frame.height}` }), svg("circle", { class: "curtain-grip", cx: x, cy: frame.height / 2, r: 7 })];
}

/** What the picture shows, in words. */
export function caption(viewer) {
  const [first, second] = viewer.panes.map(({ spec }) => spec.title);
  const { mode, hidden } = viewer.fusion;
  const texts = { swipe: N_("{first} | {second}"), difference: N_("{second} − {first}: grey means no change"), flicker: hidden ? "{first}" : "{second}" };
  return t(texts[mode] ?? N_("{first} + {second}"), { first, second });
}

/** Whose outlines have which colour; "" where the second scan has no mask. */
export function outlines(viewer) {
  const [first, second] = viewer.panes;
  if (!viewer.overlaysShown || viewer.fusion.mode === "difference") return "";
  if (!second.overlays.some(({ spec, visible, image }) => spec.kind === "labels" && visible && image)) return "";
  return t("Outlines: {first} in its colours, {second} light blue", { first: first.spec.title, second: second.spec.title });
}

/** Show the two in turn; returns the function that stops it. */
export function startFlicker(viewer) {
  const timer = setInterval(() => {
    viewer.fusion.hidden = !viewer.fusion.hidden;
    viewer.redraw();
  }, FLICKER_MS);
  return () => { clearInterval(timer); viewer.fusion.hidden = false; };
}
