/** daemon.json: one file for everybody, in which it is known what is ours. */
import { isSame } from "../../changes.ts";
import type { Files, ReadFiles } from "../../host/files.ts";
import { textOf } from "../daemon/json-file.ts";
import type { Settings } from "../daemon/settings.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { BEFORE, FILE, OURS } from "./parameters.ts";

export interface Found {
  /** `undefined`: there is no file. */
  readonly text: string | undefined;
  readonly settings: Settings;
  /** It is no object of JSON: dockerd would not start with it either. */
  readonly isBroken: boolean;
  /** Settings that were never declared here. */
  readonly foreign: readonly string[];
}

export async function find(files: ReadFiles, declared: Settings): Promise<Found> {
  const text = await readIfThere(files, FILE);
  const read = text === undefined || text.trim() === "" ? {} : objectIn(text);
  const settings = read ?? {};
  const ours = new Set([...Object.keys(declared), ...(await oursIn(files))]);
  const foreign = Object.keys(settings).filter((name) => !ours.has(name));
  return { text, settings, isBroken: read === undefined, foreign };
}

/** What is declared, and in front of nobody's eyes changed: what others have put there. */
export const together = (declared: Settings, { settings, foreign }: Found): Settings => ({
  ...declared,
  ...Object.fromEntries(foreign.map((name) => [name, settings[name]])),
});

export const fileText = (settings: Settings): string => textOf(settings);

/** Before the file is written, so that what a killed run has put there does not become a stranger's. */
export async function noteOurs(files: Files, declared: Settings): Promise<void> {
  await writeOurs(files, [...new Set([...(await oursIn(files)), ...Object.keys(declared)])]);
}

/** After it is written: what is no more declared may be somebody else's from now on, unless it may yet come back. */
export async function keepOurs(files: Files, declared: Settings): Promise<void> {
  const before = objectIn((await readIfThere(files, BEFORE)) ?? "") ?? {};
  const returning = (await oursIn(files)).filter((name) => Object.hasOwn(before, name));
  await writeOurs(files, [...new Set([...Object.keys(declared), ...returning])]);
}

async function writeOurs(files: Files, names: readonly string[]): Promise<void> {
  const sorted = names.toSorted();
  if (!isSame(await oursIn(files), sorted)) await writeBelow(files, OURS, textOf(sorted));
}

async function oursIn(files: ReadFiles): Promise<readonly string[]> {
  const read = parsed((await readIfThere(files, OURS)) ?? "[]");
  return Array.isArray(read) ? read.filter((name) => typeof name === "string") : [];
}

function objectIn(text: string): Settings | undefined {
  const read = parsed(text);
  return typeof read === "object" && read !== null && !Array.isArray(read) ? (read as Settings) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
