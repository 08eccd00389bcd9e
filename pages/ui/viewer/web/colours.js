// Perceptually uniform colour maps, colour-blind safe, from evenly spaced anchors, and the colours of labels.
const ANCHORS = {
  inferno: "000004 160b39 420a68 6a176e 932667 bc3754 dd513a f37819 fca50a f6d746 fcffa4",
  viridis: "440154 482475 414487 355f8d 2a788e 21908d 22a884 42be71 7ad151 bddf26 fde725",
  cividis: "00204d 00306f 2a406c 48526b 5e626e 727374 878479 9e9677 b6a971 d0be67 ead357",
  warm: "4a1500 7a2800 a83f00 d45a00 f0771a ff9840 ffba78 ffdcb4",
  cool: "00214a 003a7a 0057ac 1477d4 3c97f0 6cb4fb 9dcffd cfe8ff",
};
export const COLOUR_MAPS = Object.keys(ANCHORS);

/** Okabe and Ito's colours, which colour-blind eyes tell apart; black is left out on a dark ground. */
const LABELS = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [213, 94, 0], [204, 121, 167], [0, 114, 178]];
export const labelColour = (value) => LABELS[(value - 1) % LABELS.length];

const made = new Map();

/** 256 × RGBA bytes. */
export function lut(name) {
  if (!made.has(name)) made.set(name, interpolate(ANCHORS[name] ?? ANCHORS.inferno));
  return made.get(name);
}

function interpolate(text) {
  const anchors = text.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const table = new Uint8Array(1024);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (anchors.length - 1);
    const from = Math.min(Math.floor(at), anchors.length - 2);
    for (let k = 0; k < 3; k++) table[i * 4 + k] = Math.round(anchors[from][k] + (at - from) * (anchors[from + 1][k] - anchors[from][k]));
    table[i * 4 + 3] = 255;
  }
  return table;
}

/** 256 × RGBA bytes for labels; a hidden one is clear. */
export function labelLut(hidden) {
  const table = new Uint8Array(1024);
  for (let i = 1; i < 256; i++) table.set([...labelColour(i), hidden.has(i) ? 0 : 255], i * 4);
  return table;
}

/** 256 × RGBA bytes for the labels of a later scan over an earlier one: all sky blue, which is no label's first colour. */
export function laterLut(hidden) {
  const table = new Uint8Array(1024);
  for (let i = 1; i < 256; i++) table.set([86, 180, 233, hidden.has(i) ? 0 : 255], i * 4);
  return table;
}

/** Opacity of one heat value 0..1: clear below the threshold, full a fifth of the way above it. */
export const heatAlpha = (heat, threshold) => (heat < threshold || heat <= 0 ? 0 : Math.min(1, 0.15 + (heat - threshold) * 4.25));
