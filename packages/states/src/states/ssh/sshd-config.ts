/**
 * sshd's configuration as sshd itself understands it. The first value that it
 * finds counts, so a file of ours is right only together with all the others.
 */
import type { Exit } from "../../host/commands.ts";
import type { ReadFiles } from "../../host/files.ts";
import type { ReadHost } from "../../host/host.ts";

export const MAIN = "/etc/ssh/sshd_config";
const DROP_INS = "/etc/ssh/sshd_config.d";
export const DROP_IN = `${DROP_INS}/00-boma.conf`;
export const SSHD = "/usr/sbin/sshd";
/** sshd answers nothing without it, and only its unit makes it. */
export const SEPARATION_DIR = "/run/sshd";

const INCLUDES = /^[ \t]*Include[ \t]+"?(?:\/etc\/ssh\/)?sshd_config\.d\/\*\.conf"?[ \t]*$/im;
const FILES_MAX = 200;

/** Keyword in small letters to its values. */
export type Effective = ReadonlyMap<string, readonly string[]>;
export type Evaluated = { readonly effective: Effective } | { readonly fault: string };

export interface Connection {
  readonly user: string;
  readonly from: string;
  readonly port: number;
}

export const includesDropIns = (main: string): boolean => INCLUDES.test(main);

/** The other files that sshd reads, each with its text, in its order. */
export async function foreignFiles(files: ReadFiles): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>([[MAIN, await files.readText(MAIN)]]);
  for (const path of await dropIns(files)) if (path !== DROP_IN) found.set(path, await files.readText(path));
  return found;
}

async function dropIns(files: ReadFiles): Promise<readonly string[]> {
  if (!(await files.stat(DROP_INS))) return [];
  const names = (await files.list(DROP_INS)).filter((name) => /^[^.].*\.conf$/.test(name));
  return names.slice(0, FILES_MAX).map((name) => `${DROP_INS}/${name}`);
}

/**
 * The main file with `own` in the place where our drop-in is, or would be. The others stay files that are included:
 * a Match block ends with the file in which it stands.
 */
export async function wholeWith(files: ReadFiles, own: string): Promise<string> {
  const paths = [...new Set([...(await dropIns(files)), DROP_IN])].toSorted();
  const parts = paths.map((path) => (path === DROP_IN ? own : `Include "${path}"\n`));
  const main = await files.readText(MAIN);
  return main.replace(INCLUDES, () => parts.join(""));
}

/** What sshd makes of a configuration, for a connection or for all of them. Nothing is written: it comes by a pipe. */
export async function evaluated(host: ReadHost, config: string, at?: Connection): Promise<Evaluated> {
  const args = at
    ? ["-C", `user=${at.user},host=${at.from},addr=${at.from},laddr=127.0.0.1,lport=${at.port}`]
    : [];
  // sshd opens its configuration by name, and what a program gets as input can be opened by name only if it is a pipe.
  const argv = ["sh", "-c", `cat | ${SSHD} -T -f /dev/stdin "$@"`, "sshd", ...args];
  const exit = await host.commands.read({ argv, stdin: config, keepBytes: 200_000 });
  return exit.exitCode === 0 ? { effective: readEffective(exit.stdout) } : { fault: faultOf(exit, config) };
}

function readEffective(stdout: string): Effective {
  const found = new Map<string, string[]>();
  for (const line of stdout.split("\n")) {
    const [, keyword, value] = /^(\S+)(?: (.*))?$/.exec(line) ?? [];
    if (keyword !== undefined) found.set(keyword, [...(found.get(keyword) ?? []), value ?? ""]);
  }
  return found;
}

/** Lines of the text that was given by a pipe are shown, for nobody can look them up. */
function faultOf({ stderr, exitCode }: Exit, config: string): string {
  const said = stderr.trim().slice(0, 1500) || `sshd ended with ${exitCode}`;
  const number = Number(/\/dev\/stdin:? line (\d+)/.exec(said)?.[1]);
  const line = number > 0 ? config.split("\n")[number - 1] : undefined;
  return line === undefined ? said : `${said}\n  ${line.trim()}`;
}

export interface MatchLine {
  readonly file: string;
  readonly line: number;
  readonly condition: string;
  readonly keyword: string;
  readonly value: string;
}

/** What Match blocks say: for whom they hold, they win over everything outside of them. */
export function matchLines(file: string, text: string): MatchLine[] {
  const found: MatchLine[] = [];
  let condition: string | undefined;
  for (const [index, row] of text.split("\n").entries()) {
    const [, keyword = "", value = ""] = /^\s*([A-Za-z0-9]+)(?:\s+|\s*=\s*)(.*?)\s*$/.exec(row) ?? [];
    if (keyword.toLowerCase() === "match") condition = value;
    else if (keyword !== "" && condition !== undefined)
      found.push({ file, line: index + 1, condition, keyword, value });
  }
  return found;
}
