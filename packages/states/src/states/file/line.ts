import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import {
  LinePattern,
  type Lines,
  missingFile,
  patternOf,
  placeIn,
  readLines,
  Where,
  writeLines,
} from "./edit.ts";
import { aboveOf, Path } from "./parameters.ts";

const NAME = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\n\0]+$/, "one line")
  .describe("What the line is for; each line has a name of its own.");

const params = z
  .strictObject({
    name: NAME,
    path: Path.describe("The file that it stands in."),
    line: z
      .string()
      .max(64 * 1024)
      .regex(/^[^\n\r\0]*$/, "one line, without its end")
      .describe("The whole line."),
    match: LinePattern.optional().describe(
      "A pattern for the whole line that is to be replaced, or removed; the new line must fit it too. Without it, the line itself.",
    ),
    where: Where.default("end").describe(
      "Where a line goes that is not there yet: `end`, `start`, or `after` or `before` a line that fits a pattern.",
    ),
    present: z.boolean().default(true).describe("`false`: no such line is in the file."),
    all: z.boolean().default(false).describe("All lines that fit; without it, more than one is an error."),
    create: z.boolean().default(false).describe("Make the file where there is none."),
  })
  .refine(({ line, match }) => match === undefined || patternOf(match)?.(line) === true, {
    path: ["line"],
    message: "the line does not fit `match`, so it would be added again each time",
  });
type Want = z.output<typeof params>;

export default defineState({
  name: "file.line",
  summary: "One line of a file that otherwise belongs to somebody else.",
  key: "name",
  params,
  secretive: ["line"],
  confinable: true,
  claims: ({ path, match, line }) => [`file:${path}#line:${match ?? line}`],
  after: ({ path }) => [...aboveOf(path), `file:${path}`],

  async check(want, { files }) {
    const now = await readLines(files, want.path);
    if (!now && want.present && !want.create) throw missingFile(want.path);
    const found = now ? fitting(want, now) : [];
    if (!want.present) return diff({ lines: found }, { lines: [] as string[] });
    if (found.length === 0 && now) placeIn(now.lines, want.where, want.path);
    const should = found.map(() => want.line);
    return diff({ lines: found }, { lines: should.length === 0 ? [want.line] : should });
  },

  async apply(_changes, want, { files }) {
    const { path, line, present, where } = want;
    const now: Lines = (await readLines(files, path)) ?? { lines: [], end: "\n" };
    const fits = matcherOf(want);
    if (!present)
      return writeLines(files, path, { ...now, lines: now.lines.filter((other) => !fits(other)) });
    if (now.lines.some(fits))
      return writeLines(files, path, {
        ...now,
        lines: now.lines.map((other) => (fits(other) ? line : other)),
      });
    const at = now.lines.length === 0 ? 0 : placeIn(now.lines, where, path);
    await writeLines(files, path, { ...now, lines: now.lines.toSpliced(at, 0, line) });
  },

  examples: [
    {
      title: "a setting that is there already, with another value",
      key: "longer history",
      params: { path: "/etc/app.conf", line: "history = 500", match: "history *=.*" },
      given: { files: { "/etc/app.conf": "a = 1\nhistory = 10\nb = 2" } },
    },
    {
      title: "a new line after another",
      key: "search path",
      params: { path: "/etc/app.conf", line: "path = /srv", where: { after: "\\[main\\]" } },
      given: { files: { "/etc/app.conf": "[main]\r\na = 1\r\n" } },
    },
    {
      title: "every such line goes",
      key: "no root login",
      params: { path: "/etc/securetty", line: "pts/0", match: "pts/.*", present: false, all: true },
      given: { files: { "/etc/securetty": "tty1\npts/0\npts/1\n" } },
    },
    {
      title: "a file made for it",
      key: "one host",
      params: { path: "/etc/app.hosts", line: "web01", create: true },
      given: { files: { "/etc": { directory: true } } },
    },
  ],
});

const matcherOf = ({ match, line }: Want): ((other: string) => boolean) =>
  (match === undefined ? undefined : patternOf(match)) ?? ((other) => other === line);

function fitting(want: Want, { lines }: Lines): string[] {
  const found = lines.filter(matcherOf(want));
  if (found.length > 1 && !want.all)
    throw new BomaError(
      "state/refused",
      `${want.path} has ${found.length} lines that fit ${want.match ?? want.line}`,
      {
        hint: "Make the pattern fit one line, or say `all: true`.",
      },
    );
  return found;
}
