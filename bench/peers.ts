/**
 * Who else can make files be as they should: each as its makers ship it, on this machine alone, with every file that
 * it keeps for itself below one directory. `npm run bench -- --peers` installs what is missing.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { saltVenv } from "../scripts/ensure-peers.ts";
import { type Program, timed } from "./timed.ts";

/** One job: so many files of two lines below a directory. */
export interface Files {
  readonly count: number;
  readonly into: string;
  /** Where the tool may keep what it likes. */
  readonly own: string;
}

export interface Tool {
  readonly name: string;
  /** `undefined`: it is not installed. */
  version(): Promise<string | undefined>;
  /** Writes down what is wanted, and says which program makes it so. */
  program(files: Files): Program;
}

export const pathOf = ({ into }: Files, index: number): string => `${into}/file-${index}`;
export const linesOf = (index: number): readonly [string, string] => [
  `first line of file ${index}`,
  `second line of file ${index}`,
];

export const each = (files: Files, text: (path: string, lines: readonly string[]) => string): string =>
  Array.from({ length: files.count }, (_, index) => text(pathOf(files, index), linesOf(index))).join("");

export function write(path: string, text: string): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

export async function versionOf(program: Program, pattern: RegExp): Promise<string | undefined> {
  try {
    const { code, stdout } = await timed(program);
    return code === 0 ? pattern.exec(stdout)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

const ansible: Tool = {
  name: "Ansible",
  version: () => versionOf({ argv: ["ansible-playbook", "--version"] }, /core ([\d.]+)/),
  program(files) {
    const task = (path: string, lines: readonly string[]) =>
      `    - copy:\n        dest: ${path}\n        content: "${lines.join("\\n")}\\n"\n        mode: "0644"\n`;
    const play = `- hosts: localhost\n  gather_facts: false\n  tasks:\n${each(files, task)}`;
    const argv = [
      "ansible-playbook",
      "-i",
      "localhost,",
      "-c",
      "local",
      write(join(files.own, "play.yml"), play),
    ];
    const env = { HOME: files.own, ANSIBLE_HOME: files.own, ANSIBLE_LOCAL_TEMP: join(files.own, "tmp") };
    return { argv: argv as [string, ...string[]], env };
  },
};

const puppet: Tool = {
  name: "Puppet",
  version: () => versionOf({ argv: ["puppet", "--version"] }, /^([\d.]+)/),
  program(files) {
    const resource = (path: string, lines: readonly string[]) =>
      `file { '${path}': ensure => file, content => "${lines.join("\\n")}\\n", mode => '0644' }\n`;
    const dirs = ["confdir", "vardir", "logdir", "rundir", "codedir"].map(
      (name) => `--${name}=${join(files.own, name)}`,
    );
    return { argv: ["puppet", "apply", ...dirs, write(join(files.own, "files.pp"), each(files, resource))] };
  },
};

const saltCall = join(saltVenv, "bin/salt-call");

const salt: Tool = {
  name: "Salt",
  version: () => versionOf({ argv: [saltCall, "--version"] }, /salt-call ([\d.]+)/),
  program(files) {
    const state = (path: string, lines: readonly string[]) =>
      `${path}:\n  file.managed:\n    - contents:\n${lines.map((line) => `      - ${line}\n`).join("")}    - mode: "0644"\n`;
    write(join(files.own, "states/files.sls"), each(files, state));
    const config = {
      root_dir: files.own,
      file_client: "local",
      file_roots: { base: [join(files.own, "states")] },
      id: "bench",
      log_level: "error",
      log_level_logfile: "error",
      state_output: "changes",
      state_verbose: false,
    };
    // JSON is YAML.
    write(join(files.own, "config/minion"), JSON.stringify(config));
    const argv = [saltCall, "--local", "--config-dir", join(files.own, "config"), "state.apply", "files"];
    return { argv: argv as [string, ...string[]] };
  },
};

export const peers: readonly Tool[] = [salt, puppet, ansible];
