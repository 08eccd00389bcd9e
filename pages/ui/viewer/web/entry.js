// What Streamlit carries: loads the viewer's modules once and hands every call on to them.
export default function (component) {
  const { root, version } = component.data;
  const address = new URL(`${root}/viewer/${version}/main.js`, location.origin).href;
  let gone = false, cleanup = null;
  import(address).then((main) => {
    if (!gone) cleanup = main.mount(component);
  }).catch((error) => {
    component.parentElement.textContent = `The viewer could not be loaded: ${error.message}. Reload the page.`;
  });
  return () => { gone = true; cleanup?.(); };
}
