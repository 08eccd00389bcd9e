// One scan of the viewer: its voxels, place, grey window, overlays, and the layers they make.
import { labelLut, laterLut, lut } from "./colours.js";
import { Geometry } from "./geometry.js";
import { imageFor } from "./images.js";
import { layer, mapping, slab } from "./layers.js";
import { IDENTITY, invert, multiply } from "./vec.js";
import { presetsOf } from "./windowing.js";

export class Pane {
  /** @param old the pane that showed the same voxels before, whose settings are kept */
  constructor(spec, number, first, old, sitting) {
    Object.assign(this, { spec, number });
    this.image = imageFor(spec.image);
    this.geometry = new Geometry(spec.affine, spec.image.dims, spec.scale, spec.relative);
    this.presets = presetsOf(spec);
    this.spread = Math.max(spec.range[1] - spec.range[0], 1e-6);
    this.toReference = spec.toReference ? spec.toReference.slice(0, 12) : IDENTITY;
    this.fromReference = invert(this.toReference);
    this.related = Boolean(spec.toReference) || number === 0 || (spec.frame !== "" && spec.frame === first.frame && spec.scale === "PATIENT");
    if (old) Object.assign(this, { preset: old.preset, window: old.window, invert: old.invert });
    else this.resetGreys();
    this.crosshair = old?.crosshair ?? this.#middle();
    const same = old && old.sitting === sitting; // what the brush has drawn is not among the overlays yet
    this.sitting = sitting;
    this.overlays = spec.overlays.map((overlay, k) => {
      const before = old?.overlays.find((o) => o.spec.title === overlay.title && o.spec.kind === overlay.kind && o.spec.source === overlay.source);
      const told = overlay.visible ?? true;
      return {
        spec: overlay, id: `${number}:${k}`, image: overlay.image ? imageFor(overlay.image) : null, edited: (same && before?.edited) || null,
        visible: before && (before.spec.visible ?? true) === told ? before.visible : told, opacity: before?.opacity ?? overlay.opacity ?? 1, hidden: before?.hidden ?? new Set(),
        threshold: before?.threshold ?? overlay.threshold ?? 0, colours: before?.colours ?? overlay.colours, fill: before?.fill ?? overlay.fill,
      };
    });
    if (same) this.overlays.push(...old.overlays.filter(({ fresh }) => fresh));
    this.target = same ? old.target : null; // source of the mask under the brush; "" for a new one, null for the first at hand
  }

  /** The greys it opens with; PET is read dark on white. */
  resetGreys() {
    const [[name, ...window]] = this.presets;
    Object.assign(this, { preset: name, window, invert: this.spec.unit === "SUV" });
  }

  get images() { return [this.image, ...this.overlays.map((o) => o.image).filter(Boolean)]; }
  /** The mask under the brush, where it has touched one. */
  get edited() {
    const overlay = this.overlays.find(({ edited }) => edited);
    return overlay ? { image: overlay.edited } : null;
  }
  get colour() { return this.image.channels === 3; }

  /** The image without the mask; an overlay lies on the same grid. */
  layers(frame, { pixels, smooth, smoothOverlays, smoothLabels, bare, overlaysShown, thickness }) {
    const map = mapping(frame, this.geometry.inverse, pixels);
    const base = layer(this.colour ? "rgb" : "grey", this.image, map, {
      window: this.window, invert: this.invert, smooth,
      slab: thickness.mode === "none" ? undefined : slab(thickness.mm, thickness.mode, frame.plane, this.geometry.inverse),
    });
    base.slab ??= { count: 1, mode: 0, step: [0, 0, 0] };
    if (bare || !overlaysShown) return [base];
    const over = this.overlays.filter((o) => o.visible && o.image).map((o) => (o.spec.kind === "heat"
      ? layer("heat", o.image, map, { lut: lut(o.colours), opacity: o.opacity, threshold: o.threshold, smooth: smoothOverlays })
      : labels(o.edited ?? o.image, map, o.opacity, o.fill, o.hidden, pixels, smoothLabels)));
    return [base, ...over.flat()];
  }

  /** The layer of this pane drawn into another pane's frame: through the registration. */
  layerInto(frame, other, options) {
    const inverse = multiply(this.geometry.inverse, multiply(this.fromReference, other.toReference));
    return layer(this.colour ? "rgb" : "grey", this.image, mapping(frame, inverse, options.pixels),
      { window: this.window, invert: this.invert, smooth: options.smooth, ...options.layer });
  }

  /** Outlines of this pane's masks drawn into another pane's frame, in a colour of their own. */
  outlinesInto(frame, other, options) {
    const inverse = multiply(this.geometry.inverse, multiply(this.fromReference, other.toReference));
    const map = mapping(frame, inverse, options.pixels);
    return this.overlays.filter((o) => o.visible && o.image && o.spec.kind === "labels").map((o) =>
      layer("labels", o.edited ?? o.image, map, { lut: laterTable(o.hidden), opacity: 0.95, outline: 1.25 * options.pixels, smooth: options.smoothLabels }));
  }

  #middle() {
    const index = this.image.dims.map((n) => Math.floor(n / 2));
    return this.geometry.toWorld(index);
  }
}

const labelTables = new Map(), laterTables = new Map(); // the same table for the same labels: the card keeps it

function laterTable(hidden) {
  const key = [...hidden].sort().join();
  if (!laterTables.has(key)) laterTables.set(key, laterLut(hidden));
  return laterTables.get(key);
}

function labels(image, map, opacity, filled, hidden, pixels, smooth) {
  const key = [...hidden].sort().join();
  if (!labelTables.has(key)) labelTables.set(key, labelLut(hidden));
  const table = labelTables.get(key);
  const edge = layer("labels", image, map, { lut: table, opacity: Math.min(1, opacity + 0.4), outline: 1.25 * pixels, smooth });
  return filled ? [layer("labels", image, map, { lut: table, opacity: opacity * 0.7, smooth }), edge] : [edge];
}
