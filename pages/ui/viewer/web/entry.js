// What Streamlit carries with every rerun, so it is short: loads the viewer's modules and hands the call on.
export default (component) => {
  let gone, cleanup;
  import(new URL(component.data.main, location.origin).href)
    .then((main) => { if (!gone) cleanup = main.mount(component); })
    .catch((error) => { component.parentElement.textContent = error.message; });
  return () => { gone = true; cleanup?.(); };
};
