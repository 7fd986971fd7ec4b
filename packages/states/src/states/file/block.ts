import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { linesIn, type Lines, missingFile, placeIn, readLines, Where, writeLines } from "./edit.ts";
import { aboveOf, Path } from "./parameters.ts";

const Comment = z
  .string()
  .max(20)
  .regex(/^[^\n\r\0]*$/, "within one line");
const params = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, "letters, digits, `.`, `_` and `-`")
      .describe("The name of the block; it stands in the lines that mark where it begins and ends."),
    path: Path.describe("The file that it stands in."),
    contents: z.string().default("").describe("The lines of the block.").meta({ as: "text" }),
    comment: Comment.default("#").describe("What begins a comment in this file."),
    commentEnd: Comment.default("").describe("What ends a comment, where that is needed: `*/`."),
    where: Where.default("end").describe(
      "Where a block goes that is not there yet: `end`, `start`, or `after` or `before` a line that fits a pattern.",
    ),
    present: z.boolean().default(true).describe("`false`: the block and its marks are not in the file."),
    create: z.boolean().default(false).describe("Make the file where there is none."),
  })
  .refine(
    (want) => {
      const { begin, end } = marksOf(want);
      return linesIn(want.contents).lines.every((line) => line !== begin && line !== end);
    },
    { path: ["contents"], message: "the content holds a line that marks the block itself" },
  );
interface Marked {
  readonly id: string;
  readonly comment: string;
  readonly commentEnd: string;
}

export default defineState({
  name: "file.block",
  summary: "Some lines, between two marks, of a file that otherwise belongs to somebody else.",
  key: "id",
  params,
  secretive: ["contents"],
  confinable: true,
  claims: ({ path, id }) => [`file:${path}#block:${id}`],
  after: ({ path }) => [...aboveOf(path), `file:${path}`],

  async check(want, { files }) {
    const now = await readLines(files, want.path);
    if (!now && want.present && !want.create) throw missingFile(want.path);
    const span = now && spanOf(now.lines, want, want.path);
    const is = span && now.lines.slice(span.begin + 1, span.end).join("\n");
    if (!want.present)
      return diff({ present: span !== undefined, contents: is }, { present: false, contents: undefined });
    if (!span && now) placeIn(now.lines, want.where, want.path);
    return diff(
      { present: span !== undefined, contents: is },
      { present: true, contents: linesIn(want.contents).lines.join("\n") },
    );
  },

  async apply(_changes, want, { files }) {
    const now: Lines = (await readLines(files, want.path)) ?? { lines: [], end: "\n" };
    const span = spanOf(now.lines, want, want.path);
    const { begin, end } = marksOf(want);
    const block = want.present ? [begin, ...linesIn(want.contents).lines, end] : [];
    const at = span?.begin ?? (now.lines.length === 0 ? 0 : placeIn(now.lines, want.where, want.path));
    const length = span ? span.end - span.begin + 1 : 0;
    await writeLines(files, want.path, { ...now, lines: now.lines.toSpliced(at, length, ...block) });
  },

  examples: [
    {
      title: "hosts of ours in a file that others write too",
      key: "lab",
      params: { path: "/etc/hosts", contents: "10.0.0.1 one\n10.0.0.2 two\n" },
      given: { files: { "/etc/hosts": "127.0.0.1 localhost" } },
    },
    {
      title: "another content",
      key: "lab",
      params: { path: "/etc/hosts", contents: "10.0.0.3 three" },
      given: {
        files: {
          "/etc/hosts":
            "127.0.0.1 localhost\n# begin boma lab\n10.0.0.1 one\n# end boma lab\n::1 localhost\n",
        },
      },
    },
    {
      title: "a block that goes",
      key: "old",
      params: { path: "/etc/site.css", present: false, comment: "/*", commentEnd: "*/" },
      given: { files: { "/etc/site.css": "a {}\n/* begin boma old */\nb {}\n/* end boma old */\n" } },
    },
  ],
});

function marksOf({ id, comment, commentEnd }: Marked): { begin: string; end: string } {
  const mark = (word: string): string =>
    [comment, `${word} boma ${id}`, commentEnd].filter(Boolean).join(" ");
  return { begin: mark("begin"), end: mark("end") };
}

/** A mark counts only as a whole line. Where one is missing or doubled, nothing is known of where the block ends. */
function spanOf(
  lines: readonly string[],
  marked: Marked,
  path: string,
): { begin: number; end: number } | undefined {
  const { begin, end } = marksOf(marked);
  const at = (mark: string): number[] => lines.flatMap((line, index) => (line === mark ? [index] : []));
  const [begins, ends] = [at(begin), at(end)];
  if (begins.length === 0 && ends.length === 0) return undefined;
  if (begins.length === 1 && ends.length === 1 && begins[0]! < ends[0]!)
    return { begin: begins[0]!, end: ends[0]! };
  throw new BomaError(
    "state/refused",
    `${path}: the block ${marked.id} begins ${begins.length} times and ends ${ends.length} times, or ends before it begins`,
    { hint: `Put right by hand the lines \`${begin}\` and \`${end}\`; nothing was changed.` },
  );
}
