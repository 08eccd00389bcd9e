import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOUR_MAPS, lut } from "../../pages/ui/viewer/web/colours.js";
import { linear } from "../../pages/ui/viewer/web/cpu.js";
import { CpuRenderer } from "../../pages/ui/viewer/web/cpu.js";
import { fusionLayers } from "../../pages/ui/viewer/web/fusion.js";
import { History } from "../../pages/ui/viewer/web/history.js";
import { Image, runAround, slabs } from "../../pages/ui/viewer/web/images.js";
import { layer, MIX } from "../../pages/ui/viewer/web/layers.js";
import { barLength, cutBoxes } from "../../pages/ui/viewer/web/furniture.js";
import { Geometry } from "../../pages/ui/viewer/web/geometry.js";
import { Frame, View } from "../../pages/ui/viewer/web/view.js";
import { dragged, grey, presetsOf } from "../../pages/ui/viewer/web/windowing.js";

function image(dims, kind, values) {
  const made = new Image({ content: String(Math.random()), dims, kind });
  made.data.set(values);
  made.have.fill(1);
  made.ready = [0, dims[0]];
  return made;
}

/** Draw with the Canvas 2D renderer into plain bytes. */
function draw(layers, width, height) {
  let result;
  const context = {
    createImageData: (w, h) => ({ data: new Uint8ClampedArray(w * h * 4) }),
    putImageData: ({ data }) => { result = data; },
  };
  new CpuRenderer().draw(layers, context, width, height);
  return Array.from({ length: width * height }, (_, k) => [...result.subarray(k * 4, k * 4 + 3)]);
}

const ONE_TO_ONE = { origin: [0, 0, 0], du: [0, 0, 1], dv: [0, 1, 0], taps: 1 };

test("the middle slice comes first, alone, and every slice comes once", () => {
  const order = slabs(300, 8);
  assert.deepEqual(order[0], [150, 151]);
  const seen = order.flatMap(([a, b]) => Array.from({ length: b - a }, (_, k) => a + k)).sort((a, b) => a - b);
  assert.deepEqual(seen, Array.from({ length: 300 }, (_, k) => k));
  assert.deepEqual(slabs(1, 8), [[0, 1]]);
});

test("only the run of slices around the middle counts as there", () => {
  assert.deepEqual(runAround([1, 0, 1, 1, 1, 0, 1], 3), [2, 5]);
  assert.deepEqual(runAround([1, 0, 1], 1), [1, 1]);
});

test("a window maps its ends to black and white and a drag to the right widens it", () => {
  assert.deepEqual([grey(-160, -160, 240), grey(40, -160, 240), grey(300, -160, 240)], [0, 0.5, 1]);
  const [low, high] = dragged([-160, 240], 30, 0, 2000);
  assert.ok(high - low > 400 && Math.abs((low + high) / 2 - 40) < 1e-9);
  const [low2, high2] = dragged([-160, 240], 0, 30, 2000);
  assert.ok(Math.abs(high2 - low2 - 400) < 1e-9 && (low2 + high2) / 2 > 40);
});

test("a CT opens in soft tissue with every organ's window at hand, an MR by percentiles, a stored window first", () => {
  const spec = { unit: "HU", window: null, auto: [-900, 700], range: [-1024, 3000] };
  assert.deepEqual(presetsOf(spec)[0], ["Soft tissue", -160, 240]);
  assert.ok(["Lung", "Mediastinum", "Bone", "Brain", "Liver"].every((name) => presetsOf(spec).some(([known]) => known === name)));
  assert.equal(presetsOf({ ...spec, unit: "GREY" })[0][0], "Automatic");
  assert.deepEqual(presetsOf({ ...spec, window: [0, 80] })[0], ["As stored", 0, 80]);
});

test("uptake opens from 0 to 7 SUV, whatever its hottest voxel is, and keeps a stored window first", () => {
  const spec = { unit: "SUV", window: null, auto: [0, 2.3], range: [0, 31] };
  assert.deepEqual(presetsOf(spec)[0], ["SUV 0 to 7", 0, 7]);
  assert.deepEqual(presetsOf(spec).slice(-2).map(([name]) => name), ["Automatic", "Full range"]);
  assert.deepEqual(presetsOf({ ...spec, window: [0, 4] }).slice(0, 2).map(([name]) => name), ["As stored", "Automatic"]);
});

test("the fallback draws each voxel with its windowed grey", () => {
  const voxels = image([1, 2, 3], "int16", [-100, 0, 100, 200, 300, 1000]);
  const drawn = draw([layer("grey", voxels, ONE_TO_ONE, { window: [0, 200], smooth: false })], 3, 2);
  assert.deepEqual(drawn.map(([r]) => r), [0, 0, 128, 255, 255, 255]);
  const inverted = draw([layer("grey", voxels, ONE_TO_ONE, { window: [0, 200], invert: true, smooth: false })], 3, 2);
  assert.deepEqual(inverted.map(([r]) => r), [255, 255, 128, 0, 0, 0]);
});

test("linear interpolation is halfway between two voxels at their border and at the edge the voxel itself", () => {
  const at = linear(image([2, 1, 2], "int16", [0, 10, 20, 30]));
  assert.equal(at(0, 0, 0.5, 0), 5);
  assert.equal(at(0.5, 0, 0.5, 0), 15);
  assert.equal(at(0, 0, -0.4, 0), 0);
  assert.ok(Number.isNaN(at(0, 0, 1.6, 0)));
});

