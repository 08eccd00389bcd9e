// Draws the same layers without WebGL, into a canvas's own pixels.
const MODE_MAX = 1, MODE_MIN = 2, MODE_MEAN = 3;

export class CpuRenderer {
  constructor() { this.lost = false; }
  reduced() { return false; }
  refresh() {}

  draw(layers, context, width, height) {
    const picture = context.createImageData(width, height);
    const out = picture.data;
    for (let i = 3; i < out.length; i += 4) out[i] = 255;
    for (const layer of layers) if (layer.image.ready[1] > layer.image.ready[0]) paint(layer, out, width, height);
    context.putImageData(picture, 0, 0);
    return false;
  }
}

function paint(layer, out, width, height) {
  const colour = colouring(layer);
  const { origin, du, dv, checker, mix } = layer;
  const [left, top, right, bottom] = layer.clip ?? [0, 0, width, height];
  const rgba = new Float64Array(4);
  for (let y = Math.max(0, Math.ceil(top)); y < Math.min(height, bottom); y++) {
    for (let x = Math.max(0, Math.ceil(left)); x < Math.min(width, right); x++) {
      if (checker && (Math.floor(x / checker) + Math.floor(y / checker)) % 2 === 0) continue;
      const s = origin[0] + du[0] * x + dv[0] * y;
      const r = origin[1] + du[1] * x + dv[1] * y;
      const c = origin[2] + du[2] * x + dv[2] * y;
      if (!colour(s, r, c, rgba)) continue;
      const to = (y * width + x) * 4, alpha = rgba[3];
      for (let k = 0; k < 3; k++) {
        if (mix === 1) out[to + k] = (255 - rgba[k]) / 2;
        else if (mix === 2) out[to + k] += rgba[k] / 2;
        else out[to + k] = rgba[k] * alpha + out[to + k] * (1 - alpha);
      }
    }
  }
}

/** A function (slice, row, column, rgba) that fills rgba with 0..255 and an alpha 0..1, false where nothing is drawn. */
function colouring(layer) {
  if (layer.kind === "labels") return labelColouring(layer);
  const sample = sampler(layer);
  const { lut, opacity, threshold, invert } = layer;
  const [low, high] = layer.window;
  if (layer.kind === "heat") {
    return (s, r, c, rgba) => {
      const value = sample(s, r, c, 0);
      const heat = value / 255;
      if (!(heat >= threshold) || heat <= 0) return false;
      const entry = Math.round(Math.min(255, value)) * 4;
      for (let k = 0; k < 3; k++) rgba[k] = lut[entry + k];
      rgba[3] = opacity * Math.min(1, 0.15 + (heat - threshold) * 4.25);
      return true;
    };
  }
  return (s, r, c, rgba) => {
    for (let k = 0; k < 3; k++) {
      if (k && layer.image.channels === 1) { rgba[k] = rgba[0]; continue; }
      const value = sample(s, r, c, k);
      if (Number.isNaN(value)) return false;
      const shown = Math.min(1, Math.max(0, (value - low) / (high - low)));
      rgba[k] = 255 * (invert ? 1 - shown : shown);
    }
    if (lut) {
      const entry = Math.round(rgba[0]) * 4;
      for (let k = 0; k < 3; k++) rgba[k] = lut[entry + k];
    }
    rgba[3] = opacity;
    return true;
  };
}

function labelColouring({ image, lut, opacity, outline, du, dv, smooth }) {
  const whole = (s, r, c) => image.at(Math.round(s), Math.round(r), Math.round(c)) || 0;
  const at = smooth ? (s, r, c) => mostOf(image, s, r, c) : whole;
  const near = (s, r, c, step, k) => at(s + step[0] * k, r + step[1] * k, c + step[2] * k);
  return (s, r, c, rgba) => {
    const label = at(s, r, c);
    if (!label) return false;
    const same = (step, k) => near(s, r, c, step, k) === label;
    if (outline && same(du, outline) && same(du, -outline) && same(dv, outline) && same(dv, -outline)) return false;
    const entry = (1 + ((label - 1) % 255)) * 4;
    for (let k = 0; k < 3; k++) rgba[k] = lut[entry + k];
    rgba[3] = opacity * (lut[entry + 3] / 255);
    return rgba[3] > 0;
  };
}

const near = new Float64Array(8), share = new Float64Array(8);

