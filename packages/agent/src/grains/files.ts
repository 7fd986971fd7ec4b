/** `/etc/boma/grains.d`: grains that the operator wrote, one file or many, read in the order of their names. */
import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

import type { Grains } from "@boma/protocol";

import { byName, clean } from "./source.ts";

const FILES_MAX = 64;
const FILE_BYTES_MAX = 64 * 1024;

export interface Problem {
  readonly collector: string;
  readonly message: string;
}

interface FileGrains {
  readonly grains: Grains;
  readonly problems: readonly Problem[];
}

/** A fault in one file takes that file out, never the others and never the agent. */
export async function readGrainFiles(dir: string): Promise<FileGrains> {
  const names = await listFiles(dir);
  if (names instanceof Error) return { grains: {}, problems: [problem(`${dir}: ${names.message}`)] };
  const problems: Problem[] = [];
  if (names.length > FILES_MAX)
    problems.push(problem(`${dir}: ${names.length} files, of which only the first ${FILES_MAX} are read`));
  const read = await Promise.all(names.slice(0, FILES_MAX).map((name) => readGrainFile(join(dir, name))));
  let grains: Grains = {};
  for (const one of read) {
    if (typeof one === "string") problems.push(problem(one));
    else grains = { ...grains, ...one };
  }
  return { grains, problems };
}

const problem = (message: string): Problem => ({
  collector: "grains.d",
  // A file's name and content are quoted in it, and it is printed and logged; a path may be long.
  message: message
    .split("\n")
    .map((line) => clean(line) ?? "")
    .join(" ")
    .trim(),
});

async function listFiles(dir: string): Promise<readonly string[] | Error> {
  try {
    const names = await readdir(dir);
    return names.filter((name) => /^[^.].*\.(json|ya?ml)$/.test(name)).toSorted(byName);
  } catch (thrown) {
    const fault = thrown as NodeJS.ErrnoException;
    return fault.code === "ENOENT" ? [] : fault;
  }
}

/** The grains of one file, or what is wrong with it. */
async function readGrainFile(path: string): Promise<Grains | string> {
  try {
    const text = await readRegular(path);
    // Most nodes have no such files: they need not load a parser to start.
    const { parseGrainFile } = await import("./parse-file.ts");
    return parseGrainFile(text, path);
  } catch (thrown) {
    return `${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

/** A pipe or a device would hold us for ever; a link is followed, and a loop of links fails by itself. */
async function readRegular(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new Error("not a regular file");
    if (info.size > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(FILE_BYTES_MAX), position: 0 });
    return new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
