#!/usr/bin/env node
/**
 * Checks a bundle of `boma-master audit export` with nothing but Node (20 or
 * newer):   node audit-verify.mjs FILE [--root BASE64]
 * Every record carries the SHA-256 of the line before it; signed heads name the
 * hash of a record; the root key signs the manifest that lets a key sign heads;
 * each result carries the node's own signed words.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { createReadStream } from "node:fs";

const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const say = (text) => process.stdout.write(`${text}\n`);
const warn = (text) => process.stderr.write(`${text}\n`);
const faults = [];
const fault = (line, record, what) => faults.push(`line ${line}, record ${record}: ${what}`);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Lines as bytes: what is hashed is what lies there. */
async function* linesOf(path) {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let to = rest.indexOf(10); to >= 0; to = rest.indexOf(10, from)) {
      yield rest.subarray(from, to);
      from = to + 1;
    }
    rest = rest.subarray(from);
  }
  if (rest.length > 0) yield rest;
}

/** Plain msgpack, as boma writes it. */
function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (length) => {
    if (at + length > bytes.length) throw new Error("the bytes end too early");
    return bytes.subarray(at, (at += length));
  };
  const number = (length, read) => {
    const from = at;
    take(length);
    return Number(view[read](from));
  };
  const u = (size) => number(size, size === 8 ? "getBigUint64" : `getUint${size * 8}`);
  const i = (size) => number(size, size === 8 ? "getBigInt64" : `getInt${size * 8}`);
  const list = (length) => Array.from({ length }, () => value());
  const map = (length) => Object.fromEntries(Array.from({ length }, () => [value(), value()]));
  const text = (length) => take(length).toString("utf8");
  const sized = {
    0xd9: [1, text],
    0xda: [2, text],
    0xdb: [4, text],
    0xc4: [1, take],
    0xc5: [2, take],
    0xc6: [4, take],
    0xdc: [2, list],
    0xdd: [4, list],
    0xde: [2, map],
    0xdf: [4, map],
  };
  function value() {
    const token = u(1);
    if (token < 0x80) return token;
    if (token < 0x90) return map(token & 15);
    if (token < 0xa0) return list(token & 15);
    if (token < 0xc0) return text(token & 31);
    if (token >= 0xe0) return token - 256;
    if (sized[token]) return sized[token][1](u(sized[token][0]));
    if (token === 0xc0) return null;
    if (token === 0xc2 || token === 0xc3) return token === 0xc3;
    if (token === 0xca) return number(4, "getFloat32");
    if (token === 0xcb) return number(8, "getFloat64");
    if (token >= 0xcc && token <= 0xcf) return u(1 << (token - 0xcc));
    if (token >= 0xd0 && token <= 0xd3) return i(1 << (token - 0xd0));
    throw new Error(`token ${token} is no plain msgpack`);
  }
  return value();
}

/** "boma" | 1 | kind length | kind | key 32 | signature 64 | body length 4 | body */
function openFrame(base64, kind) {
  const frame = Buffer.from(base64, "base64");
  const length = frame[5];
  const head = 6 + length + 96;
  if (
    frame.toString("latin1", 0, 4) !== "boma" ||
    frame[4] !== 1 ||
    frame.toString("latin1", 6, 6 + length) !== kind
  )
    throw new Error(`it is no ${kind}`);
  const key = frame.subarray(6 + length, 38 + length);
  const bytes = frame.subarray(head + 4);
  if (frame.readUInt32BE(head) !== bytes.length) throw new Error("it has another length than it says");
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, key]), format: "der", type: "spki" });
  const signed = Buffer.concat([Buffer.from(`boma/1/${kind}\0`), bytes]);
  if (!verify(null, signed, publicKey, frame.subarray(38 + length, head)))
    throw new Error("its signature does not hold");
  return { key, body: unpack(bytes).body };
}

