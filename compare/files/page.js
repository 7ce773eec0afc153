// What all pages share: elements by id, new elements, the theme.

/**
 * Return the element with this id. An Error says that there is none, or that it is of another kind.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function $(id, kind) {
  const element = find(id);
  if (!element || (kind && !(element instanceof kind))) throw new Error(`expected #${id}${kind ? ` (${kind.name})` : ""}, got ${element}`);
  return /** @type {Kind} */ (element);
}

/**
 * Return the element with this id, or null.
 * @param {string} id
 */
export const find = (id) => document.getElementById(id);

/** @param {string} id */
export const $input = (id) => $(id, HTMLInputElement);

/** @param {string} id */
export const $select = (id) => $(id, HTMLSelectElement);

/** @param {string} id */
export const $button = (id) => $(id, HTMLButtonElement);

/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>} Attributes */

/** @typedef {string | Node | null} Leaf null is left out */

/** @typedef {Leaf | Leaf[]} Child What an element contains. */

/**
 * Make an element. A string is always text, never markup.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} name
 * @param {Attributes} [attributes] `onclick` is a function; null, undefined and false are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener("click", value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...flatten(children));
  return element;
}

/**
 * Make an element of SVG.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} name
 * @param {Record<string, string | number>} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...flatten(children));
  return element;
}

/** @type {(children: Child[]) => (string | Node)[]} */
const flatten = (children) => children.flat().filter((child) => child !== null);

/**
 * Return the bytes of base64, also as an address has it, with - and _.
 * @param {string} text
 */
export const fromBase64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

/**
 * Follow the system's theme until the button #theme chooses one; paper is light. `change` follows each change.
 * @param {() => void} change
 */
export function setUpTheme(change) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = "";
  const wear = (/** @type {string} */ name) => {
    theme = name;
    document.documentElement.dataset.theme = name;
    $("theme").textContent = name === "dark" ? "Light theme" : "Dark theme";
  };
  const follow = (/** @type {string} */ name) => {
    wear(name);
    change();
  };
  $("theme").addEventListener("click", () => follow(theme === "dark" ? "light" : "dark"));
  system.addEventListener("change", () => follow(system.matches ? "dark" : "light"));
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light"; // as paper is
    change();
  });
  window.addEventListener("afterprint", () => follow(theme));
  wear(system.matches ? "dark" : "light");
}

document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
