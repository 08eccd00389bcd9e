// Menus that open under a button of the bar; they close on a choice, a click elsewhere, or Escape.
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./words.js";

/** A button with a menu; `fill` makes the menu's content each time it opens. */
export function menu(name, title, fill, { pressed = false } = {}) {
  const place = el("div", { class: "menu", hidden: true });
  const button = el("button", {
    type: "button", title: t(title), "aria-label": t(title), "aria-haspopup": "true", "aria-expanded": "false", "aria-pressed": pressed ? "true" : null,
    onclick: () => (place.hidden ? open() : close()),
  }, icon(name), el("span", { class: "caret", "aria-hidden": "true" }, "▾"));
  const outside = (event) => { if (!event.composedPath().includes(holder)) close(); };
  const open = () => {
    place.replaceChildren(...fill(close).filter(Boolean));
    place.hidden = false;
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside, true);
    place.querySelector("button, input, select")?.focus();
  };
  const close = () => {
    place.hidden = true;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
  };
  const holder = el("div", { class: "holder" }, button, place);
  holder.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !place.hidden) { close(); button.focus(); event.stopPropagation(); }
    if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target.matches(".menu button")) {
      const all = [...place.querySelectorAll("button")];
      all[(all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length].focus();
      event.preventDefault();
      event.stopPropagation();
    }
  });
  return holder;
}

/** One line of a menu that does something. */
export function item(name, text, action, { pressed, key } = {}) {
  return el("button", { type: "button", class: "item", "aria-pressed": pressed === undefined ? null : String(pressed), onclick: action },
    name ? icon(name) : el("span", { class: "icon" }), el("span", { class: "what" }, t(text)), key ? el("kbd", {}, key) : null);
}

/** One line of a menu that is on or off. */
export function check(text, on, action, colour = null) {
  const box = el("input", { type: "checkbox", onchange: () => action(box.checked) });
  box.checked = on;
  return el("label", { class: "item" }, box, colour ? el("span", { class: "chip", style: `background:rgb(${colour.join()})` }) : null, el("span", { class: "what" }, text));
}
