// What is open in the editor: the learner's own file of a cell, an exercise, or the code of a link.
// Each is kept in the browser under a key of its own, so opening one never replaces another.

import { fromBase64 } from "../../../files/page.js";

/** @import { Choice, Network, Site } from "./site.js" */

/**
 * What is open.
 *
 * @typedef {object} Work
 * @property {string} key under which it is kept
 * @property {string} cell
 * @property {string} begin the text that it begins with
 * @property {Choice} choice of its check
 * @property {string} [notice]
 * @property {string} text
 * @property {boolean} isKept whether the text was changed before
 */

/** @typedef {Record<string, { verdict: string, text: string }>} Verdicts by function: the verdict, and the text that it is of */

const PREFIX = "rnn-parity write ";

/** @type {(key: string) => string | null} */
const read = (key) => {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null; // the browser keeps nothing
  }
};

/**
 * Keep the text; return whether the browser does.
 * @type {(key: string, text: string) => boolean}
 */
export function keep(key, text) {
  try {
    localStorage.setItem(PREFIX + key, text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Return the verdicts that were kept.
 * @type {(key: string) => Verdicts}
 */
export function readVerdicts(key) {
  try {
    return JSON.parse(read(`${key} verdicts`) ?? "{}");
  } catch {
    return {};
  }
}

/** @type {(key: string, verdicts: Verdicts) => boolean} */
export const keepVerdicts = (key, verdicts) => keep(`${key} verdicts`, JSON.stringify(verdicts));

/**
 * Return the text of a function: from its head to the next line that is not indented.
 * @type {(name: string, text: string) => string}
 */
export function textOf(name, text) {
  const [definition] = text.match(new RegExp(`^def ${name}\\b.*(?:\\n(?:[ \\t)].*)?)*`, "m")) ?? [""];
  return definition.trimEnd();
}

/** @type {(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream) => Promise<Uint8Array>} */
async function transform(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

/** Return bytes as text for an address. */
/** @type {(bytes: Uint8Array) => string} */
function encode(bytes) {
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Return the part of a link that carries the code.
 * @type {(cell: string, text: string) => Promise<string>}
 */
export async function pack(cell, text) {
  const bytes = await transform(new TextEncoder().encode(text), new CompressionStream("deflate-raw"));
  return `#cell=${cell}&code=${encode(bytes)}`;
}

/**
 * Return a network for the address of the live page: its characters, and its weights in float32.
 * @type {(network: Network) => string}
 */
export function packNetwork({ vocab, parameters }) {
  const numbers = Float32Array.from(Object.values(parameters).flat(2));
  return `${encodeURIComponent(JSON.stringify(vocab))}&${encode(new Uint8Array(numbers.buffer))}`;
}

/** @type {(code: string) => Promise<string>} */
async function unpack(code) {
  return new TextDecoder().decode(await transform(fromBase64(code), new DecompressionStream("deflate-raw")));
}

/**
 * Return what an address opens.
 * @type {(hash: string, site: Site) => Promise<Work>}
 */
export async function open(hash, site) {
  const asked = new URLSearchParams(hash.slice(1));
  const named = asked.get("cell") ?? "";
  const cell = named in site.cells ? named : "rnn";
  const key = asked.get("exercise") ?? "";
  const exercise = site.exercises[key];
  if (exercise) {
    const notice = `Exercise ${Number.parseInt(key, 10)}. Its docstring says what to do.`;
    return begun({ key, cell: exercise.cell, begin: exercise.source, choice: exercise.choice, notice });
  }
  const code = asked.get("code");
  if (!code) return begun({ key: cell, cell, begin: site.cells[cell].exercise });
  try {
    const begin = await unpack(code);
    const notice = "This code came with the link. Nothing of it has run. Read it before you check it.";
    return begun({ key: `link ${code.slice(-24)}`, cell, begin, notice });
  } catch {
    const notice = "The link is not whole: its code cannot be read. This is your own file.";
    return begun({ key: cell, cell, begin: site.cells[cell].exercise, notice });
  }
}

/** @type {(work: { key: string, cell: string, begin: string, choice?: Choice, notice?: string }) => Work} */
const begun = (work) => {
  const kept = read(work.key);
  return { choice: {}, ...work, text: kept ?? work.begin, isKept: kept !== null && kept !== work.begin };
};
