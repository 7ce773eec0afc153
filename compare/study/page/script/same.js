// ---------------------------------------------------------------- the same thing, everywhere
//
// An element that stands for something has its name in data-same: "unit-5", "step-3", "token-7", "symbol-W_hh", or
// the file and number of a line of code. A picture of cells says in data-rows and data-columns of what kind they
// are. Whatever is under the pointer is outlined wherever else the page shows it.

/** The names of what is pointed at. */
let pointed = [];

/** kind -> the name of the n-th row or column of a picture. */
const NAMES_OF = { unit: (n) => `unit-${units[n]}`, any: (n) => `unit-${n % H}`, step: (n) => `step-${n + 1}`, token: (n) => `token-${n}` };

const same = (kind, number) => ({ "data-same": `${kind}-${number}` });
const isPointed = (kind, number) => pointed.includes(`${kind}-${number}`);

function setUpSame() {
  for (const each of document.querySelectorAll("main var")) {
    const index = each.nextElementSibling?.matches("sub") && each.nextSibling === each.nextElementSibling ? each.nextElementSibling.textContent : "";
    each.dataset.same = symbolOf(each.textContent, index);
  }
  for (const type of ["pointermove", "pointerdown"]) document.addEventListener(type, (event) => pointAt(namesAt(event)));
}

function namesOf(element) {
  const names = [];
  for (let each = element.closest?.("[data-same]"); each; each = each.parentElement.closest("[data-same]")) names.push(each.dataset.same);
  return names;
}

/** The names under the pointer: those of the element, and of the row and the column of a picture. */
function namesAt({ target, clientX, clientY }) {
  const mark = target.parentElement?.id === "hero-picture" && markAt({ clientX, clientY });
  if (mark) return [mark.i === undefined ? `token-${mark.v}` : `unit-${mark.i}`, `step-${mark.t}`];
  const picture = target.closest?.("[data-shape]");
  if (!picture) return namesOf(target);
  const [box, [rows, columns]] = [picture.getBoundingClientRect(), sidesOf(picture)];
  const at = ({ count, nameOf }, share) => nameOf?.(clamp(Math.floor(share * count), 0, count - 1));
  return [...namesOf(picture), at(rows, (clientY - box.top) / box.height), at(columns, (clientX - box.left) / box.width)].filter(Boolean);
}

/** The number of rows and of columns of a picture, and how each is named. */
const sidesOf = ({ dataset: { shape, rows, columns } }) => shape.split(" ").map((count, n) => ({ count: Number(count), nameOf: NAMES_OF[[rows, columns][n]] }));

function pointAt(names) {
  if (names.join() === pointed.join()) return;
  pointed = names;
  showSame();
  if (!hero.isPlaying) drawHero();
}

function showSame() {
  for (const each of document.querySelectorAll(".same")) each.classList.remove("same");
  for (const each of document.querySelectorAll(".glance")) each.remove();
  for (const name of pointed) {
    for (const each of document.querySelectorAll(`[data-same~="${name}"]`)) each.classList.add("same");
  }
  if (pointed.length) document.querySelectorAll("[data-shape]").forEach(glance);
}

/** Frame the row and the column of what is pointed at. */
function glance(picture) {
  for (const [isColumn, { count, nameOf }] of sidesOf(picture).entries()) {
    for (let n = 0; nameOf && n < count; n++) {
      if (!pointed.includes(nameOf(n))) continue;
      const [size, mark] = [100 / count, make("div", { class: "glance", "aria-hidden": "true" })];
      mark.style.inset = isColumn ? `0 ${100 - (n + 1) * size}% 0 ${n * size}%` : `${n * size}% 0 ${100 - (n + 1) * size}% 0`;
      picture.append(mark);
    }
  }
}

// ---------------------------------------------------------------- symbols

/** "symbol-W_hh" of W with the index hh; an index that counts steps or units does not belong to the name. */
const symbolOf = (letter, index = "") => `symbol-${letter.replace("∂", "d_")}${/^[ih][a-z]$/.test(index) ? `_${index}` : ""}`;

/** A line of code, with a name for each symbol in it: z_t and h_t are z and h, d_h_t is ∂h. */
function codeOf(line) {
  const parts = line.split(/(?<![.\w])([A-Za-z_]\w*)/);
  return make("code", {}, parts.map((part, n) => {
    const [, letter, index] = (n % 2 && part.match(/^((?:d_)?[A-Za-z])(?:_([a-z]+))?$/)) || [];
    return letter ? make("span", { "data-same": symbolOf(letter, index) }, part) : part;
  }));
}

addPanel({ place: 9, section: "same", setUp: setUpSame });
