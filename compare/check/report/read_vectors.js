"use strict";
const USAGE = `Read the test vectors of a cell, and compare results with them. For node; nothing to install.

const { read, wrong } = require("./read_vectors.js");
for (const it of read("lstm.json")) {
  const output = myLSTM(it.arrays.x.data, it.arrays.weight_ih_l0.data);
  console.log(wrong(it, { output }, ["output"]));  // prints [] if it is right
}`;
const fs = require("fs");
const path = require("path");

const KINDS = { F32: Float32Array, F64: Float64Array, I32: Int32Array };

// Each case has its sizes, its arrays by name ({shape, data}, row by row), expected and tolerance.
function read(file) {
  const index = JSON.parse(fs.readFileSync(file, "utf8"));
  if (index.version !== 1) throw new Error(`expected version 1 in ${file}, got ${index.version}`);
  const bytes = fs.readFileSync(path.join(path.dirname(file), index.arrays));
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const tensors = JSON.parse(bytes.toString("utf8", 8, begin));
  const load = (name) => {
    const { dtype, shape, data_offsets: [from, to] } = tensors[name];
    const copy = bytes.buffer.slice(bytes.byteOffset + begin + from, bytes.byteOffset + begin + to);
    return { shape, data: new KINDS[dtype](copy) };
  };
  const collect = (names, prefix) => Object.fromEntries(names.map((n) => [n, load(prefix + n)]));
  return index.cases.map((sizes, k) => ({
    ...sizes,
    arrays: collect(sizes.inputs, `${k}/`),
    expected: collect(sizes.results, `${k}/expected/`),
    tolerance: collect(sizes.results, `${k}/tolerance/`),
  }));
}

// The names of the wrong results in `got`, flat arrays by name: a result is wrong if it is missing,
// has another length, or has an entry beyond its tolerance. `names` are those to compare: all of
// them, or what you compute. Throws an Error for a name that the case does not have.
function wrong(one, got, names = Object.keys(one.expected)) {
  const known = Object.keys(one.expected);
  const unknown = [...Object.keys(got), ...names].filter((name) => !known.includes(name));
  if (unknown.length || !names.length) {
    throw new Error(`expected results among ${known.join(", ")}, got ${unknown.join(", ") || "none"}`);
  }
  return names.filter((name) => {
    const right = one.expected[name].data, allowed = one.tolerance[name].data;
    return got[name]?.length !== right.length
      || right.some((value, k) => !(Math.abs(value - got[name][k]) <= allowed[k]));
  });
}

module.exports = { read, wrong };
if (require.main === module) console.log(USAGE);
