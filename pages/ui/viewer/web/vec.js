// Vectors of three numbers and 3×4 affine matrices in row order.
export const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a, k) => [a[0] * k, a[1] * k, a[2] * k];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const norm = (a) => Math.hypot(a[0], a[1], a[2]);
export const unit = (a) => scale(a, 1 / norm(a));
export const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
];
export const distance = (a, b) => norm(sub(a, b));

export const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
export const column = (m, k) => [m[k], m[4 + k], m[8 + k]];

/** Point through an affine matrix. */
export const apply = (m, p) => [
  m[0] * p[0] + m[1] * p[1] + m[2] * p[2] + m[3],
  m[4] * p[0] + m[5] * p[1] + m[6] * p[2] + m[7],
  m[8] * p[0] + m[9] * p[1] + m[10] * p[2] + m[11],
];

/** Direction through an affine matrix: without its shift. */
export const turn = (m, p) => [
  m[0] * p[0] + m[1] * p[1] + m[2] * p[2],
  m[4] * p[0] + m[5] * p[1] + m[6] * p[2],
  m[8] * p[0] + m[9] * p[1] + m[10] * p[2],
];

export function invert(m) {
  const [a, b, c] = [column(m, 0), column(m, 1), column(m, 2)];
  const rows = [cross(b, c), cross(c, a), cross(a, b)];
  const det = dot(a, rows[0]);
  const shift = column(m, 3);
  return rows.flatMap((row) => {
    const r = scale(row, 1 / det);
    return [...r, -dot(r, shift)];
  });
}

/** First b, then a. */
export function multiply(a, b) {
  const columns = [0, 1, 2].map((k) => turn(a, column(b, k)));
  const shift = apply(a, column(b, 3));
  return [0, 1, 2].flatMap((r) => [columns[0][r], columns[1][r], columns[2][r], shift[r]]);
}