/** The label that most of the neighbourhood of a point carries, weighted as for linear interpolation. */
function mostOf(image, s, r, c) {
  if (outside(image, s, r, c)) return 0;
  const s0 = Math.floor(s), r0 = Math.floor(r), c0 = Math.floor(c);
  const fs = s - s0, fr = r - r0, fc = c - c0, count = fs < 0.001 ? 4 : 8;
  let same = true;
  for (let k = 0; k < count; k++) {
    const [os, or, oc] = [k >> 2, (k >> 1) & 1, k & 1];
    near[k] = image.at(clamp(s0 + os, image.dims[0] - 1), clamp(r0 + or, image.dims[1] - 1), clamp(c0 + oc, image.dims[2] - 1)) || 0;
    share[k] = (count === 4 ? 1 : os ? fs : 1 - fs) * (or ? fr : 1 - fr) * (oc ? fc : 1 - fc);
    same &&= near[k] === near[0];
  }
  if (same) return near[0];
  let best = 0, most = -1;
  for (let k = 0; k < count; k++) {
    let sum = 0;
    for (let j = 0; j < count; j++) if (near[j] === near[k]) sum += share[j];
    if (sum > most) { most = sum; best = near[k]; }
  }
  return best;
}

/** A function (slice, row, column, channel) giving the value there, NaN outside. */
function sampler(layer) {
  const one = layer.taps > 1 ? averaged(layer) : layer.smooth ? linear(layer.image) : nearest(layer.image);
  const { count, mode, step } = layer.slab;
  if (count === 1) return one;
  return (s, r, c, k) => {
    let found = 0, value = NaN;
    for (let i = 0; i < count; i++) {
      const along = i - (count - 1) / 2;
      const here = one(s + step[0] * along, r + step[1] * along, c + step[2] * along, k);
      if (Number.isNaN(here)) continue;
      if (!found++) value = here;
      else if (mode === MODE_MAX) value = Math.max(value, here);
      else if (mode === MODE_MIN) value = Math.min(value, here);
      else if (mode === MODE_MEAN) value += here;
    }
    return mode === MODE_MEAN && found ? value / found : value;
  };
}

const outside = ({ dims, ready }, s, r, c) =>
  s < ready[0] - 0.5001 || s >= ready[1] - 0.4999 || r <= -0.5 || r >= dims[1] - 0.5 || c <= -0.5 || c >= dims[2] - 0.5;

const clamp = (value, last) => (value < 0 ? 0 : value > last ? last : value);

function nearest(image) {
  const { data, channels, dims } = image;
  const [, rows, columns] = dims;
  return (s, r, c, k) => {
    if (outside(image, s, r, c)) return NaN;
    const slice = Math.max(image.ready[0], Math.min(image.ready[1] - 1, Math.round(s)));
    return data[((slice * rows + clamp(Math.round(r), rows - 1)) * columns + clamp(Math.round(c), columns - 1)) * channels + k];
  };
}

function averaged({ image, du, dv, taps }) {
  const one = nearest(image);
  return (s, r, c, k) => {
    let sum = 0, count = 0;
    for (let y = 0; y < taps; y++) {
      for (let x = 0; x < taps; x++) {
        const [a, b] = [(x + 0.5) / taps - 0.5, (y + 0.5) / taps - 0.5];
        const value = one(s + du[0] * a + dv[0] * b, r + du[1] * a + dv[1] * b, c + du[2] * a + dv[2] * b, k);
        if (!Number.isNaN(value)) { sum += value; count++; }
      }
    }
    return count ? sum / count : NaN;
  };
}

export function linear(image) {
  const { data, channels, dims } = image;
  const [, rows, columns] = dims;
  const plane = (s, r0, r1, c0, c1, fr, fc, k) => {
    const a = (s * rows + r0) * columns, b = (s * rows + r1) * columns;
    const upper = data[(a + c0) * channels + k] * (1 - fc) + data[(a + c1) * channels + k] * fc;
    const lower = data[(b + c0) * channels + k] * (1 - fc) + data[(b + c1) * channels + k] * fc;
    return upper * (1 - fr) + lower * fr;
  };
  return (s, r, c, k) => {
    if (outside(image, s, r, c)) return NaN;
    const s0 = Math.floor(s), r0 = Math.floor(r), c0 = Math.floor(c);
    const fs = s - s0, fr = r - r0, fc = c - c0;
    const [first, last] = [image.ready[0], image.ready[1] - 1];
    const ra = clamp(r0, rows - 1), rb = clamp(r0 + 1, rows - 1), ca = clamp(c0, columns - 1), cb = clamp(c0 + 1, columns - 1);
    const here = plane(Math.max(first, Math.min(last, s0)), ra, rb, ca, cb, fr, fc, k);
    if (fs < 0.001) return here;
    return here * (1 - fs) + plane(Math.max(first, Math.min(last, s0 + 1)), ra, rb, ca, cb, fr, fc, k) * fs;
  };
}
