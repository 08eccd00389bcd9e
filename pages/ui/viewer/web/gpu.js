// Draws layers with WebGL 2: one context and one texture a volume for all viewports of the page.
import { fragment, VERTEX } from "./shaders.js";
import { runAround } from "./images.js";

const FORMATS = {
  "uint8:1": ["R8UI", "RED_INTEGER", "UNSIGNED_BYTE"], "int16:1": ["R16I", "RED_INTEGER", "SHORT"],
  "uint16:1": ["R16UI", "RED_INTEGER", "UNSIGNED_SHORT"], "float32:1": ["R32F", "RED", "FLOAT"],
  "uint8:3": ["RGB8UI", "RGB_INTEGER", "UNSIGNED_BYTE"], "uint16:3": ["RGB16UI", "RGB_INTEGER", "UNSIGNED_SHORT"],
};
const TEXTURE_BYTES = 1.5e9;
const UPLOAD_BYTES = 48 << 20; // within one frame
const UNIFORMS = ["voxels", "lut", "dims", "origin", "du", "dv", "dn", "ready", "grey", "size", "clip", "opacity", "threshold",
  "checker", "outline", "inverted", "smoothed", "coloured", "taps", "slabCount", "slabMode", "mixing"];

export class GpuRenderer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.gl = this.canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, premultipliedAlpha: true });
    if (!this.gl) throw new Error("no WebGL 2");
    this.lost = false;
    this.onRestored = () => {};
    this.canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); this.lost = true; this.onRestored(); });
    this.canvas.addEventListener("webglcontextrestored", () => { this.#prepare(); this.lost = false; this.onRestored(); });
    this.#prepare();
  }

  #prepare() {
    const { gl } = this;
    this.programs = new Map();
    this.textures = new Map();
    this.luts = new Map();
    this.limits = { layers: gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS), side: gl.getParameter(gl.MAX_TEXTURE_SIZE) };
    gl.bindVertexArray(gl.createVertexArray());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  }

  /** Draw layers into a 2-D context; true when voxels are still on their way to the card, so that another draw is due. */
  draw(layers, context, width, height) {
    const { gl, canvas } = this;
    if (canvas.width < width) canvas.width = width;
    if (canvas.height < height) canvas.height = height;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    const waiting = layers.map((layer) => this.#drawLayer(layer, width, height)).some(Boolean);
    context.drawImage(canvas, 0, canvas.height - height, width, height, 0, 0, width, height);
    return waiting;
  }

  #drawLayer(layer, width, height) {
    const { gl } = this;
    const texture = this.#texture(layer);
    const { program, at } = this.#program(layer.kind, layer.image.kind);
    const index = (v) => v.map((value, k) => value / texture.stride[k]);
    const origin = [...layer.origin];
    if (texture.slice !== undefined) origin[0] -= texture.slice;
    gl.useProgram(program);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.#lut(layer.lut));
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture.handle);
    gl.uniform1i(at.voxels, 0);
    gl.uniform1i(at.lut, 1);
    gl.uniform3iv(at.dims, texture.dims);
    gl.uniform3fv(at.origin, index(origin));
    gl.uniform3fv(at.du, index(layer.du));
    gl.uniform3fv(at.dv, index(layer.dv));
    gl.uniform3fv(at.dn, index(layer.slab.step));
    gl.uniform2fv(at.ready, texture.ready);
    gl.uniform2fv(at.grey, layer.window);
    gl.uniform2f(at.size, width, height);
    gl.uniform4fv(at.clip, layer.clip ?? [0, 0, width, height]);
    gl.uniform1f(at.opacity, layer.opacity);
    gl.uniform1f(at.threshold, layer.threshold);
    gl.uniform1f(at.checker, layer.checker);
    gl.uniform1f(at.outline, layer.outline);
    gl.uniform1i(at.inverted, layer.invert);
    gl.uniform1i(at.smoothed, layer.smooth);
    gl.uniform1i(at.coloured, layer.lut !== null && layer.kind === "grey");
    gl.uniform1i(at.taps, layer.taps);
    gl.uniform1i(at.slabCount, layer.slab.count);
    gl.uniform1i(at.slabMode, layer.slab.mode);
    gl.uniform1i(at.mixing, layer.mix);
    if (layer.mix === 2) gl.blendFunc(gl.ONE, gl.ONE); else gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    if (texture.ready[1] > texture.ready[0]) gl.drawArrays(gl.TRIANGLES, 0, 3);
    return texture.waiting;
  }

  #program(kind, numbers) {
    const key = `${kind}:${numbers}`;
    if (!this.programs.has(key)) {
      const { gl } = this;
      const program = gl.createProgram();
      for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment(kind, numbers)]]) {
        const shader = gl.createShader(type);
        gl.shaderSource(shader, source);
        gl.compileShader(shader);
        gl.attachShader(program, shader);
      }
      gl.linkProgram(program);
      if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
        throw new Error(`${gl.getProgramInfoLog(program)} ${gl.getAttachedShaders(program).map((s) => gl.getShaderInfoLog(s))}`);
      }
      const at = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
      this.programs.set(key, { program, at });
    }
    return this.programs.get(key);
  }

  #lut(table) {
    const { gl } = this;
    if (!this.luts.has(table)) {
      if (this.luts.size > 64) { for (const old of this.luts.values()) gl.deleteTexture(old); this.luts.clear(); }
      const handle = gl.createTexture();
      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, handle);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table ?? new Uint8Array(1024));
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      this.luts.set(table, handle);
    }
    return this.luts.get(table);
  }

  /** Whether the card holds this image at full resolution. */
  reduced(image) { return this.textures.get(image)?.stride.some((n) => n > 1) ?? false; }

  #texture({ image, origin, du, dv, slab }) {
    const whole = this.textures.get(image) ?? this.#create(image, this.#strides(image));
    this.textures.delete(image);
    this.textures.set(image, whole);
    this.#trim();
    const slice = Math.round(origin[0]);
    const flat = Math.abs(du[0]) + Math.abs(dv[0]) < 1e-9 && slab.count === 1 && image.have[slice];
    const detailed = whole.stride.some((n) => n > 1) && flat && Math.max(...image.dims.slice(1)) <= this.limits.side;
    if (detailed) return this.#detail(whole, image, slice);
    this.#upload(whole, image);
    return whole;
  }

  #strides({ dims: [slices, rows, columns] }) {
    const { layers, side } = this.limits;
    const inPlane = Math.max(1, Math.ceil(rows / side), Math.ceil(columns / side));
    return [Math.max(1, Math.ceil(slices / layers)), inPlane, inPlane];
  }

  #create(image, stride) {
    const { gl } = this;
    const dims = image.dims.map((n, k) => Math.ceil(n / stride[k]));
    const [internal] = FORMATS[`${image.kind}:${image.channels}`];
    const handle = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, handle);
    while (gl.getError() !== gl.NO_ERROR && !gl.isContextLost());
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl[internal], dims[2], dims[1], dims[0]);
    if (gl.getError() === gl.OUT_OF_MEMORY && Math.max(...stride) < 16) {
      gl.deleteTexture(handle);
      return this.#create(image, stride.map((n, k) => (image.dims[k] > 64 ? n * 2 : n)));
    }
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D_ARRAY, filter, gl.NEAREST);
    const bytes = dims[0] * dims[1] * dims[2] * image.channels * image.data.BYTES_PER_ELEMENT;
    const middle = Math.floor(dims[0] / 2);
    return { handle, dims, stride, bytes, have: new Uint8Array(dims[0]), ready: [middle, middle], version: image.version, waiting: false };
  }

  #upload(texture, image) {
    const [step] = texture.stride;
    if (texture.version !== image.version) { texture.have.fill(0); texture.version = image.version; }
    else if (texture.waiting === false && texture.seen === image.ready[1] - image.ready[0]) return;
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture.handle);
    let budget = UPLOAD_BYTES;
    const layers = texture.dims[0], middle = Math.floor(layers / 2);
    for (let k = 0; k < layers * 2 && budget > 0; k++) { // middle, then to both sides
      const z = middle + (k % 2 ? -(k + 1) / 2 : k / 2);
      if (z < 0 || z >= layers || texture.have[z] || !image.have[Math.min(z * step, image.dims[0] - 1)]) continue;
      const slice = sliceOf(image, z * step, texture.stride);
      this.#put(image, slice, z, texture.dims);
      budget -= slice.byteLength;
      texture.have[z] = 1;
    }
    texture.waiting = budget <= 0;
    texture.seen = image.ready[1] - image.ready[0];
    texture.ready = runAround(texture.have, middle);
  }

  #put(image, values, z, dims) {
    const { gl } = this;
    const [, format, type] = FORMATS[`${image.kind}:${image.channels}`];
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, z, dims[2], dims[1], 1, gl[format], gl[type], values);
  }

  /** The slice in view at full resolution, beside a volume that the card holds only reduced. */
  #detail(whole, image, slice) {
    const { gl } = this;
    whole.detail ??= { ...this.#create({ ...plain(image), dims: [1, ...image.dims.slice(1)] }, [1, 1, 1]), ready: [0, 1] };
    const { detail } = whole;
    if (detail.slice !== slice || detail.version !== image.version) {
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, detail.handle);
      this.#put(image, sliceOf(image, slice, [1, 1, 1]), 0, detail.dims);
      Object.assign(detail, { slice, version: image.version });
    }
    return detail;
  }

  /** Send one slice again after a brush has changed it. */
  refresh(image, slice) {
    const texture = this.textures.get(image);
    if (!texture || this.lost) return;
    texture.version = image.version;
    if (slice % texture.stride[0]) return;
    this.gl.activeTexture(this.gl.TEXTURE0);
    this.gl.bindTexture(this.gl.TEXTURE_2D_ARRAY, texture.handle);
    this.#put(image, sliceOf(image, slice, texture.stride), slice / texture.stride[0], texture.dims);
  }

  #trim() {
    let bytes = 0;
    for (const texture of this.textures.values()) bytes += texture.bytes;
    for (const [image, texture] of this.textures) {
      if (bytes <= TEXTURE_BYTES || this.textures.size <= 2) return;
      this.gl.deleteTexture(texture.handle);
      if (texture.detail) this.gl.deleteTexture(texture.detail.handle);
      this.textures.delete(image);
      bytes -= texture.bytes;
    }
  }
}

const plain = ({ kind, channels, data, version }) => ({ kind, channels, data, version });

function sliceOf(image, slice, [, stepRow, stepColumn]) {
  const whole = image.data.subarray(slice * image.sliceLength, (slice + 1) * image.sliceLength);
  if (stepRow === 1 && stepColumn === 1) return whole;
  const [, rows, columns] = image.dims, { channels } = image;
  const [outRows, outColumns] = [Math.ceil(rows / stepRow), Math.ceil(columns / stepColumn)];
  const out = new whole.constructor(outRows * outColumns * channels);
  let to = 0;
  for (let r = 0; r < rows; r += stepRow) {
    for (let c = 0; c < columns; c += stepColumn) {
      for (let k = 0; k < channels; k++) out[to++] = whole[(r * columns + c) * channels + k];
    }
  }
  return out;
}
