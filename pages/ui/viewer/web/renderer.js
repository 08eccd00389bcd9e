// Chooses WebGL 2 where the browser has it and Canvas 2D where not, also while a context is lost.
import { CpuRenderer } from "./cpu.js";
import { GpuRenderer } from "./gpu.js";

class Renderer {
  constructor() {
    this.cpu = new CpuRenderer();
    this.restored = new Set();
    try {
      this.gpu = new GpuRenderer();
      this.gpu.onRestored = () => { for (const redraw of this.restored) redraw(); };
    } catch {
      this.gpu = null;
    }
  }

  get chosen() { return this.gpu && !this.gpu.lost ? this.gpu : this.cpu; }
  get name() { return this.chosen === this.gpu ? "webgl2" : "canvas2d"; }
  get exactPixels() { return this.chosen === this.gpu; }

  draw(layers, context, width, height) {
    const first = this.chosen;
    try {
      return first.draw(layers, context, width, height);
    } catch (error) {
      if (first === this.cpu) throw error;
      console.warn("viewer: drawing without WebGL:", error.message);
      this.gpu = null;
      return this.cpu.draw(layers, context, width, height);
    }
  }

  reduced(image) { return this.chosen.reduced(image); }
  refresh(image, slice) { this.chosen.refresh(image, slice); }
}

let shared = null;

/** The page's one renderer: all viewers share its textures. */
export const sharedRenderer = () => (shared ??= new Renderer());
