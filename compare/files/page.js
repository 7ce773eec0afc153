"use strict";

const $ = (id) => document.getElementById(id);

/** Make an element. A string is always text, never markup. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "onclick") element.addEventListener("click", value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Make an element of SVG. */
function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Return the bytes of base64, also as an address has it, with - and _. */
const fromBase64 = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

/** Follow the system's theme until the button #theme chooses one; paper is light. `change` follows each change. */
function setUpTheme(change) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = "";
  const wear = (name) => {
    theme = name;
    document.documentElement.dataset.theme = name;
    $("theme").textContent = name === "dark" ? "Light theme" : "Dark theme";
  };
  const follow = (name) => {
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

