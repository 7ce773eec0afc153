// Read the test vectors of a cell, and compare results with them. For node; nothing to install.
//
// for (const it of read("lstm.json")) console.log(wrong(it, {output: myLSTM(it.arrays.x.data)}));
"use strict";
const fs = require("fs");
const path = require("path");

const KINDS = { F32: Float32Array, F64: Float64Array };

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

// The names of the results (flat arrays) with another length, or an entry beyond its tolerance.
function wrong(one, got) {
  return Object.keys(got).filter((name) => {
    const right = one.expected[name].data, allowed = one.tolerance[name].data;
    return got[name].length !== right.length
      || right.some((value, k) => !(Math.abs(value - got[name][k]) <= allowed[k]));
  });
}

module.exports = { read, wrong };
