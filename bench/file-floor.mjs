/**
 * What `file.managed` cannot do without, and nothing else, as a program of its own:
 *
 *   node bench/file-floor.mjs DIR COUNT synced    draft, write, mode, sync of the data, rename; eight at a time
 *   node bench/file-floor.mjs DIR COUNT plain     write and mode, one after the other
 *   node bench/file-floor.mjs DIR COUNT look      look at each file and read it
 *
 * It prints how many milliseconds the loop alone took.
 */
import * as fs from "node:fs";
import { promisify } from "node:util";

const { chmodSync, closeSync, fchmodSync, fdatasync, lstatSync, openSync, readFileSync } = fs;
const { renameSync, writeFileSync, writeSync } = fs;
const dataSync = promisify(fdatasync);
const [, , dir, count, kind] = process.argv;
const AT_ONCE = 8;
const pathOf = (index) => `${dir}/file-${index}`;
const textOf = (index) => `first line of file ${index}\nsecond line of file ${index}\n`;

const perform = {
  async synced(index) {
    const draft = `${dir}/.draft-${index}`;
    const fd = openSync(draft, "wx", 0o600);
    writeSync(fd, textOf(index));
    fchmodSync(fd, 0o644);
    await dataSync(fd);
    closeSync(fd);
    renameSync(draft, pathOf(index));
  },
  plain(index) {
    writeFileSync(pathOf(index), textOf(index));
    chmodSync(pathOf(index), 0o644);
  },
  look(index) {
    const isSo = lstatSync(pathOf(index)).isFile() && readFileSync(pathOf(index), "utf8") === textOf(index);
    if (!isSo) throw new Error(`${pathOf(index)} is not as it should be`);
  },
}[kind];

const began = performance.now();
let next = 0;
async function worker() {
  while (next < Number(count)) await perform(next++);
}
await Promise.all(Array.from({ length: kind === "synced" ? AT_ONCE : 1 }, worker));
console.log((performance.now() - began).toFixed(2));
