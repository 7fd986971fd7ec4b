/** The translated declarations as YAML, each with what is to be known of it in comments. */
import { escapeControl } from "@boma/protocol";
import { stringify } from "yaml";

import type { Said } from "./draft.ts";
import type { Finding } from "./finding.ts";
import type { Marks } from "./marks.ts";
import type { Made } from "./table/row.ts";

export interface Item {
  readonly made: Made;
  readonly requisites: Readonly<Record<string, readonly string[]>>;
  readonly said: readonly Pick<Said, "why" | "hint" | "level">[];
}

/** Throws a `Refusal` for what YAML cannot say. */
export function itemText({ made, requisites, said }: Item, marks: Marks): string {
  const written = (value: unknown): unknown => {
    if (typeof value === "string") return marks.written(value);
    if (Array.isArray(value)) return value.map(written);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, written(member)]));
  };
  const params = Object.entries(made.params).filter(([, value]) => value !== undefined);
  const hangs = Object.entries(requisites).map(([name, ids]) => [name, ids.length === 1 ? ids[0] : ids]);
  const all = Object.fromEntries([[made.state, made.key], ...params, ...hangs] as [string, unknown][]);
  const remarks = said.map(({ level, why, hint }) =>
    comment(`${level === "differs" ? "differs: " : ""}${why}${hint === "Nothing." ? "" : ` -> ${hint}`}`),
  );
  return [
    ...remarks,
    stringify([written(all)], { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd(),
  ].join("\n");
}

export const leftOutText = ({ file, line, what, why, hint }: Finding): string =>
  comment(`LEFT OUT ${file}:${line}: ${what}: ${why} -> ${hint}`);

/** One line: nothing that was written in a template may end the comment. */
const comment = (text: string): string =>
  `# ${escapeControl(text.replaceAll(/[\s\u0085\u2028\u2029]+/g, " ")).trim()}`;
