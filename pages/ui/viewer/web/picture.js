// A PNG of what is seen: picture, overlays, marks and texts, without what belongs to the page only.
const STYLE = `text{font:12px sans-serif;fill:#e8ecf0;stroke:#000;stroke-width:3px;paint-order:stroke}
.letter{font-weight:600;font-size:15px;fill:#ffc46b}.bar{fill:none;stroke:#e8ecf0;stroke-width:1.5}
.crosshair{fill:none;stroke:#5ad1a0}.mark path,.mark ellipse{fill:none;stroke:#ffd166;stroke-width:2}
.mark circle{fill:#000;stroke:#ffd166}.box rect{fill:none;stroke:#56b4e9;stroke-width:2}.brush{display:none}`;

export async function savePicture(viewer) {
  const blob = await pictureOf(viewer);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "medcore-view.png"; // no title: it may tell whose scan it is
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 5000);
}

export async function pictureOf(viewer) {
  const { stage, viewports } = viewer;
  const pixels = window.devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(stage.clientWidth * pixels), height: Math.round(stage.clientHeight * pixels) });
  const context = canvas.getContext("2d");
  context.scale(pixels, pixels);
  const corner = stage.getBoundingClientRect();
  for (const viewport of viewports) {
    const box = viewport.element.getBoundingClientRect();
    const [x, y] = [box.left - corner.left, box.top - corner.top];
    context.drawImage(viewport.canvas, x, y, box.width, box.height);
    context.drawImage(await drawn(viewport.over, box), x, y, box.width, box.height);
    writeTexts(context, viewport, x, y, box);
  }
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}

async function drawn(over, { width, height }) {
  const copy = over.cloneNode(true);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = STYLE;
  copy.prepend(style);
  const image = new window.Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}

function writeTexts(context, { texts }, x, y, { width, height }) {
  Object.assign(context, { font: "12px sans-serif", fillStyle: "#e8ecf0", strokeStyle: "#000", lineWidth: 3, lineJoin: "round" });
  const places = { title: ["left", x + 10, y + 20, 1], window: ["right", x + width - 30, y + 20, 1], place: ["left", x + 10, y + height - 10, -1] };
  for (const [name, [align, left, top, down]] of Object.entries(places)) {
    context.textAlign = align;
    const lines = texts[name].textContent.split("\n");
    (down > 0 ? lines : [...lines].reverse()).forEach((line, k) => {
      context.strokeText(line, left, top + down * 16 * k);
      context.fillText(line, left, top + down * 16 * k);
    });
  }
}
