import { posix } from "node:path";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Files, ReadFiles } from "../../host/files.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { aboveOf } from "../file/parameters.ts";
import { canBecomeRoot } from "../user/last-admin.ts";
import { blocked, Name } from "../user/parameters.ts";
import { Rule, wildcardsOf, writeRule } from "./rule.ts";

const DIRECTORY = "/etc/sudoers.d";
const MAIN = "/etc/sudoers";
const INCLUDES = /^\s*[@#]includedir\s+"?\/etc\/sudoers\.d\/?"?\s*$/m;
const OWNERSHIP = { owner: "root", group: "root", mode: "0440" };

const Params = z.strictObject({
  name: z
    .string()
    .regex(
      /^[a-z0-9_-]{1,64}$/,
      "a-z, 0-9, _ and - only: sudo passes over a file with a dot in its name without a word",
    )
    .describe("What the rules are for; the file is boma-NAME."),
  rules: z.array(Rule).min(1).max(256).describe("Who may run what as whom: `{ users, commands }`."),
  must: z
    .array(Name)
    .max(50)
    .default([])
    .describe(
      "Users who must be able to do everything as root; rules that take that from them are taken back.",
    ),
});

export default defineState({
  name: "sudo.rules",
  summary: "A file of /etc/sudoers.d that is proved before and after it is in place.",
  key: "name",
  params: Params,
  claims: ({ name }) => [`file:${pathOf(name)}`],
  after: ({ name, rules, must }) => [
    ...must.map((user) => `user:${user}`),
    ...rules.flatMap(({ users, groups }) => [
      ...users.map((user) => `user:${user}`),
      ...groups.map((group) => `group:${group}`),
    ]),
    ...aboveOf(pathOf(name)),
    `file:${MAIN}`,
    "pkg:sudo",
  ],
  warnings: ({ rules }) =>
    wildcardsOf(rules).map((command) => `the wildcard in ${command} matches blanks and slashes too`),

  async check({ name, rules, must }, host) {
    const path = pathOf(name);
    await assertIncluded(host.files);
    const now = await host.files.stat(path);
    if (now && now.type !== "file")
      throw new BomaError("state/wrong-type", `${path} is a ${now.type}, not a file`);
    const { owner, group, mode } = now ?? {};
    const is = now && { rules: await host.files.readText(path), owner, group, mode };
    const changes = diff<Properties>(is, { rules: textOf(name, rules), ...OWNERSHIP });
    if (Object.keys(changes).length > 0) return changes;
    await assertWhole(host);
    const without = await withoutRoot(must, host);
    if (without !== undefined) throw blocked(without);
    return changes;
  },

  async apply(_, { name, rules, must }, host) {
    const text = textOf(name, rules);
    const path = pathOf(name);
    await proveDraft(text, host);
    await assertWhole(host, path);
    const before = await remember(path, host.files);
    await host.files.write(path, text, OWNERSHIP);
    const wrong = (await faultOf(["-c"], host)) ?? (await withoutRoot(must, host));
    if (wrong === undefined) return;
    await before.restore();
    throw blocked(`with ${path} sudo would no longer work as it must, and it was taken back:\n${wrong}`);
  },

  examples: [
    {
      title: "a deployment that restarts one service",
      key: "deploy",
      params: {
        rules: [
          { users: ["deploy"], commands: ["/usr/bin/systemctl restart web.service"], noPassword: true },
          { groups: ["admin"], commands: ["ALL"] },
        ],
      },
      given: {
        commands: { visudo: {} },
        files: { [MAIN]: `@includedir ${DIRECTORY}\n`, [DIRECTORY]: { directory: true } },
      },
    },
  ],
});

interface Properties {
  readonly rules: string;
  readonly owner: string;
  readonly group: string;
  readonly mode: string;
}

const pathOf = (name: string): string => `${DIRECTORY}/boma-${name}`;

const textOf = (name: string, rules: readonly Rule[]): string =>
  [
    `# Kept by boma: sudo.rules(${name}). What is changed here by hand is changed back.`,
    ...rules.map(writeRule),
    "",
  ].join("\n");

/** Without a main file sudo is not there yet; with one that includes nothing the rules would never count. */
async function assertIncluded(files: ReadFiles): Promise<void> {
  if (!(await files.stat(MAIN)) || INCLUDES.test(await files.readText(MAIN))) return;
  throw blocked(
    `${MAIN} does not include ${DIRECTORY}, so no rule there would count`,
    `Add the line \`@includedir ${DIRECTORY}\` with visudo.`,
  );
}

/** What visudo says against it; `undefined` when it finds nothing. */
async function faultOf(args: readonly string[], { commands }: ReadHost): Promise<string | undefined> {
  const { exitCode, stdout, stderr } = await commands.read({ argv: ["visudo", ...args] });
  return exitCode === 0 ? undefined : (stderr.trim() || stdout.trim()).slice(0, 2000);
}

/** Who of those who must could not become root any more. */
async function withoutRoot(must: readonly string[], host: ReadHost): Promise<string | undefined> {
  for (const user of must)
    if (!(await canBecomeRoot(user, host))) return `${user}, who must, could not do everything as root`;
  return undefined;
}

/** Sudo works as a whole; `but` is the file that is to be replaced, whose faults do not count. */
async function assertWhole(host: ReadHost, but?: string): Promise<void> {
  const wrong = await faultOf(["-c"], host);
  if (wrong === undefined || (but !== undefined && wrong.includes(but))) return;
  throw blocked(`visudo finds faults on this machine:\n${wrong}`, "Repair them with visudo first.");
}

async function proveDraft(text: string, host: Host): Promise<void> {
  const { files } = host;
  const directory = await files.makeTemporary(posix.dirname(DIRECTORY));
  try {
    const draft = posix.join(directory, "draft");
    await files.write(draft, text, OWNERSHIP);
    const wrong = await faultOf(["-c", "-f", draft], host);
    if (wrong !== undefined) throw blocked(`visudo refuses these rules:\n${wrong}`);
  } finally {
    await files.remove(directory, { recursive: true });
  }
}

async function remember(path: string, files: Files): Promise<{ restore(): Promise<void> }> {
  const stat = await files.stat(path);
  const bytes = stat && (await files.readBytes(path));
  return {
    restore: () => (bytes ? files.write(path, bytes, stat) : files.remove(path)),
  };
}