function readHead({ head, manifest }, root) {
  const trust = openFrame(manifest, "trust.manifest");
  if (!trust.key.equals(root)) throw new Error("another root signed its manifest");
  const { key, body } = openFrame(head, "audit.head");
  if (!trust.body.masters.some(({ sign }) => key.equals(sign)))
    throw new Error("the root does not name its key");
  return body;
}

function checkResult(entry, at, signs) {
  if ((entry.kind === "enrolled" || entry.kind === "rekeyed") && entry.sign)
    signs.set(entry.node, entry.sign);
  if (entry.kind !== "result" || entry.by === "master") return 0;
  try {
    const { key, body } = openFrame(entry.frame, "node.return");
    if (key.toString("base64") !== entry.sign || (signs.get(entry.node) ?? entry.sign) !== entry.sign)
      fault(at, entry.n, "the result was signed with a key that is not its node's");
    if (body.job !== entry.job || body.status !== entry.status)
      fault(at, entry.n, `the node signed ${body.status} of job ${body.job}`);
  } catch (error) {
    fault(at, entry.n, `the node's signature: ${error.message}`);
  }
  return 1;
}

async function check(path, pinned) {
  const [hashes, heads, signs] = [new Map(), [], new Map()];
  let header, end, first;
  let [at, results] = [0, 0];
  for await (const text of linesOf(path)) {
    at += 1;
    let entry;
    try {
      entry = JSON.parse(text);
    } catch {
      fault(at, end ? end.n + 1 : 0, "the line is no JSON");
      continue;
    }
    if (at === 1) {
      header = entry;
      if (header.boma !== "audit" || header.version !== 1)
        throw new Error(`${path} is no bundle of boma's audit`);
      continue;
    }
    if (entry.head) {
      heads.push({ at, ...entry });
      continue;
    }
    first ??= entry.n;
    if (end && entry.n !== end.n + 1) fault(at, end.n + 1, `record ${entry.n} follows record ${end.n}`);
    else if (end && entry.prev !== end.hash)
      fault(at, end.n, `record ${entry.n} carries on another record ${end.n}`);
    if (entry.kind === "segment" && entry.chain !== header.chain)
      fault(at, entry.n, "it is of another chain");
    end = { n: entry.n, hash: sha256(text) };
    hashes.set(entry.n, end.hash);
    results += checkResult(entry, at, signs);
  }
  if (!header) throw new Error(`${path} is empty`);
  const root = Buffer.from(pinned ?? header.root, "base64");
  let signed = 0;
  for (const line of heads)
    try {
      const { n, hash, chain } = readHead(line, root);
      if (chain !== header.chain) fault(line.at, n, "a head of another chain");
      else if (n > (end?.n ?? 0))
        fault(line.at, n, "it was signed and is not in the bundle: the end was cut off");
      else if (hashes.has(n) && hashes.get(n) !== hash)
        fault(line.at, n, "it is not the record that was signed");
      else if (hashes.has(n)) signed = Math.max(signed, n);
    } catch (error) {
      fault(line.at, 0, `a head does not hold: ${error.message}`);
    }
  return { first, last: end?.n, signed, results, root: root.toString("base64") };
}

const [path, option, pinned] = process.argv.slice(2);
if (!path || (option !== undefined && (option !== "--root" || !pinned))) {
  warn("usage: node audit-verify.mjs FILE [--root BASE64]");
  process.exit(2);
}
try {
  const { first, last, signed, results, root } = await check(path, pinned);
  for (const text of faults) say(`broken  ${text}`);
  if (faults.length === 0 && signed < (last ?? 0))
    say(`note    records ${signed + 1} to ${last} are not covered by a signed head`);
  if (!pinned) say(`note    compare the root key with the one you know: ${root}`);
  if (faults.length > 0) process.exitCode = 1;
  else say(`holds   records ${first} to ${last}, ${results} results of nodes`);
} catch (error) {
  warn(`error: ${error.message}`);
  process.exitCode = 1;
}
