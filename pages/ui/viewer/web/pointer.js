// Mouse, pen and touch on the pictures: the tool in hand, wheel, pinch, double click.
import { add, dot, scale, sub } from "./vec.js";

const CLICK_PIXELS = 4;
const NOTCH = 40; // wheel pixels for one slice
const PIXELS_PER_SLICE = 6;

export function listenPointer(viewer) {
  const pointers = new Map();
  let action = null, pinch = null;
  const { stage } = viewer;
  const viewportOf = (event) => event.target.closest?.(".viewport")?.viewport;
  const place = (viewport, event) => {
    const box = viewport.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  stage.addEventListener("pointerdown", (event) => {
    const viewport = viewportOf(event);
    if (!viewport || event.target.closest("button, input")) return;
    viewer.activate(viewport);
    viewport.element.focus({ preventScroll: true });
    pointers.set(event.pointerId, event);
    if (pointers.size === 2) { action?.cancel?.(); action = null; pinch = spread(pointers); return; }
    const [x, y] = place(viewport, event);
    action = begin(viewer, viewport, toolFor(viewer, event), x, y, event);
    action.viewport = viewport;
    action.last = action.from = [x, y];
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
  });

  stage.addEventListener("pointermove", (event) => {
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, event);
    if (pinch && pointers.size === 2) {
      const now = spread(pointers);
      const { viewport } = viewer;
      const box = viewport.element.getBoundingClientRect();
      viewer.zoom(viewport, now.x - box.left, now.y - box.top, now.size / pinch.size);
      viewer.pan(viewport, now.x - pinch.x, now.y - pinch.y);
      pinch = now;
      return;
    }
    const viewport = action?.viewport ?? viewportOf(event);
    if (!viewport) return;
    const [x, y] = place(viewport, event);
    viewport.read(x, y);
    if (!action) return viewer.hover?.(viewport, x, y);
    action.move?.(x, y, x - action.last[0], y - action.last[1], event);
    action.last = [x, y];
  });

  const finish = (event) => {
    pointers.delete(event.pointerId);
    if (pointers.size < 2) pinch = null;
    if (!action || pointers.size) return;
    const done = action;
    action = null;
    const [x, y] = place(done.viewport, event);
    if (event.type === "pointerup") done.end?.(x, y); else done.cancel?.();
    if (event.type === "pointerup" && done.plain && Math.hypot(x - done.from[0], y - done.from[1]) < CLICK_PIXELS) viewer.clicked(done.viewport, x, y);
  };
  stage.addEventListener("pointerup", finish);
  stage.addEventListener("pointercancel", finish);
  stage.addEventListener("pointerout", (event) => { if (!action) viewportOf(event)?.forget(); });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("dblclick", (event) => {
    if (viewportOf(event) && !event.target.closest("button, input")) viewer.doubleClick?.(viewportOf(event), event) || viewer.fit();
  });
  let turned = 0;
  stage.addEventListener("wheel", (event) => {
    const viewport = viewportOf(event);
    if (!viewport) return;
    event.preventDefault();
    viewer.activate(viewport);
    const [x, y] = place(viewport, event);
    const delta = event.deltaMode === 1 ? event.deltaY * NOTCH : event.deltaY;
    if (event.ctrlKey || event.metaKey || viewport.plane.count < 2) {
      viewer.zoom(viewport, x, y, Math.exp(-Math.max(-120, Math.min(120, delta)) * 0.003));
    } else {
      turned += delta;
      const steps = Math.trunc(turned / NOTCH);
      turned -= steps * NOTCH;
      const whole = Math.abs(delta) >= NOTCH ? Math.sign(delta) : steps; // one click of a wheel is one slice
      if (Math.abs(delta) >= NOTCH) turned = 0;
      if (whole) viewer.scroll(viewport, -whole);
    }
    viewport.read(x, y);
  }, { passive: false });
}

function spread(pointers) {
  const [a, b] = [...pointers.values()];
  return { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2, size: Math.max(10, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)) };
}

/** Right button zooms, middle button and space pan, the left one holds the chosen tool. */
function toolFor(viewer, event) {
  if (event.button === 1) return "pan";
  if (event.button === 2) return "zoom";
  if (event.shiftKey && viewer.tool === "window") return "pan";
  return viewer.tool;
}

function begin(viewer, viewport, tool, x, y, event) {
  if (viewport.cell.fusion && viewer.fusion.mode === "swipe" && event.button === 0 && nearCurtain(viewer, viewport, x)) {
    return { move: (atX) => viewer.setFusion({ amount: Math.min(1, Math.max(0, atX / viewport.element.clientWidth)) }) };
  }
  const own = viewer.beginMark?.(viewport, tool, x, y, event);
  if (own) return own;
  return { plain: event.button === 0, ...withTool(viewer, viewport, tool, x, y) };
}

function withTool(viewer, viewport, tool, x, y) {
  switch (tool) {
    case "pan": return { move: (_x, _y, dx, dy) => viewer.pan(viewport, dx, dy) };
    case "zoom": return { move: (_x, _y, dx, dy) => viewer.zoom(viewport, x, y, Math.exp(-dy * 0.01)) };
    case "scroll": return scrolling(viewer, viewport);
    case "crosshair": return crosshairing(viewer, viewport, x, y);
    default: return { move: (_x, _y, dx, dy) => viewer.dragWindow(viewport.pane, dx, dy) };
  }
}

const nearCurtain = (viewer, viewport, x) => Math.abs(x - viewer.fusion.amount * viewport.element.clientWidth) < 24;

function scrolling(viewer, viewport) {
  let rest = 0;
  return {
    move: (_x, _y, _dx, dy) => {
      rest += dy / PIXELS_PER_SLICE;
      const steps = Math.trunc(rest);
      rest -= steps;
      if (steps) viewer.scroll(viewport, -steps);
    },
  };
}

function crosshairing(viewer, viewport, x, y) {
  const go = (atX, atY) => {
    const frame = viewport.frame();
    const world = frame.toWorld(atX, atY);
    const inPlane = sub(world, scale(frame.plane.normal, dot(sub(world, frame.centre), frame.plane.normal)));
    const { pane } = viewport;
    if (pane.geometry.contains(inPlane)) viewer.moveCrosshair(pane, add(inPlane, [0, 0, 0]));
  };
  go(x, y);
  return { move: go };
}
