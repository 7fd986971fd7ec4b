/** Rules of sudo, as data, and as a line of sudoers. */
import { z } from "zod";

import { Name } from "../user/parameters.ts";

const ALL = "ALL";
const Host = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/, "a host name, or ALL");
/** With `!` a rule would seem to forbid what any renamed copy of the program still does. */
const Command = z
  .string()
  .max(4096)
  .regex(
    /^(?:ALL|\/[^\r\n\0]*)$/,
    "a whole path with its arguments, or ALL; `!` is not taken, for it keeps nobody out",
  );

export const Rule = z
  .strictObject({
    users: z.array(z.union([z.literal(ALL), Name])).default([]),
    groups: z.array(Name).default([]),
    hosts: z.array(Host).min(1).default([ALL]),
    runAs: z
      .array(z.union([z.literal(ALL), Name]))
      .min(1)
      .default(["root"]),
    commands: z.array(Command).min(1).max(256),
    noPassword: z.boolean().default(false),
  })
  .refine(
    ({ users, groups }) => users.length + groups.length > 0,
    "it says for whom: `users`, `groups` or both",
  );
export type Rule = z.output<typeof Rule>;

export function writeRule({ users, groups, hosts, runAs, commands, noPassword }: Rule): string {
  const who = [...users, ...groups.map((group) => `%${group}`)].join(", ");
  const what = commands.map(escapeCommand).join(", ");
  return `${who} ${hosts.join(", ")}=(${runAs.join(", ")}) ${noPassword ? "NOPASSWD: " : ""}${what}`;
}

/** Signs that mean something to sudoers. Wildcards stay what they are. */
const escapeCommand = (command: string): string => command.replace(/[,:=\\#]/g, "\\$&");

/** A wildcard matches blanks and slashes too, and so more than its author had in mind. */
export const wildcardsOf = (rules: readonly Rule[]): readonly string[] =>
  rules.flatMap(({ commands }) => commands).filter((command) => /[*?[]/.test(command));
