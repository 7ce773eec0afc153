// What is open in the editor: the learner's own file of a cell, an exercise, or the code of a link.
// Each is kept in the browser under a key of its own, so opening one never replaces another.

const PREFIX = "rnn-parity write ";

const read = (key) => {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null; // the browser keeps nothing
  }
};

/** Keep the text; return whether the browser does. */
export function keep(key, text) {
  try {
    localStorage.setItem(PREFIX + key, text);
    return true;
  } catch {
    return false;
  }
}

/** Return the verdicts that were kept: by function, the verdict and the text that it is of. */
export function readVerdicts(key) {
  try {
    return JSON.parse(read(`${key} verdicts`) ?? "{}");
  } catch {
    return {};
  }
}

export const keepVerdicts = (key, verdicts) => keep(`${key} verdicts`, JSON.stringify(verdicts));

/** Return the text of a function: from its head to the next line that is not indented. */
export function textOf(name, text) {
  const [found] = text.match(new RegExp(`^def ${name}\\b.*(?:\\n(?:[ \\t)].*)?)*`, "m")) ?? [""];
  return found.trimEnd();
}

async function transform(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

/** Return bytes as text for an address. */
function encode(bytes) {
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Return the part of a link that carries the code. */
export async function pack(cell, text) {
  const bytes = await transform(new TextEncoder().encode(text), new CompressionStream("deflate-raw"));
  return `#cell=${cell}&code=${encode(bytes)}`;
}

/** Return a network for the address of the live page: its characters, and its weights in float32. */
export function packNetwork({ vocab, parameters }) {
  const numbers = Float32Array.from(Object.values(parameters).flat(Infinity));
  return `${encodeURIComponent(JSON.stringify(vocab))}&${encode(new Uint8Array(numbers.buffer))}`;
}

async function unpack(code) {
  return new TextDecoder().decode(await transform(fromBase64(code), new DecompressionStream("deflate-raw")));
}

/** Return what an address opens: its key, its cell, its beginning, and the choices of its check. */
export async function open(hash, site) {
  const asked = new URLSearchParams(hash.slice(1));
  const cell = asked.get("cell") in site.cells ? asked.get("cell") : "rnn";
  const exercise = site.exercises[asked.get("exercise")];
  if (exercise) {
    const key = asked.get("exercise");
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

const begun = (work) => {
  const kept = read(work.key);
  return { choice: {}, ...work, text: kept ?? work.begin, isKept: kept !== null && kept !== work.begin };
};
