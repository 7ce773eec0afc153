// Describe the wanted of the elements with these ids, as a reader finds them: a line for each element, with its
// class, its attributes, its place in the picture, the mean colour of a canvas, and its text. Elements of one
// kind that follow each other, or stand in one picture, share a line: how many, the places of the first and the
// last, "even" if all are equally far apart. Of the rows of a table the first and the last are described. What
// is not visible is null.
([ids, wanted]) => {
  const PLACES = ["x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "width", "height", "stroke-width"];
  const LEFT_OUT = new Set([...PLACES, "id", "class", "style", "points", "fill", "d", "rx", "type", "title"]);
  const known = new Set(ids);
  const number = (x) => String(Math.round(10 * x) / 10);
  const said = (text) => text.replace(/\s+/g, " ").trim();
  const INLINE = "var, sub, sup, tspan, span, b, code";
  const isPlain = (element) => [...element.querySelectorAll("*")].every((each) => each.matches("var, sub, sup, tspan, .math"));
  const isSentence = (element) => [...element.childNodes].some((node) => said(node.data ?? "")) && [...element.querySelectorAll("*")].every((each) => each.matches(INLINE));

  /** The text, with "_" and "^" before what is low and high, and braces around what has a class of its own. */
  function words(node) {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    const all = [...node.childNodes].map(words).join("");
    const own = node.matches("span:not(.math), b") ? (node.id && `#${node.id}`) + classes(node) + attributes(node) : "";
    return ({ SUB: "_", SUP: "^" }[node.tagName] ?? "") + (own ? `{${own} ${all}}` : all);
  }

  const textOf = (element) => [...element.childNodes].map(words).join("");
  const text = (element) => (element.matches(".where") ? textOf(element).split(":")[0] : said(textOf(element))); // without the number of a line
  const classes = (element) => [...element.classList].map((name) => `.${name}`).join("");

  function attributes(element) {
    const all = [...element.attributes].filter(({ name }) => !LEFT_OUT.has(name)).map(({ name, value }) => `[${name}${value && ` ${said(value)}`}]`);
    if (element.hasAttribute("title")) all.push("[title]");
    if (element.matches("input, select")) all.push(`[at ${element.type === "checkbox" ? element.checked : element.value}]`);
    return all.join("");
  }

  const tag = (element) => element.tagName.toLowerCase() + (element.id && !known.has(element.id) ? `#${element.id}` : "");
  const kind = (element) => tag(element) + classes(element) + attributes(element);

  const sampler = new OffscreenCanvas(24, 12).getContext("2d", { willReadFrequently: true });
  sampler.imageSmoothingEnabled = false;

  function meanColour(canvas) {
    sampler.drawImage(canvas, 0, 0, 24, 12);
    const { data } = sampler.getImageData(0, 0, 24, 12);
    return [0, 1, 2].map((n) => data.reduce((sum, x, m) => (m % 4 === n ? sum + x : sum), 0) / (data.length / 4));
  }

  /** Names and numbers of the place of an element, in its picture or by its style. */
  function places(element) {
    const found = PLACES.filter((name) => element.hasAttribute(name)).map((name) => [name, Number(element.getAttribute(name))]);
    for (const name of ["left", "top", "width", "height"]) {
      const size = element.style?.[name];
      if (size && !element.hasAttribute(name)) found.push([size.endsWith("%") ? `${name} %` : name, parseFloat(size)]);
    }
    if (element.matches("canvas")) ["red", "green", "blue"].forEach((name, n) => found.push([name, meanColour(element)[n]]));
    const points = element.getAttribute("points")?.split(" ").map((each) => each.split(",").map(Number)) ?? [];
    if (points.length) found.push(["points", points.length], ["x1", points[0][0]], ["y1", points[0][1]], ["x2", points.at(-1)[0]], ["y2", points.at(-1)[1]]);
    return found;
  }

  function where(elements) {
    const all = elements.map(places);
    const listed = all[0].map(([name], n) => {
      const values = all.map((each) => each[n]?.[1]);
      const [first, last, most] = [values[0], values.at(-1), values.length - 1];
      if (values.every((x) => x === first)) return `${name} ${number(first)}`;
      const isEven = most > 1 && values.every((x, m) => Math.abs(x - first - (m * (last - first)) / most) < 0.15);
      return `${name} ${number(first)} … ${number(last)}${isEven ? " even" : ""}`;
    });
    return listed.length ? ` (${listed.join(", ")})` : "";
  }

  /** One line for elements without structure. Where their classes differ, they stand beside their texts. */
  function together(elements) {
    const [first] = elements;
    const isMixed = elements.some((each) => classes(each) !== classes(first));
    const texts = elements.map((element) => text(element) + (isMixed ? classes(element) : ""));
    const whole = texts.join(" | ");
    return `${tag(first)}${isMixed ? "" : classes(first)}${attributes(first)}${elements.length > 1 ? ` ×${elements.length}` : ""}${where(elements)}`
      + (/[^ |]/.test(whole) ? `: ${whole.length <= 240 ? whole : `${texts[0]} | … | ${texts.at(-1)}`}` : "");
  }

  /** An element that stands for its only child: a cell and the letter in it. */
  const bare = (element) => (element.matches("span, td, th") && element.childNodes.length === 1 && element.children.length === 1 ? element.firstElementChild : element);
  const isLeaf = (element) => !element.hidden && !element.matches("tr, svg, select") && (isSentence(element) || (isPlain(bare(element)) && !element.querySelector("[id]")));

  function inside(element, depth) {
    if (element.querySelector(ids.map((id) => `#${id}`).join(", "))) return []; // they are described on their own
    const indent = "  ".repeat(depth);
    const children = [...element.childNodes].filter((node) => node.nodeType === Node.ELEMENT_NODE || said(node.data ?? ""));
    if (element.matches("svg")) return [...Map.groupBy(children, kind).values()].map((alike) => indent + together(alike));
    const lines = [];
    while (children.length) {
      const child = children[0];
      const isAlike = (other) => other.nodeType === child.nodeType && other.tagName === child.tagName && attributes(other) === attributes(child)
        && (child.matches("tr") ? other.cells.length === child.cells.length : isLeaf(child) && isLeaf(other) && bare(other).tagName === bare(child).tagName);
      if (child.nodeType === Node.TEXT_NODE) lines.push(`${indent}“${said(children.shift().data)}”`);
      else {
        let count = 1;
        while (count < children.length && isAlike(children[count])) count++;
        const alike = children.splice(0, count);
        if (isLeaf(child)) lines.push(indent + together(alike));
        else {
          lines.push(...outline(child, depth, count > 1 ? ` ×${count}` : ""));
          if (count > 1) lines.push(...outline(alike.at(-1), depth));
        }
      }
    }
    return lines;
  }

  function outline(element, depth, count = "") {
    const indent = "  ".repeat(depth);
    if (element.hidden) return [indent + kind(element)];
    if (element.matches("select")) return [`${indent}${kind(element)}: ${[0, 1, -1].map((n) => said([...element.options].at(n)?.textContent ?? "")).join(" | ")}`];
    if (isLeaf(element) && !count) return [indent + together([element])];
    const head = `${indent}${kind(element)}${count}${where([element])}`;
    const lines = inside(element, depth + 1);
    const isOnly = lines.length > 0 && lines.slice(1).every((line) => line.startsWith(`${indent}    `));
    return isOnly ? [`${head} > ${lines[0].trim()}`, ...lines.slice(1).map((line) => line.slice(2))] : [head, ...lines];
  }

  return wanted.map((id) => {
    const element = document.getElementById(id);
    return element?.checkVisibility() ? outline(element, 0).join("\n") : null;
  });
}
