// The graph of lesions over the visits: draws what Python laid out, and tells it what the reader dragged or chose.
const LANE = 26, HEAD = 26, LEFT = 74, COLUMN = 112, LEAST = 4.5, MOST = 10.5;
const NEAR = 5; // px a pointer must go before it is a drag
const SVG = "http://www.w3.org/2000/svg";
const open = new WeakMap(); // parentElement -> what is on the screen

/** An element of the drawing. */
const node = (name, attributes = {}, ...children) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

class Graph {
  constructor(parent) {
    this.box = document.createElement("div");
    this.box.className = "graph";
    this.live = document.createElement("div");
    this.live.className = "say";
    this.live.setAttribute("aria-live", "polite");
    parent.append(this.box, this.live);
    this.taken = null; // the mark that is being moved
    this.size = new ResizeObserver(() => { if (this.component && Math.abs(this.box.clientWidth - this.wide) > 4) this.show(this.component); });
    this.size.observe(this.box);
  }

  show(component) {
    const { data } = component;
    this.component = component;
    this.data = data;
    this.wide = this.box.clientWidth;
    this.tell = (wish) => component.setTriggerValue("wish", { ...wish, version: data.version });
    this.size.observe(this.box); // the cleanup of the run before has ended it
    const focused = this.focused();
    const wide = Math.max(this.box.clientWidth || 420, LEFT + COLUMN * data.visits.length);
    this.step = (wide - LEFT - 40) / Math.max(1, data.visits.length - 1);
    this.height = HEAD + LANE * data.lanes.length;
    this.svg = node("svg", { width: wide - 2, height: this.height + LANE + 6, role: "group", "aria-label": this.say("Lesions over the visits") });
    this.menu?.remove();
    this.box.replaceChildren(this.svg);
    this.lanes = data.lanes.map((lane, number) => this.lane(lane, number, wide));
    data.visits.forEach((title, number) => this.svg.append(node("text", { x: this.x(number), y: 17, "text-anchor": number === 0 ? "start" : number === data.visits.length - 1 ? "end" : "middle", class: "head", dx: number === 0 ? -8 : number === data.visits.length - 1 ? 22 : 0 }, title)));
    data.lines.forEach((line) => this.line(line));
    this.drop = node("rect", { x: LEFT - 14, y: this.height + 3, width: wide - LEFT, height: LANE - 3, rx: 5, class: "drop" });
    this.svg.append(this.drop, node("text", { x: LEFT, y: this.height + 18, class: "quiet" }, this.say("Drop here: a lesion of its own")));
    data.marks.forEach((mark, number) => this.mark(mark, number));
    if (focused) this.svg.querySelector(`[data-at="${focused}"]`)?.focus({ preventScroll: true });
    const chosen = this.data.lanes.findIndex((lane) => lane.chosen);
    const top = HEAD + LANE * chosen;
    if (chosen >= 0 && (top < this.box.scrollTop || top + LANE > this.box.scrollTop + this.box.clientHeight)) this.box.scrollTop = top - LANE;
  }

  say(text, values = {}) {
    return (this.data.words[text] ?? text).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  }

  focused() {
    return this.box.getRootNode().activeElement?.dataset?.at;
  }

  x(visit) { return LEFT + visit * this.step + 6; }
  y(lane) { return HEAD + LANE * lane + LANE / 2; }

  lane(lane, number, wide) {
    const row = node("rect", { x: 0, y: HEAD + LANE * number, width: wide, height: LANE, class: `lane ${number % 2 ? "odd" : ""} ${lane.chosen ? "chosen" : ""}` });
    const title = node("text", { x: 8, y: this.y(number) + 4 }, `${lane.id} ${lane.role}${lane.confirmed ? " ✓" : ""}`);
    title.append(node("title", {}, lane.title + (lane.confirmed ? ` · ${this.say("confirmed")}` : "")));
    this.svg.append(row, title);
    for (const part of [row, title]) part.addEventListener("click", () => this.tell({ act: "pick", lane: number, visit: 0, lesion: number }));
    return row;
  }

