// The page as a whole: which network it shows, and which sections are open.

import { $, $input, $select, make } from "../../../../files/page.js";
import { HAS_SMALL, IS_SMALL } from "../record/record.js";
import { choose } from "../state/choose.js";
import { drawAll, unfold, whenDrawn } from "../state/redraw.js";

/** The menu of networks in the page of a run. The page is loaded again with another one. */
export function setUpNetworks() {
  $("network-pick").hidden = !HAS_SMALL;
  const small = make("option", { value: "small", selected: IS_SMALL }, "a small one");
  $("network-select").append(make("option", { value: "" }, "yours"), small);
  $("network-select").addEventListener("change", () => showNetwork($select("network-select").value));
}

/**
 * Load the page again with another network: its name is in the address.
 * @param {string} name
 */
export function showNetwork(name) {
  location.hash = name;
  location.reload();
}

/** Open and close sections, one or all. */
export function setUpFolding() {
  const panels = [.../** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.panel"))];
  const isOpen = () => panels.every((panel) => panel.open);
  const nameButton = () => {
    $("unfold").textContent = isOpen() ? "Close all sections" : "Open all sections";
  };
  const setAll = (/** @type {boolean} */ open) => {
    for (const panel of panels) panel.open = open;
  };
  for (const panel of panels) {
    panel.addEventListener("toggle", () => {
      unfold(panel.parentElement?.id ?? "");
      nameButton();
    });
    const summary = /** @type {HTMLElement} */ (panel.firstElementChild); // it stays below the sticky sliders
    summary.addEventListener("click", () => whenDrawn(() => summary.scrollIntoView({ block: "nearest" })));
  }
  nameButton();
  $("unfold").addEventListener("click", () => setAll(!isOpen()));
  window.addEventListener("beforeprint", () => {
    setAll(true);
    drawAll(); // at once: the paper does not wait
  });
  $("compare-check").addEventListener("change", () => choose({ compare: $input("compare-check").checked }));
}
