/** Files of lines that belong to somebody else, of which a state owns a part. */
import { BomaError, compileRegex } from "@boma/protocol";
import { z } from "zod";

import type { Files, ReadFiles } from "../../host/files.ts";
import { statAs } from "./ownership.ts";
import { textOf } from "./site-source.ts";

/** A pattern of the linear-time engine that must fit the whole line. */
export const LinePattern = z
  .string()
  .min(1)
  .refine(
    (pattern) => patternOf(pattern) !== undefined,
    "this is no pattern: it has no look-around and no back-references",
  );

/** Says whether a line fits, from its start to its end; `undefined` for what is no pattern. */
export function patternOf(pattern: string): ((line: string) => boolean) | undefined {
  try {
    const { matches } = compileRegex(`(?:${pattern})$`);
    return matches;
  } catch {
    return undefined;
  }
}

export const Where = z.union([
  z.enum(["end", "start"]),
  z.strictObject({ after: LinePattern }),
  z.strictObject({ before: LinePattern }),
]);
export type Where = z.output<typeof Where>;

/** The lines of a file, without their ends, and how they end. */
export interface Lines {
  readonly lines: readonly string[];
  readonly end: "\n" | "\r\n";
}

export const linesIn = (text: string): Lines => {
  const end = /^[^\n]*\r\n/.test(text) ? "\r\n" : "\n";
  const lines = text
    .split("\n")
    .map((line) => (line.endsWith("\r") && end === "\r\n" ? line.slice(0, -1) : line));
  // What stands behind the last newline is a line only when something stands there.
  if (lines.at(-1) === "") lines.pop();
  return { lines, end };
};

const textFrom = ({ lines, end }: Lines): string => lines.map((line) => line + end).join("");

/** `undefined` where there is no file. What is no text is not edited: it would not come back as it was. */
export async function readLines(files: ReadFiles, path: string): Promise<Lines | undefined> {
  if (!(await statAs(files, path, "file"))) return undefined;
  const text = textOf(await files.readBytes(path));
  if (text === undefined)
    throw new BomaError("state/refused", `${path} is not text in UTF-8, and was not edited`, {
      hint: "Manage it as a whole with file.managed, or convert it.",
    });
  return linesIn(text);
}

export const missingFile = (path: string): BomaError =>
  new BomaError("state/file-missing", `${path} is not there, so nothing can be put into it`, {
    hint: "Say `create: true`, or declare the file with file.managed first.",
  });

export async function writeLines(files: Files, path: string, lines: Lines): Promise<void> {
  await files.write(path, textFrom(lines));
}

/** The index in front of which something new goes. */
export function placeIn(lines: readonly string[], where: Where, path: string): number {
  if (where === "end") return lines.length;
  if (where === "start") return 0;
  const pattern = "after" in where ? where.after : where.before;
  const fits = patternOf(pattern)!;
  const at = "after" in where ? lines.findLastIndex(fits) + 1 : lines.findIndex(fits);
  if (("after" in where && at > 0) || ("before" in where && at >= 0)) return at;
  throw new BomaError(
    "state/refused",
    `${path} has no line that fits ${pattern}, so there is no place for the new one`,
  );
}
