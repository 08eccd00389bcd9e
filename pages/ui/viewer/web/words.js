// Words in the language of the page; the English text is the key, as in the Python catalogues.
let words = {};

/** Marks a text for the catalogues; `t` translates it later. */
export const N_ = (text) => text;

export async function loadWords({ root, version, words: name }) {
  if (loadWords.name_ === name) return;
  try {
    const answer = await fetch(new URL(`${root}/viewer/${version}/${name}`, location.origin));
    if (answer.ok) words = await answer.json();
    loadWords.name_ = name;
  } catch { /* without its words the viewer speaks English */ }
}

export function t(text, values = {}) {
  return (words[text] || text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
