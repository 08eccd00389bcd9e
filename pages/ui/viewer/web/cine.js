// A loop through the slices of the viewport in hand.
export class Cine {
  constructor(viewer) { Object.assign(this, { viewer, perSecond: 15, running: null }); }

  toggle() { if (this.running) this.stop(); else this.start(); }

  start() {
    const { viewer } = this;
    const { viewport } = viewer;
    if (viewport.plane.count < 2) return;
    this.running = setInterval(() => {
      const { pane, plane } = viewport;
      const last = pane.geometry.slice(pane.crosshair, plane) >= plane.count - 1;
      viewer.scroll(viewport, last ? 1 - plane.count : 1);
    }, 1000 / this.perSecond);
    viewer.toolbar.mark();
  }

  stop() {
    clearInterval(this.running);
    this.running = null;
    this.viewer.toolbar?.mark();
  }

  setSpeed(perSecond) {
    this.perSecond = perSecond;
    if (this.running) { this.stop(); this.start(); }
  }
}