  line({ from, to, fate, confidence, text }) {
    const [x1, y1, x2, y2] = [this.x(from[1]), this.y(from[0]), this.x(to[1]), this.y(to[0])];
    const bend = (x2 - x1) / 2;
    this.svg.append(node("path", { d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`, class: `line ${fate}`, "stroke-width": 1 + 2.5 * confidence, opacity: 0.35 + 0.65 * confidence }));
    const [x, y] = fate === "merged" ? [x1 + 34, y1 - 5] : fate === "split_off" ? [x2 - 34, y2 - 5] : [(x1 + x2) / 2, (y1 + y2) / 2 - 4];
    if (text) this.svg.append(node("text", { x, y, "text-anchor": "middle", class: "quiet" }, text));
  }

  mark(mark, number) {
    const { lane, visit, kind, fate, size, movable, title } = mark;
    const r = kind === "seen" ? LEAST + (MOST - LEAST) * size : 5;
    const name = this.say("{lesion} at {visit}", { lesion: this.data.lanes[lane].id, visit: this.data.visits[visit] });
    const drawn = node("g", { class: `mark ${fate} ${movable ? "movable" : ""}`, transform: `translate(${this.x(visit)},${this.y(lane)})`, tabindex: 0, role: "button", "aria-label": `${name}: ${title}`, "data-at": `${lane}-${visit}` });
    drawn.append(node("title", {}, `${name}: ${title}`), node("circle", { r: r + 3, class: "halo", fill: "transparent" }));
    if (kind === "seen") drawn.append(node("circle", { r, class: "body" }));
    else if (kind === "outside") drawn.append(node("text", { "text-anchor": "middle", y: 4 }, "?"));
    else if (kind === "merged") drawn.append(node("path", { d: "M-4,-5 L4,0 L-4,5", class: "sign" }));
    else drawn.append(node("path", { d: "M-5,-5 L5,5 M-5,5 L5,-5", class: "sign" }));
    if (fate === "new") drawn.append(node("path", { d: "M-4,0 H4 M0,-4 V4", class: "plus" }));
    this.svg.append(drawn);
    drawn.addEventListener("pointerdown", (event) => this.press(event, mark, drawn));
    drawn.addEventListener("keydown", (event) => this.key(event, mark, drawn, number));
  }

  press(event, mark, drawn) {
    if (event.button) return;
    const start = [event.clientX, event.clientY];
    let ghost = null, aim = null;
    drawn.setPointerCapture(event.pointerId);
    const move = (now) => {
      if (!mark.movable || (!ghost && Math.hypot(now.clientX - start[0], now.clientY - start[1]) < NEAR)) return;
      const at = this.svg.getBoundingClientRect();
      if (!ghost) this.svg.append(ghost = node("line", { class: "ghost", x1: this.x(mark.visit), y1: this.y(mark.lane) }));
      ghost.setAttribute("x2", now.clientX - at.left);
      ghost.setAttribute("y2", now.clientY - at.top);
      this.aimAt(aim = this.laneAt(now.clientY - at.top));
    };
    const end = (now) => {
      drawn.removeEventListener("pointermove", move);
      drawn.removeEventListener("pointerup", end);
      drawn.removeEventListener("pointercancel", end);
      this.aimAt(null);
      ghost?.remove();
      if (!ghost) this.tell({ act: "pick", lane: mark.lane, visit: mark.visit, lesion: mark.lane });
      else if (now.type === "pointerup" && aim !== null && aim !== mark.lane) this.ask(mark, aim);
    };
    drawn.addEventListener("pointermove", move);
    drawn.addEventListener("pointerup", end);
    drawn.addEventListener("pointercancel", end);
  }

  laneAt(y) {
    if (y >= this.height) return -1;
    const lane = Math.floor((y - HEAD) / LANE);
    return lane >= 0 && lane < this.data.lanes.length ? lane : null;
  }

  aimAt(lane) {
    this.lanes.forEach((row, number) => row.classList.toggle("aim", number === lane));
    this.drop.classList.toggle("aim", lane === -1);
  }

  /** A mark was dropped on another lesion: what does that mean? */
  ask(mark, lesion) {
    const wish = (act) => ({ act, lane: mark.lane, visit: mark.visit, lesion });
    const other = this.data.lanes[lesion]?.id ?? "";
    if (mark.kind !== "seen") return this.tell(wish("end"));
    const taken = this.data.marks.some((one) => one.lane === lesion && one.visit === mark.visit && one.kind === "seen");
    if (lesion < 0 || !taken) return this.tell(wish("link"));
    this.menu?.remove();
    this.menu = document.createElement("div");
    this.menu.className = "menu";
    const back = () => { this.menu.remove(); this.svg.querySelector(`[data-at="${mark.lane}-${mark.visit}"]`)?.focus(); };
    for (const [text, then] of [["It is {lesion}", () => this.tell(wish("link"))], ["It is a part of {lesion}", () => this.tell(wish("part"))], ["Cancel", () => {}]]) {
      const button = document.createElement("button");
      button.textContent = this.say(text, { lesion: other });
      button.addEventListener("click", () => { back(); then(); });
      this.menu.append(button);
    }
    this.menu.addEventListener("keydown", (event) => {
      const all = [...this.menu.children], at = all.indexOf(this.menu.getRootNode().activeElement);
      if (event.key === "Escape") back();
      else if (event.key === "ArrowDown") all[(at + 1) % all.length].focus();
      else if (event.key === "ArrowUp") all[(at + all.length - 1) % all.length].focus();
      else return;
      event.preventDefault();
    });
    this.menu.style.left = `${Math.min(this.x(mark.visit), this.box.clientWidth - 170)}px`;
    this.menu.style.top = `${this.y(lesion) + 10}px`;
    this.box.append(this.menu);
    this.menu.firstChild.focus();
  }

  key(event, mark, drawn) {
    const act = (name) => this.tell({ act: name, lane: mark.lane, visit: mark.visit, lesion: mark.lane });
    if (this.taken) return this.aiming(event, mark, drawn);
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Enter" || event.key === " ") act("pick");
    else if (event.key === "c") act("confirm");
    else if (event.key === "m" && mark.movable) {
      this.taken = { lane: mark.lane };
      drawn.classList.add("taken");
      this.live.textContent = this.say("Which lesion is it? Up and down choose, Enter takes, Escape leaves it.");
    } else if (steps[event.key]) this.go(mark, ...steps[event.key]);
    else return;
    event.preventDefault();
  }

  /** A mark was taken with the keyboard: up and down choose a lesion. */
  aiming(event, mark, drawn) {
    const last = this.data.lanes.length - 1, { lane } = this.taken;
    const done = () => { this.taken = null; drawn.classList.remove("taken"); this.aimAt(null); };
    if (event.key === "ArrowDown") this.taken.lane = lane === -1 ? 0 : lane === last ? -1 : lane + 1;
    else if (event.key === "ArrowUp") this.taken.lane = lane === -1 ? last : lane === 0 ? -1 : lane - 1;
    else if (event.key === "Enter") { done(); if (lane !== mark.lane) this.ask(mark, lane); }
    else if (event.key === "Escape" || event.key === "Tab") done();
    if (this.taken) {
      this.aimAt(this.taken.lane);
      this.live.textContent = this.taken.lane < 0 ? this.say(mark.kind === "seen" ? "a lesion of its own" : "gone") : this.data.lanes[this.taken.lane].id;
    }
    if (event.key !== "Tab") event.preventDefault();
  }

  /** The focus goes to the nearest mark in that direction. */
  go(mark, lanes, visits) {
    const ahead = this.data.marks.filter((one) => (lanes ? Math.sign(one.lane - mark.lane) === lanes : one.lane === mark.lane && Math.sign(one.visit - mark.visit) === visits));
    const far = (one) => Math.abs(one.lane - mark.lane) * 10 + Math.abs(one.visit - mark.visit);
    const next = ahead.sort((one, other) => far(one) - far(other))[0];
    if (next) this.svg.querySelector(`[data-at="${next.lane}-${next.visit}"]`).focus();
  }
}

export default (component) => {
  const { parentElement } = component;
  if (!open.has(parentElement)) open.set(parentElement, new Graph(parentElement));
  const graph = open.get(parentElement);
  graph.show(component);
  return () => graph.size.disconnect();
};
