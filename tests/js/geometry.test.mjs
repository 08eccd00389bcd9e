import assert from "node:assert/strict";
import { test } from "node:test";
import { Geometry, letters } from "../../pages/ui/viewer/web/geometry.js";
import { apply, distance, invert, multiply } from "../../pages/ui/viewer/web/vec.js";
import { Frame, View } from "../../pages/ui/viewer/web/view.js";

// (slice, row, column) to LPS: slices up, rows to posterior, columns to left
const axial = (s, r, c, origin = [0, 0, 0]) => [0, 0, c, origin[0], 0, r, 0, origin[1], s, 0, 0, origin[2]];
const near = (a, b, tolerance = 1e-9) => assert.ok(distance(a, b) < tolerance, `${a} is not ${b}`);

test("the inverse of an affine matrix undoes it", () => {
  const m = [0.3, -0.2, 0.9, 12, 0.1, 0.8, 0.4, -7, 2.5, 0.2, 0, 33];
  near(apply(invert(m), apply(m, [3, 4, 5])), [3, 4, 5]);
  near(apply(multiply(invert(m), m), [7, -8, 9]), [7, -8, 9]);
});

test("an axial scan shows right on the left and anterior on top", () => {
  const geometry = new Geometry(axial(3, 1, 1), [10, 20, 30], "PATIENT");
  assert.equal(geometry.main, "axial");
  const { u, v } = geometry.planes.axial;
  assert.deepEqual([letters(u), letters(v)], [["L"], ["P"]]);
});

test("coronal and sagittal planes have the head on top", () => {
  const { planes } = new Geometry(axial(3, 1, 1), [10, 20, 30], "PATIENT");
  assert.deepEqual([letters(planes.coronal.u), letters(planes.coronal.v)], [["L"], ["I"]]);
  assert.deepEqual([letters(planes.sagittal.u), letters(planes.sagittal.v)], [["P"], ["I"]]);
});

test("slices stored from head to feet scroll upwards all the same", () => {
  const geometry = new Geometry(axial(-3, 1, 1), [10, 20, 30], "PATIENT");
  const plane = geometry.planes.axial;
  const from = geometry.toWorld([5, 0, 0]);
  near(geometry.scrolled(from, plane, 1), geometry.toWorld([4, 0, 0]));
  assert.equal(geometry.slice(from, plane), 4); // slice 9 is the lowest, so index 5 is the fifth from below
});

test("scrolling stops at the last slice and lands on slice centres", () => {
  const geometry = new Geometry(axial(3, 1, 1), [10, 20, 30], "PATIENT");
  const plane = geometry.planes.axial;
  near(geometry.scrolled(geometry.toWorld([8.4, 2, 2]), plane, 5), geometry.toWorld([9, 2, 2]));
  near(geometry.scrolled(geometry.toWorld([40, 2, 2]), plane, -1), geometry.toWorld([8, 2, 2]));
});

test("an oblique scan is shown in the nearest planes with two letters", () => {
  const [cos, sin] = [Math.cos(0.5), Math.sin(0.5)];
  const tilted = [0, 0, 1, 0, -4 * sin, cos, 0, 0, 4 * cos, sin, 0, 0];
  const geometry = new Geometry(tilted, [10, 20, 30], "PATIENT");
  assert.equal(geometry.main, "axial");
  assert.deepEqual(letters(geometry.planes.axial.v), ["P", "S"]);
  assert.ok(Math.abs(geometry.planes.axial.step - 4) < 1e-9);
});

test("a sagittal acquisition opens in its own plane", () => {
  // slices to the right, rows down, columns to posterior
  const geometry = new Geometry([-1.5, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0], [100, 200, 200], "PATIENT");
  assert.equal(geometry.main, "sagittal");
  assert.deepEqual([letters(geometry.planes.sagittal.u), letters(geometry.planes.sagittal.v)], [["P"], ["I"]]);
});

test("a picture has one plane and no letters of the patient", () => {
  const geometry = new Geometry(axial(1, 1, 1), [1, 20, 30], "NONE");
  assert.deepEqual(Object.keys(geometry.planes), ["native"]);
  assert.equal(geometry.volumetric, false);
});

test("screen points go to the world and back, rotated, flipped and zoomed, with anisotropic voxels", () => {
  const geometry = new Geometry(axial(5, 0.7, 1.3, [10, 20, 30]), [10, 200, 100], "PATIENT");
  const view = new View();
  Object.assign(view, { rotation: 90, flipH: true });
  const frame = new Frame(view, geometry, geometry.planes.axial, geometry.centre, 640, 480);
  frame.zoomAt(100, 50, 3);
  const zoomed = new Frame(view, geometry, geometry.planes.axial, geometry.centre, 640, 480);
  near(zoomed.toWorld(100, 50), frame.toWorld(100, 50), 1e-6); // the point under the cursor stays
  const [x, y] = zoomed.toScreen(zoomed.toWorld(321, 123));
  assert.ok(Math.hypot(x - 321, y - 123) < 1e-9);
});

test("a fitted view shows the whole grid in true proportion", () => {
  const geometry = new Geometry(axial(5, 0.5, 2), [10, 200, 100], "PATIENT"); // 100 mm high, 200 mm wide
  const frame = new Frame(new View(), geometry, geometry.planes.axial, geometry.centre, 400, 400);
  assert.ok(Math.abs(frame.mmPerPx - 0.5) < 1e-9);
  const [left, top] = frame.toScreen(geometry.toWorld([5, -0.5, -0.5]));
  assert.ok(Math.abs(left) < 1e-9 && Math.abs(top - 100) < 1e-9);
});
