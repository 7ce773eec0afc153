// `look()` returns what a reader sees of each element with an id, if it looks different since the look before:
// its words, without those of elements inside that have an id of their own; null if it is no longer visible.
(() => {
  const PARTS = "#state-value, #loss-figure, #token-select, #token-reset, #tip, #tip-back, #symptom-parts, #status, #footer, #guide, #guide *";
  const NAMED = `[id]:not(${PARTS}, script)`;
  const DRAWN = "canvas, .mark, .ring, svg *, tr, button, li, .cells > span, .passage > span, .share > span, label, output";
  const STYLES = ["color", "fontWeight", "backgroundColor", "borderBottomColor", "borderLeftColor", "opacity", "stroke", "strokeWidth", "strokeDasharray", "fill"];
  const ids = [...document.querySelectorAll(`body ${NAMED}`)].map(({ id }) => id);
  const small = new OffscreenCanvas(24, 12).getContext("2d", { willReadFrequently: true });
  const seen = {};

  /** The words of a node: what is low after "_", high after "^", the choice of a menu, and the words spoken of a picture or a slider in braces. */
  function wordsOf(node, top) {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || (node !== top && (node.matches(NAMED) || !node.checkVisibility()))) return "";
    const spoken = node.getAttribute("aria-valuetext") ?? node.getAttribute("aria-label");
    const off = (spoken ? ` {${spoken}}` : "") + (node.disabled ? " (off)" : "");
    if (node.matches("select")) return ` [${node.selectedOptions[0]?.textContent}]${off} `;
    if (node.matches("input[type=checkbox]")) return node.checked ? "on" : "off";
    if (node.matches("input, textarea")) return node.value + off;
    const words = { SUB: "_", SUP: "^" }[node.tagName] ?? "";
    const isInLine = node.matches("tspan") || (node.tagName !== "text" && getComputedStyle(node).display.startsWith("inline"));
    return words + [...node.childNodes].map((child) => wordsOf(child, top)).join("") + off + (isInLine && !node.matches("button") ? "" : " | ");
  }

  /** All that is drawn in an element: places, colours and lines; of a canvas a small copy. */
  function pictureOf(element, box) {
    if (element.querySelector(NAMED)) return ""; // those inside are looked at themselves
    const corner = box.getBoundingClientRect();
    const own = [...element.querySelectorAll(DRAWN)].filter((each) => !each.closest("defs") && each.checkVisibility());
    return own.map((each) => {
      const style = getComputedStyle(each);
      const { x, y, width, height } = each.ownerSVGElement ? each.getBBox() : each.getBoundingClientRect(); // the box does not depend on how far the page is scrolled
      const from = each.ownerSVGElement ? { x: 0, y: 0 } : corner;
      if (each.matches("canvas")) small.drawImage(each, 0, 0, 24, 12);
      const place = [x - from.x, y - from.y, width, height].map((size) => Math.round(4 * size));
      return [...place, ...STYLES.map((name) => style[name]), each.matches("canvas") && small.getImageData(0, 0, 24, 12).data].join(" ");
    }).join("\n");
  }

  const tidy = (words) => words.replace(/[\s\u200b]+/g, " ").replace(/ ?\|( ?\|)*/g, " |").replace(/ \| ?$/, "").trim();

  globalThis.look = () => {
    const changed = {};
    for (const id of ids) {
      const element = document.getElementById(id);
      const box = element && getComputedStyle(element).display === "contents" ? element.firstElementChild : element; // else it has none
      const isVisible = Boolean(box?.checkVisibility());
      const now = isVisible ? [tidy(wordsOf(element, element)), pictureOf(element, box)] : [null, "not visible"];
      if (now.join() !== seen[id]?.join()) changed[id] = now[0];
      seen[id] = now;
    }
    return changed;
  };

  /** The texts of a picture that lie over each other. */
  globalThis.overlaps = (id) => {
    const all = [...document.querySelectorAll(`#${id} svg text`)].filter((text) => text.textContent);
    const boxes = all.map((text) => [text.textContent, text.getBoundingClientRect()]);
    const touch = (p, q) => p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 4 && q.top < p.bottom - 4;
    return boxes.flatMap(([a, p], n) => boxes.slice(n + 1).filter(([, q]) => touch(p, q)).map(([b]) => `${a} ${b}`));
  };

  /** The label of each control, without the value in it. */
  globalThis.labels = () => Object.fromEntries([...document.querySelectorAll("input, select, textarea")].filter(({ labels: all }) => all?.length)
    .map(({ id, labels: [label] }) => [id, tidy(words(label))]));
  const words = (node) => (node.matches?.("output, input, select") ? "" : node.data ?? ({ SUB: "_" }[node.tagName] ?? "") + [...node.childNodes].map(words).join(""));

  /** The styles of the first element that a selector finds. */
  globalThis.styles = (selector, names) => {
    const element = document.querySelector(selector);
    if (!element) throw new Error(`expected an element ${selector}, got none`);
    return names.map((name) => getComputedStyle(element)[name].replace("rgba(0, 0, 0, 0)", getComputedStyle(document.body).backgroundColor));
  };

  /** The lines and shapes of all pictures that no reader can see: without a size, or without a colour on the paper. */
  globalThis.unseen = () => {
    const paper = getComputedStyle(document.body).backgroundColor;
    const isPaint = (colour, width = 1) => !["none", "rgba(0, 0, 0, 0)", paper].includes(colour) && parseFloat(width) > 0;
    return [...document.querySelectorAll("svg :is(line, rect, circle, polyline, text):not(.hit)")].filter((each) => {
      const [{ width, height }, style] = [each.getBoundingClientRect(), getComputedStyle(each)];
      const isDrawn = isPaint(style.stroke, style.strokeWidth) || (isPaint(style.fill) && !each.matches("line, polyline"));
      const isPoint = each.matches("polyline") && each.points.length === 1;
      return each.checkVisibility() && !(isDrawn && (isPoint || width + height > 0) && style.opacity > 0.2);
    }).map((each) => `${each.tagName} ${each.classList} ${each.textContent}`);
  };
})();
