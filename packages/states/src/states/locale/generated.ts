/** The list of locales to make, /etc/locale.gen. */
import { BomaError } from "@boma/protocol";

import { canonical } from "./name.ts";

export const LIST = "/etc/locale.gen";

const ENTRY = /^\s*(#?)\s*([A-Za-z_]+(?:\.[A-Za-z0-9-]+)?(?:@[a-z]+)?)\s+([A-Z0-9-]+)\s*$/;

const entryOf = (line: string): { name: string; charset: string; commented: boolean } | undefined => {
  const [, hash, name, charset] = ENTRY.exec(line) ?? [];
  return name === undefined || charset === undefined ? undefined : { name, charset, commented: hash === "#" };
};

const lineOf = (lines: readonly string[], name: string): number =>
  lines.findIndex((line) => {
    const entry = entryOf(line);
    return entry !== undefined && !entry.commented && canonical(entry.name) === canonical(name);
  });

export const lists = (text: string, name: string): boolean => lineOf(text.split("\n"), name) >= 0;

/** The list with this one: uncommented where it stands as a comment, else added. */
export function withLocale(text: string, name: string): string {
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  if (lineOf(lines, name) >= 0) return text;
  const at = lines.findIndex((line) => canonical(entryOf(line)?.name ?? "") === canonical(name));
  const known = at < 0 ? undefined : entryOf(lines[at]!);
  if (known) lines[at] = `${known.name} ${known.charset}`;
  else lines.push(`${name} ${charsetOf(name)}`);
  return `${lines.join("\n")}\n`;
}

function charsetOf(name: string): string {
  if (/\.utf-?8/i.test(name)) return "UTF-8";
  throw new BomaError(
    "state/unsupported",
    `${LIST} has no line for ${name}, and its name does not say its codeset`,
    {
      hint: "Name one of UTF-8: de_DE.UTF-8.",
    },
  );
}
