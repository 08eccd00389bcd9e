// Mounts a viewer into its place on the page, updates it on a rerun, removes it on a page change.
import { Viewer } from "./viewer.js";
import { loadWords } from "./words.js";

const mounted = new WeakMap(); // parentElement -> Viewer

export function mount(component) {
  const { parentElement, data } = component;
  const here = mounted.get(parentElement);
  if (here) {
    here.update(data, component);
  } else {
    const viewer = new Viewer(parentElement, component);
    mounted.set(parentElement, viewer);
    loadWords(data).then(() => viewer.open(data));
  }
  return () => {
    mounted.get(parentElement)?.close();
    mounted.delete(parentElement);
  };
}
