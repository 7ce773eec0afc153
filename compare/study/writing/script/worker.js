// The worker of the page: Python, which loads once, and then answers one message after the other.

/** @import { Message, SiteFile } from "./site.js" */

/**
 * The Python module with the functions that the page calls: compare/study/writing/in_browser.py. They return JSON.
 *
 * @typedef {object} InBrowser
 * @property {(cell: string) => string} write_exercise
 * @property {(source: string, choice: string, tell: (json: string) => void) => string} check
 * @property {(source: string, cell: string, tell: (json: string) => void) => string} train
 */

/** @type {InBrowser} */
let browser;

/**
 * Fetch a file, and say how much of all files has come.
 * @type {(base: string, file: SiteFile, count: (bytes: number) => void) => Promise<ArrayBuffer>}
 */
async function fetchFile(base, file, count) {
  const answer = await fetch(base + file.name);
  if (!answer.ok || !answer.body) throw new Error(`expected ${file.name}, got status ${answer.status}`);
  const parts = [];
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    count(value.length);
  }
  return new Blob(parts).arrayBuffer();
}

/** @type {(place: { base: string, files: SiteFile[] }) => Promise<void>} */
async function load({ base, files }) {
  const whole = files.reduce((sum, file) => sum + file.bytes, 0);
  let come = 0;
  const count = (/** @type {number} */ bytes) => {
    come += bytes;
    postMessage({ loading: Math.min(come / whole, 1) });
  };
  const fetched = await Promise.all(files.map((file) => fetchFile(base, file, count)));
  postMessage({ loading: 1, words: "Python is starting …" });
  const { loadPyodide } = await import(`${base}pyodide/pyodide.mjs`);
  const python = await loadPyodide({ indexURL: `${base}pyodide/` });
  files.forEach((file, k) => {
    if (file.name.endsWith(".whl")) python.unpackArchive(fetched[k], "wheel");
  });
  browser = python.pyimport("compare.study.writing.browser");
}

/**
 * Return the last line of what Python raised, which names the exception.
 * @type {(error: unknown) => string}
 */
function describe(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text.trimEnd().split("\n").at(-1) ?? "";
}

/** @type {(json: string) => void} */
const tell = (json) => postMessage({ told: JSON.parse(json) });

/** @type {(message: Message) => unknown} */
function answer(message) {
  if (message.work === "load") return load(message);
  if (message.work === "exercise") return browser.write_exercise(message.cell);
  const { source } = message;
  if (message.work === "check") return JSON.parse(browser.check(source, JSON.stringify(message.choice), tell));
  return JSON.parse(browser.train(source, message.cell, tell));
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ answer: await answer(data) });
  } catch (error) {
    const isFatal = error instanceof Error && "pyodide_fatal_error" in error;
    postMessage({ failed: describe(error), isFatal });
  }
});
