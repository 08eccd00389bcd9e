// One scan of the viewer: its voxels, place, grey window, overlays, and the layers they make.
import { labelLut, lut } from "./colours.js";
import { Geometry } from "./geometry.js";
import { imageFor } from "./images.js";
import { layer, mapping, slab } from "./layers.js";
import { IDENTITY, invert, multiply } from "./vec.js";
import { presetsOf } from "./windowing.js";

export class Pane {
  /** @param old the pane that showed the same voxels before, whose settings are kept */
  constructor(spec, number, first, old) {
    Object.assign(this, { spec, number });
    this.image = imageFor(spec.image);
    this.geometry = new Geometry(spec.affine, spec.image.dims, spec.scale);
    this.presets = presetsOf(spec);
    this.spread = Math.max(spec.range[1] - spec.range[0], 1e-6);
    this.toReference = spec.toReference ? spec.toReference.slice(0, 12) : IDENTITY;
    this.fromReference = invert(this.toReference);
    this.related = Boolean(spec.toReference) || number === 0 || (spec.frame !== "" && spec.frame === first.frame && spec.scale === "PATIENT");
    this.preset = old?.preset ?? this.presets[0][0];
    this.window = old?.window ?? this.presets[0].slice(1);
    this.invert = old?.invert ?? false;
    this.crosshair = old?.crosshair ?? this.#middle();
    this.overlays = spec.overlays.map((overlay, k) => {
      const before = old?.overlays.find((o) => o.spec.title === overlay.title && o.spec.kind === overlay.kind);
      return {
        spec: overlay, id: `${number}:${k}`, image: overlay.image ? imageFor(overlay.image) : null,
        visible: before?.visible ?? true, opacity: before?.opacity ?? overlay.opacity ?? 1, hidden: before?.hidden ?? new Set(),
        threshold: before?.threshold ?? overlay.threshold ?? 0, colours: before?.colours ?? overlay.colours, fill: before?.fill ?? overlay.fill,
      };
    });
    this.edited = old?.edited ?? null; // the mask under the brush
  }

  get images() { return [this.image, ...this.overlays.map((o) => o.image).filter(Boolean)]; }
  get colour() { return this.image.channels === 3; }

  /** The image without the mask; an overlay lies on the same grid. */
  layers(frame, { pixels, smooth, bare, overlaysShown, thickness }) {
    const map = mapping(frame, this.geometry.inverse, pixels);
    const base = layer(this.colour ? "rgb" : "grey", this.image, map, {
      window: this.window, invert: this.invert, smooth,
      slab: thickness.mode === "none" ? undefined : slab(thickness.mm, thickness.mode, frame.plane, this.geometry.inverse),
    });
    base.slab ??= { count: 1, mode: 0, step: [0, 0, 0] };
    if (bare || !overlaysShown) return [base];
    const drawn = this.overlays.filter((o) => o.visible && o.image && !(this.edited && o.spec.kind === "labels"));
    const over = drawn.map((o) => (o.spec.kind === "heat"
      ? layer("heat", o.image, map, { lut: lut(o.colours), opacity: o.opacity, threshold: o.threshold, smooth: true })
      : labels(o.image, map, o.opacity, o.fill, o.hidden, pixels)));
    if (this.edited) over.push(labels(this.edited.image, map, 0.5, true, new Set(), pixels));
    return [base, ...over.flat()];
  }

  /** The layer of this pane drawn into another pane's frame: through the registration. */
  layerInto(frame, other, options) {
    const inverse = multiply(this.geometry.inverse, multiply(this.fromReference, other.toReference));
    return layer(this.colour ? "rgb" : "grey", this.image, mapping(frame, inverse, options.pixels),
      { window: this.window, invert: this.invert, smooth: options.smooth, ...options.layer });
  }

  #middle() {
    const index = this.image.dims.map((n) => Math.floor(n / 2));
    return this.geometry.toWorld(index);
  }
}

const labelTables = new Map();

function labels(image, map, opacity, filled, hidden, pixels) {
  const key = [...hidden].sort().join();
  if (!labelTables.has(key)) labelTables.set(key, labelLut(hidden));
  const table = labelTables.get(key);
  const edge = layer("labels", image, map, { lut: table, opacity: Math.min(1, opacity + 0.4), outline: 1.25 * pixels });
  return filled ? [layer("labels", image, map, { lut: table, opacity: opacity * 0.7 }), edge] : [edge];
}
