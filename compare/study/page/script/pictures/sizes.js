import { $ } from "../../../../files/page.js";
import { clamp } from "../engine/arrays.js";

/**
 * The width of a picture, so that the letters in it have the size of letters.
 * @type {(id: string) => number}
 */
export const widthOf = (id) => clamp(spaceOf(id), 260, 700);

/** @type {Map<string, number>} */
export const spaces = new Map();

/**
 * The width of an element on the page. It changes with the window only, and to read it anew would lay out the page again.
 * @type {(id: string) => number}
 */
export function spaceOf(id) {
  const width = spaces.get(id) || $(id).clientWidth;
  spaces.set(id, width);
  return width;
}

/** @type {(element: HTMLElement, left: number, top: number, width: number, height: number) => void} */
export function place(element, left, top, width, height) {
  Object.assign(element.style, {
    left: `${left}px`,
    top: `${top}px`,
    width: `${width}px`,
    height: `${height}px`,
  });
}
