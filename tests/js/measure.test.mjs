import assert from "node:assert/strict";
import { test } from "node:test";
import { Geometry } from "../../pages/ui/viewer/web/geometry.js";
import { Image } from "../../pages/ui/viewer/web/images.js";
import { angleDeg, area, measure, polygonArea, statistics, unitOf } from "../../pages/ui/viewer/web/measure.js";
import { corners, dragged, perpendicularEnd } from "../../pages/ui/viewer/web/shapes.js";
import { cross, distance, dot, sub, unit } from "../../pages/ui/viewer/web/vec.js";

const close = (a, b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) < tolerance, `${a} is not ${b}`);

function scan(affine, dims, value) {
  const image = new Image({ content: "test", dims, kind: "int16" });
  let at = 0;
  for (let s = 0; s < dims[0]; s++) for (let r = 0; r < dims[1]; r++) for (let c = 0; c < dims[2]; c++) image.data[at++] = value(s, r, c);
  image.have.fill(1);
  image.ready = [0, dims[0]];
  return { image, geometry: new Geometry(affine, dims, "PATIENT"), colour: false };
}

const AXIAL = [0, 0, 0.5, 0, 0, 2, 0, 0, 4, 0, 0, 0]; // 4 mm slices, 2 mm rows, 0.5 mm columns

test("a length is the distance in mm along any direction of an anisotropic scan", () => {
  const pane = scan(AXIAL, [3, 20, 80], () => 0);
  const points = [pane.geometry.toWorld([1, 2, 8]), pane.geometry.toWorld([1, 5, 24])];
  close(measure({ kind: "length", points }, pane).longest, Math.hypot(3 * 2, 16 * 0.5));
});

test("angles of 90, 45 and 180 degrees", () => {
  close(angleDeg([[1, 0, 0], [0, 0, 0], [0, 2, 0]]), 90);
  close(angleDeg([[5, 0, 0], [0, 0, 0], [3, 3, 0]]), 45);
  close(angleDeg([[1, 0, 0], [0, 0, 0], [-1, 0, 0]]), 180);
});

test("the area of a polygon tilted in space is its own, not its shadow's", () => {
  const [u, v] = [unit([1, 1, 1]), unit(cross([1, 1, 1], [0, 0, 1]))];
  const at = (a, b) => [0, 1, 2].map((k) => 7 + a * u[k] + b * v[k]);
  close(polygonArea([at(0, 0), at(4, 0), at(4, 3), at(0, 3)]), 12);
});

test("a rectangle holds exactly the voxels whose centres it holds", () => {
  const pane = scan(AXIAL, [3, 20, 80], (s, r, c) => 100 * s + r + c);
  const points = corners(pane.geometry.toWorld([1, 2.6, 9.6]), pane.geometry.toWorld([1, 5.4, 12.4]), [1, 0, 0], [0, 1, 0]);
  const found = statistics({ kind: "rectangle", points }, pane.image, pane.geometry, pane.geometry.planes.axial);
  const values = [3, 4, 5].flatMap((r) => [10, 11, 12].map((c) => 100 + r + c));
  const mean = values.reduce((a, b) => a + b) / 9;
  assert.equal(found.count, 9);
  close(found.mean, mean);
  close(found.sd, Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 9));
  assert.deepEqual([found.min, found.max], [113, 117]);
});

test("an ellipse over a step edge counts both sides and gives its area", () => {
  const pane = scan([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0], [1, 101, 101], (s, r, c) => (c < 50 ? -100 : 100));
  pane.geometry = new Geometry([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0], [1, 101, 101], "PATIENT");
  const points = corners([19.5, 29.5, 0], [79.5, 69.5, 0], [1, 0, 0], [0, 1, 0]);
  const mark = { kind: "ellipse", points };
  close(area(mark), Math.PI * 30 * 20);
  const found = statistics(mark, pane.image, pane.geometry, pane.geometry.planes.axial);
  assert.ok(Math.abs(found.count - Math.PI * 600) < 30);
  close(found.mean, 0, 2);
});

test("a region on a coronal plane reads that plane's voxels", () => {
  const pane = scan(AXIAL, [10, 20, 80], (s, r) => r);
  const points = [[2, 10, 5], [20, 10, 5], [20, 10, 25], [2, 10, 25]]; // y = 10 mm is row 5
  const found = measure({ kind: "freehand", plane: "coronal", points }, pane);
  assert.deepEqual([found.min, found.max], [5, 5]);
  close(found.area, 18 * 20);
});

test("the short axis is at right angles to the long one and follows it", () => {
  const long = [[0, 0, 0], [30, 40, 0]];
  const end = perpendicularEnd([10, 10, 0], [40, 0, 0], sub(long[1], long[0]));
  close(dot(sub(end, [10, 10, 0]), sub(long[1], long[0])), 0);
  const mark = { kind: "bidirectional", points: [...long, [10, 10, 0], end] };
  const after = dragged(mark, 1, [0, 50, 0], { u: [1, 0, 0], v: [0, 1, 0] });
  close(dot(sub(after.points[3], after.points[2]), sub(after.points[1], after.points[0])), 0);
  close(distance(after.points[2], after.points[3]), distance(mark.points[2], mark.points[3]));
});

test("dragging any corner of a rectangle leaves the opposite one where it is", () => {
  const points = corners([0, 0, 0], [10, 6, 0], [1, 0, 0], [0, 1, 0]);
  for (let handle = 0; handle < 4; handle++) {
    const after = dragged({ kind: "rectangle", points }, handle, [20, 30, 0], { u: [1, 0, 0], v: [0, 1, 0] });
    assert.deepEqual(after.points[handle], [20, 30, 0]);
    assert.deepEqual(after.points[(handle + 2) % 4], points[(handle + 2) % 4]);
    const [a, b, c, d] = after.points;
    close(dot(sub(b, a), sub(d, a)), 0);
    close(distance(sub(b, a), sub(c, d)), 0);
    close(Math.abs(sub(b, a)[1]), 0); // the first edge stays the one along u
  }
});

test("millimetres are refused where the image has no scale", () => {
  assert.equal(unitOf({ kind: "NONE" }), "px");
  assert.equal(unitOf({ kind: "DETECTOR" }), "mm detector");
  assert.equal(unitOf(new Geometry([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0], [4, 32, 32], "PATIENT", true)), "px", "its mm are placeholders");
});

test("the longer axis of a bidirectional mark is its longest, whichever was drawn first", () => {
  const short = [[0, 0, 0], [3, 0, 0]], long = [[1, -2, 0], [1, 5, 0]];
  const pane = { geometry: new Geometry(AXIAL, [3, 3, 3], "PATIENT") };
  for (const points of [[...short, ...long], [...long, ...short]]) {
    assert.deepEqual(measure({ kind: "bidirectional", points }, pane), { longest: 7, shortest: 3 });
  }
  assert.deepEqual(measure({ kind: "bidirectional", points: short }, pane), { longest: 3 });
});
