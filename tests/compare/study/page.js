// What the tests ask a page of `explain`: they compare what it shows with what its engine computes.
globalThis.see = (() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const texts = (selector, within) => all(selector, within).map((each) => each.textContent);
  const rows = (table) => all("tbody tr", table).map((row) => [...row.cells].map((cell) => cell.textContent));
  const sum = (values) => values.reduce((total, x) => total + x, 0);
  const at = (element, name) => Number(element.getAttribute(name));
  const points = (line) => [...line.points].map(({ x, y }) => [x, y]);

  /** Those of [what, shown, right] that differ; numbers may be `by` apart. */
  function differing(pairs, by = null) {
    if (pairs.length === 0) throw new Error("expected something to compare, got nothing");
    return pairs.filter(([, shown, right]) => (by === null ? String(shown) !== String(right) : !(Math.abs(shown - right) <= by)));
  }

  /** Two lists as such pairs. */
  const paired = (what, shown, right) =>
    [[`count of ${what}`, shown.length, right.length], ...shown.map((each, n) => [`${what} ${n}`, each, right[n]])];

  /** What `rnnParity.run` says of a text. It reads a letter more, so that the last step is there, too. */
  function expected(text) {
    const { states: h, logits: y } = rnnParity.run(text + text.at(-1));
    const p = y.map((each) => each.map(Math.exp)).map((e) => e.map((x) => x / sum(e)));
    const { vocab, parameters } = rnnParity.network();
    const ids = [...text].map((token) => vocab.indexOf(token));
    const [W_ih, W_hh, b_ih, b_hh, W, b] = Object.values(parameters);
    const L = ids.slice(1).map((id, t) => -Math.log(p[t][id]));
    return { h, y, p, L, ids, vocab, W_ih, W_hh, b_ih, b_hh, W, b, ...(L.length ? rnnParity.run(text) : {}), states: null };
  }

  /** The function from a place in a canvas to the colour there. */
  function pixelsOf(canvas) {
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const pixels = new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer);
    return (y, x) => pixels[Math.floor(y) * width + Math.floor(x)];
  }

  /** The cells of a picture that do not have the colour of their number, which is from −1 to 1: [what, row, column]. */
  function wrongCells(what, canvas, rows_, columns, numberOf) {
    const pixel = pixelsOf(canvas);
    return Array.from({ length: rows_ * columns }, (_, n) => [Math.floor(n / columns), n % columns])
      .filter(([r, c]) => pixel(((r + 0.5) * canvas.height) / rows_, ((c + 0.5) * canvas.width) / columns) !== colour(numberOf(r, c))).map((place_) => [what, ...place_]);
  }

  /** The row and the column of the cell of a picture in which the middle of an element is. */
  function cellOf(element, canvas, rows_, columns) {
    const [a, b] = [element, canvas].map((each) => each.getBoundingClientRect());
    return [Math.floor(((a.y + a.height / 2 - b.y) / b.height) * rows_), Math.floor(((a.x + a.width / 2 - b.x) / b.width) * columns)];
  }

  /** The function from a height in a chart to the number there, by the labels of its lines; or to its logarithm. */
  function axis(svg, isLog = false) {
    const ticks = all("line.grid", svg).flatMap((line) => all("text[text-anchor=end]", svg)
      .filter((words) => Math.abs(at(words, "y") - 4 - at(line, "y1")) < 0.01)
      .map((words) => [at(line, "y1"), isLog ? Math.log10(axis.number(words.textContent)) : axis.number(words.textContent)]));
    const [[y0, a], [y1, b]] = [ticks[0], ticks.at(-1)];
    const value = (y) => a + ((y - y0) / (y1 - y0)) * (b - a);
    if (!(a !== b) || ticks.some(([y, x]) => Math.abs(value(y) - x) > 2e-3 * Math.abs(b - a))) throw new Error(`expected an axis, got ${ticks}`);
    return value;
  }

  /** The number that a text is; 10⁻³ is one. */
  axis.number = (words) => Number(words.replace(/^10([⁻⁰¹²³⁴-⁹]+)$/, (_, e) => `1e${[...e].map((c) => "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)]).join("")}`));

  /** Wait until what was chosen is computed and drawn. */
  async function settle(seconds = 20) {
    const [frame, end] = [() => new Promise((done) => requestAnimationFrame(done)), performance.now() + 1000 * seconds];
    do {
      await frame();
      await frame();
      if (performance.now() > end) throw new Error(`expected a page at rest after ${seconds} s; ${[...changed, waiting.size, work.now?.name]} waits`);
    } while (changed.size > 0 || waiting.size > 0 || work.now);
  }

  /** All that is shown, by the ids. */
  function shown() {
    const found = all("body [id]:not(script, #status, #hero-tip)").map((each) => [each.id, `${each.outerHTML.replaceAll(' class=""', "").replace(/( style="[^"]*")( class="[^"]*")/g, "$2$1")} ${each.value} ${each.checked}`]);
    const drawn_ = all("canvas").map((each, n) => [`canvas ${n} in ${each.closest("[id]").id}`, each.toDataURL()]);
    return Object.fromEntries([...found, ...drawn_]);
  }

  /** The ids of what looks different if everything is drawn anew: it did not follow a change. */
  async function stale() {
    pointAt([]); // what is pointed at is outlined
    const before = shown();
    drawAll();
    await settle();
    const now = shown();
    const differ = (a, b) => [...a].findIndex((c, n) => c !== b[n]);
    return Object.keys({ ...before, ...now }).filter((name) => before[name] !== now[name]).map((name) => {
      const [a, b] = [before, now].map((each) => String(each[name]));
      return `${name}: ${[a, b].map((each) => each.slice(Math.max(0, differ(a, b) - 20), differ(a, b) + 40)).join(" -> ")}`;
    });
  }

  /** The part of a box that is seen: what an ancestor hides is cut off. */
  function visible(box, element) {
    let { left, top, right, bottom } = box;
    for (let each = element; each !== document.body; each = each.parentElement) {
      const [outer, { overflowX, overflowY, clipPath }] = [each.getBoundingClientRect(), getComputedStyle(each)];
      if (clipPath !== "none") right = left; // for readers of the screen alone
      if (overflowX !== "visible") [left, right] = [Math.max(left, outer.left), Math.min(right, outer.right)];
      if (overflowY !== "visible") [top, bottom] = [Math.max(top, outer.top), Math.min(bottom, outer.bottom)];
    }
    return { left, top, right, bottom };
  }

  /** The boxes of the texts that an element has, with the canvas of the moving picture: [text, box]. */
  function boxesOf(element) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const boxes = [];
    while (walker.nextNode()) {
      const [node, range] = [walker.currentNode, document.createRange()];
      range.selectNodeContents(node);
      if (!node.data.trim() || !node.parentElement.checkVisibility({ visibilityProperty: true })) continue;
      for (const box of range.getClientRects()) boxes.push([node.data.trim(), visible(box, node.parentElement)]);
    }
    const canvas = element.contains($("hero-picture")) && $("hero-picture").firstElementChild;
    if (!canvas) return boxes;
    const [{ fillText }, { x: x0, y: y0 }] = [CanvasRenderingContext2D.prototype, canvas.getBoundingClientRect()];
    CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
      const { actualBoundingBoxLeft: l, actualBoundingBoxRight: r, actualBoundingBoxAscent: a, actualBoundingBoxDescent: d } = this.measureText(words);
      const [left, right, top, bottom] = [x - l, x + r, y - a - 2, y + d + 2].map((at) => at * hero.zoom); // 2 beside ink alone, as in a line of text
      if (words.trim()) boxes.push([words, { left: x0 + left, right: x0 + right, top: y0 + top, bottom: y0 + bottom }]);
    };
    drawHero();
    CanvasRenderingContext2D.prototype.fillText = fillText;
    return boxes;
  }

  /** The texts in an element that lie over each other. */
  function overlaps(element) {
    const boxes = boxesOf(element).filter(([, { left, top, right, bottom }]) => right - left > 2 && bottom - top > 4);
    const touch = (p, q) => p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 4 && q.top < p.bottom - 4;
    return boxes.flatMap(([a, p], n) => boxes.slice(n + 1).filter(([, q]) => touch(p, q)).map(([b]) => `${a} | ${b}`));
  }

  /** The texts beside an element, in its section, that its frame goes through. */
  function struck(frame) {
    const { left, top, right, bottom } = frame.getBoundingClientRect();
    const grown = { left: left - 6, top: top - 6, right: right + 6, bottom: bottom + 6 }; // .marked has an outline of 3 + 3 pixels
    return boxesOf(frame.closest("section, .hero")).filter(([, p]) => p.left < grown.right && grown.left < p.right && p.top < grown.bottom - 4 && grown.top < p.bottom - 4
      && !(p.left >= left - 1 && p.right <= right + 1 && p.top >= top - 1 && p.bottom <= bottom + 1)).map(([words]) => words);
  }

  /** Those of some styles in which the first elements that two selectors find do not differ. */
  function alike(one, other, names) {
    const paper = getComputedStyle(document.body).backgroundColor;
    const [a, b] = [one, other].map((selector) => getComputedStyle(document.querySelector(selector)));
    return names.filter((name) => a[name].replace("rgba(0, 0, 0, 0)", paper) === b[name].replace("rgba(0, 0, 0, 0)", paper));
  }

  /** The lines and shapes of all pictures that no reader can see: without a size, or without a colour on the paper. */
  function unseen() {
    const paper = getComputedStyle(document.body).backgroundColor;
    const isPaint = (paint_, width = 1) => !["none", "rgba(0, 0, 0, 0)", paper].includes(paint_) && parseFloat(width) > 0;
    return all("svg :is(line, rect, circle, polyline, text):not(.hit)").filter((each) => {
      const [{ width, height }, style] = [each.getBoundingClientRect(), getComputedStyle(each)];
      const isDrawn = isPaint(style.stroke, style.strokeWidth) || (isPaint(style.fill) && !each.matches("line, polyline"));
      const isPoint = each.matches("polyline") && each.points.length === 1;
      return each.checkVisibility() && !(isDrawn && (isPoint || width + height > 0) && style.opacity > 0.2);
    }).map((each) => `${each.tagName} ${each.classList} ${each.textContent}`);
  }

  return { all, texts, rows, sum, at, points, differing, paired, expected, pixelsOf, wrongCells, cellOf, axis, settle, stale, overlaps, struck, alike, unseen };
})();
