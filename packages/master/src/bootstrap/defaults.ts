/** The files of `/etc/default` that say with which options the services run, and whether they do. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

import { readOptionWords, writeOptionWords } from "./option-words.ts";
import { unit } from "./programs.ts";

export interface OptionsFile {
  readonly path: string;
  readonly variable: string;
  readonly unit: string;
}

export const MASTER_OPTIONS: OptionsFile = {
  path: "/etc/default/boma-master",
  variable: "BOMA_MASTER_OPTIONS",
  unit: "boma-master.service",
};
export const NETBOOT_OPTIONS: OptionsFile = {
  path: "/etc/default/boma-netboot",
  variable: "BOMA_NETBOOT_OPTIONS",
  unit: "boma-netboot.service",
};
export const AGENT_OPTIONS: OptionsFile = {
  path: "/etc/default/boma-agent",
  variable: "BOMA_AGENT_OPTIONS",
  unit: "boma-agent.service",
};

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

export const optionsIn = ({ path, variable }: OptionsFile): readonly string[] =>
  readOptionWords(textOf(path), variable);

export function writeOptions({ path, variable }: OptionsFile, words: readonly string[]): void {
  const text = writeOptionWords(textOf(path), variable, words);
  writeFileSync(`${path}.new`, text, { mode: 0o644, flush: true });
  renameSync(`${path}.new`, path);
}

/** Whether the process that runs was started with what the file says now. */
export async function runsWith(file: OptionsFile): Promise<boolean> {
  const pid = Number(await unit(file.unit, "MainPID"));
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const line = `/proc/${pid}/cmdline`;
  if (!existsSync(line)) return false;
  const words = readFileSync(line, "utf8").split("\0");
  const wanted = optionsIn(file);
  // They are the end of its command line.
  return wanted.length === 0 || words.slice(0, -1).slice(-wanted.length).join("\0") === wanted.join("\0");
}
