// The worker of the page: Python, which loads once, and then answers one message after the other.

let python = null;
let browser = null; // the Python module with the functions that the page calls

/** Fetch a file, and say how much of all files has come. */
async function fetchFile(base, file, count) {
  const answer = await fetch(base + file.name);
  if (!answer.ok) throw new Error(`expected ${file.name}, got status ${answer.status}`);
  const parts = [];
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    count(value.length);
  }
  return new Blob(parts).arrayBuffer();
}

async function load({ base, files }) {
  const whole = files.reduce((sum, file) => sum + file.bytes, 0);
  let come = 0;
  const count = (bytes) => {
    come += bytes;
    postMessage({ loading: Math.min(come / whole, 1) });
  };
  const fetched = await Promise.all(files.map((file) => fetchFile(base, file, count)));
  postMessage({ loading: 1, words: "Python is starting …" });
  const { loadPyodide } = await import(`${base}pyodide/pyodide.mjs`);
  python = await loadPyodide({ indexURL: `${base}pyodide/` });
  files.forEach((file, k) => {
    if (file.name.endsWith(".whl")) python.unpackArchive(fetched[k], "wheel");
  });
  browser = python.pyimport("compare.study.writing.browser");
}

/** Return the last line of what Python raised, which names the exception. */
function describe(error) {
  return String(error.message ?? error).trimEnd().split("\n").at(-1);
}

const tell = (json) => postMessage({ told: JSON.parse(json) });

const WORKS = {
  load,
  exercise: ({ cell }) => browser.write_exercise(cell),
  check: ({ source, choice }) => JSON.parse(browser.check(source, JSON.stringify(choice), tell)),
  train: ({ source, cell }) => JSON.parse(browser.train(source, cell, tell)),
};

onmessage = async ({ data }) => {
  try {
    postMessage({ answer: await WORKS[data.work](data) });
  } catch (error) {
    postMessage({ failed: describe(error), isFatal: Boolean(error.pyodide_fatal_error) });
  }
};
