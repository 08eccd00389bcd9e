// Voxels in the browser: fetched slab by slab from the middle outwards, kept by content until memory is needed.
const ARRAYS = { uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, float32: Float32Array };
const SLAB_BYTES = 4 << 20;
const PARALLEL = 3;
export const KEPT_BYTES = 1.5e9;
const kept = new Map(); // content hash -> Image, the least recently used first

/** [first, last) slices in the order to fetch: the middle one alone, then slabs to both sides in turn. */
export function slabs(slices, slicesPerSlab) {
  const middle = Math.floor(slices / 2);
  const order = [[middle, middle + 1]];
  let [below, above] = [middle, middle + 1];
  while (below > 0 || above < slices) {
    if (above < slices) order.push([above, (above = Math.min(slices, above + slicesPerSlab))]);
    if (below > 0) { const end = below; order.push([(below = Math.max(0, below - slicesPerSlab)), end]); }
  }
  return order;
}

/** The run of true around the middle, as [first, last). */
export function runAround(flags, middle) {
  if (!flags[middle]) return [middle, middle];
  let [first, last] = [middle, middle + 1];
  while (first > 0 && flags[first - 1]) first--;
  while (last < flags.length && flags[last]) last++;
  return [first, last];
}

export class Image {
  /** @param kind number type, with ":3" for colour */
  constructor({ content, dims, kind: numbers }) {
    const [kind, colours] = numbers.split(":");
    const channels = colours ? 3 : 1;
    Object.assign(this, { content, dims, kind, channels });
    const [slices, rows, columns] = dims;
    this.data = new ARRAYS[kind](slices * rows * columns * channels);
    this.sliceLength = rows * columns * channels;
    this.sliceBytes = this.sliceLength * this.data.BYTES_PER_ELEMENT;
    this.have = new Uint8Array(slices);
    this.ready = [Math.floor(slices / 2), Math.floor(slices / 2)]; // [first, last) of the slices that may be drawn
    this.error = null;
    this.listeners = new Set();
    this.version = 0; // grows with every change of voxels that were there already
  }

  get loaded() { return this.ready[1] - this.ready[0] === this.dims[0]; }
  get fraction() { return (this.ready[1] - this.ready[0]) / this.dims[0]; }

  /** Value at whole (slice, row, column), or null outside and where it has not come yet. */
  at(slice, row, column, channel = 0) {
    const [slices, rows, columns] = this.dims;
    if (slice < 0 || row < 0 || column < 0 || slice >= slices || row >= rows || column >= columns) return null;
    if (!this.have[slice]) return null;
    return this.data[((slice * rows + row) * columns + column) * this.channels + channel];
  }

  notify() { for (const listener of this.listeners) listener(this); }

  /** Fetch what is missing. Only one load runs at a time; a failure stays in `error` until the next call. */
  async load(source) {
    if (this.loading || this.loaded) return;
    this.loading = true;
    this.error = null;
    const perSlab = Math.max(1, Math.floor(SLAB_BYTES / this.sliceBytes));
    const todo = slabs(this.dims[0], perSlab).filter(([first, last]) => this.have.subarray(first, last).some((x) => !x));
    try {
      if (todo.length) {
        await this.#fetchSlab(source, todo.shift());
        await drawnOrLate();
      }
      await Promise.all(Array.from({ length: PARALLEL }, async () => {
        while (todo.length && !this.error) await this.#fetchSlab(source, todo.shift());
      }));
    } catch (error) {
      this.error = error;
    }
    this.loading = false;
    this.notify();
  }

  async #fetchSlab({ address, proof }, [first, last]) {
    const [from, to] = [first * this.sliceBytes, last * this.sliceBytes];
    const answer = await fetch(address, { headers: { "X-Pixels-Proof": proof, Range: `bytes=${from}-${to - 1}` }, cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status === 404 ? "gone" : `HTTP ${answer.status}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (bytes.length !== to - from) throw new Error("incomplete");
    new Uint8Array(this.data.buffer).set(bytes, from);
    this.have.fill(1, first, last);
    this.ready = runAround(this.have, Math.floor(this.dims[0] / 2));
    this.notify();
  }
}

/** The first slice is to be seen before the others take the line; a hidden page draws nothing, so not for long. */
const drawnOrLate = () => new Promise((resolve) => {
  setTimeout(resolve, 500);
  requestAnimationFrame(() => requestAnimationFrame(resolve));
});

/** The image with this content: from memory where it has been fetched before. */
export function imageFor(spec) {
  const known = kept.get(spec.content);
  const image = known ?? new Image(spec);
  kept.delete(spec.content);
  kept.set(spec.content, image);
  trim();
  return image;
}

function trim() {
  let bytes = 0;
  for (const image of kept.values()) bytes += image.data.byteLength;
  for (const [content, image] of kept) {
    if (bytes <= KEPT_BYTES) return;
    if (image.listeners.size) continue; // on screen
    bytes -= image.data.byteLength;
    kept.delete(content);
  }
}