test("thick slabs give maximum, minimum and mean over their slices", () => {
  const voxels = image([3, 1, 1], "uint8", [10, 250, 40]);
  const thick = (mode) => draw([layer("grey", voxels, { ...ONE_TO_ONE, origin: [1, 0, 0] }, { slab: { count: 3, mode, step: [1, 0, 0] } })], 1, 1)[0][0];
  assert.deepEqual([thick(1), thick(2), thick(3)], [250, 10, 100]);
});

test("heat is clear below its threshold and coloured above", () => {
  const heat = image([1, 1, 2], "uint8", [40, 255]);
  const drawn = draw([layer("heat", heat, ONE_TO_ONE, { lut: lut("viridis"), threshold: 0.5, smooth: false })], 2, 1);
  assert.deepEqual(drawn, [[0, 0, 0], [253, 231, 37]]);
});

test("an outline leaves the inside of a label clear", () => {
  const labels = image([1, 5, 5], "uint8", Array.from({ length: 25 }, (_, k) => (k % 5 > 0 && k % 5 < 4 && k > 4 && k < 20 ? 1 : 0)));
  const table = new Uint8Array(1024).fill(255);
  const drawn = draw([layer("labels", labels, ONE_TO_ONE, { lut: table, outline: 1 })], 5, 5).map(([r]) => (r ? 1 : 0));
  assert.deepEqual(drawn, [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
});

test("a difference is middle grey where nothing changed, brighter where the second scan is", () => {
  const first = image([1, 1, 3], "uint8", [100, 100, 100]), second = image([1, 1, 3], "uint8", [100, 200, 0]);
  const drawn = draw([layer("grey", first, ONE_TO_ONE, { mix: MIX.negative, smooth: false }), layer("grey", second, ONE_TO_ONE, { mix: MIX.add, smooth: false })], 3, 1);
  assert.deepEqual(drawn.map(([r]) => r), [128, 178, 78]);
});

test("the lightness of every colour map grows from end to end, so that more always looks like more", () => {
  const lightness = (r, g, b) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 116 * Math.cbrt(0.2126 * x + 0.7152 * y + 0.0722 * z + 1e-6) - 16;
  };
  for (const name of COLOUR_MAPS) {
    const table = lut(name);
    const values = Array.from({ length: 256 }, (_, k) => lightness(table[k * 4], table[k * 4 + 1], table[k * 4 + 2]));
    const steps = values.slice(1).map((value, k) => value - values[k]);
    assert.ok(Math.min(...steps) > -0.2, name); // bytes are rounded
    assert.ok(values[255] - values[0] > 60, name);
  }
});

test("the scale bar is a round length of at most a quarter of the picture", () => {
  assert.equal(barLength(0.5, 800), 100);
  assert.equal(barLength(0.14, 600), 20);
});

test("a box is shown on the slices it spans and nowhere else", () => {
  const geometry = new Geometry([0, 0, 1, 0, 0, 1, 0, 0, 2, 0, 0, 0], [20, 50, 50], "PATIENT");
  const boxes = [{ corners: [4, 10, 20, 6, 14, 29] }];
  const on = (slice) => cutBoxes(new Frame(new View(), geometry, geometry.planes.axial, geometry.toWorld([slice, 0, 0]), 100, 100), boxes);
  assert.deepEqual([3, 4, 6, 7].map((slice) => on(slice).length), [0, 1, 1, 0]);
  assert.deepEqual(on(5).map(({ width, height }) => [width, height]), [[20, 10]]); // 10 × 5 voxels, two pixels a mm
});

test("undo and redo walk the same way back and forth; a new action ends the redo", () => {
  const history = new History();
  const seen = [];
  history.push(() => seen.push("undo 1"), () => seen.push("redo 1"));
  history.push(() => seen.push("undo 2"), () => seen.push("redo 2"));
  history.undo(); history.undo(); history.redo();
  assert.deepEqual(seen, ["undo 2", "undo 1", "redo 1"]);
  history.push(() => {}, () => {});
  assert.equal(history.redo(), false);
});

test("uptake blended over a CT is in colour, over other uptake as both are shown", () => {
  const pane = (unit) => ({
    spec: { unit }, layers: () => [{ unit }], outlinesInto: () => [],
    layerInto: (frame, other, { layer: options }) => ({ unit, invert: true, lut: null, ...options }),
  });
  const blend = (first, second) => fusionLayers(
    { panes: [pane(first), pane(second)], fusion: { mode: "blend", amount: 0.5 } }, { width: 1, height: 1 }, { pixels: 1, overlaysShown: true },
  )[1];
  assert.deepEqual(blend("HU", "SUV"), { unit: "SUV", invert: false, lut: lut("inferno"), opacity: 0.5 });
  assert.deepEqual(blend("SUV", "SUV"), { unit: "SUV", invert: true, lut: null, opacity: 0.5 });
});

test("a difference is second less first, bright where there is more, however the scans are shown", () => {
  const pane = { spec: { unit: "SUV" }, layers: () => [{ invert: true }], outlinesInto: () => [],
    layerInto: (frame, other, { layer: options }) => ({ invert: true, ...options }) };
  const viewer = { panes: [pane, pane], fusion: { mode: "difference", amount: 0.5 } };
  const drawn = fusionLayers(viewer, { width: 1, height: 1 }, { pixels: 1, overlaysShown: true });
  assert.deepEqual(drawn, [{ invert: false, mix: MIX.negative }, { invert: false, mix: MIX.add }]);
});
