// Mounts a viewer into its place on the page, updates it on a rerun, removes it on a page change.
import { el } from "./dom.js";
import { Viewer } from "./viewer.js";
import { loadWords, t } from "./words.js";

const KEPT = 32;
const mounted = new WeakMap(); // parentElement -> Viewer
const specs = new Map(); // token -> what to show: it never changes under its token

/** What to show; it comes over the pixel route, because a rerun would send it again and again. */
async function specOf({ main, spec: token, proof, key }) {
  const root = main.slice(0, main.indexOf("/viewer/"));
  const version = main.split("/").at(-2);
  if (!specs.has(token)) {
    const answer = await fetch(new URL(`${root}/pixels/${token}`, location.origin), { headers: { "X-Pixels-Proof": proof }, cache: "no-store" });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    specs.set(token, await answer.json());
    if (specs.size > KEPT) specs.delete(specs.keys().next().value);
  }
  return { ...specs.get(token), root, version, proof, key };
}

export function mount(component) {
  const { parentElement, data } = component;
  const viewer = mounted.get(parentElement) ?? new Viewer(parentElement, component);
  mounted.set(parentElement, viewer);
  viewer.asked = data.spec;
  const show = async () => {
    try {
      const spec = await specOf(data);
      await loadWords(spec);
      if (viewer.asked === data.spec && mounted.get(parentElement) === viewer) viewer.show(spec, component);
    } catch (error) {
      const again = el("button", { onclick: () => { notice.remove(); show(); } }, t("Try again"));
      const notice = el("p", { role: "alert" }, t("The viewer could not be filled: {reason}.", { reason: error.message }), " ", again);
      parentElement.append(notice);
    }
  };
  show();
  return () => {
    mounted.get(parentElement)?.close();
    mounted.delete(parentElement);
  };
}
