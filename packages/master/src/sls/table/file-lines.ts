/** Lines of files that belong to somebody else. */
import { Refusal } from "../finding.ts";
import { hasMark } from "../marks.ts";
import { harmless, type Made, only, type Row, text, texts, type Use } from "./row.ts";

function appended(made: Made, use: Use): readonly Made[] {
  const arg = use.args.get("text");
  if (!arg) throw new Refusal("there is no `text`", "Write the lines by hand with file.line.", use.at);
  const chunks = texts(arg, "text").map((chunk) => chunk.replace(/\n+$/, ""));
  const lines = chunks.flatMap((chunk) => chunk.split("\n"));
  if (chunks.some((chunk) => chunk.includes("\n")))
    use.differs(
      "Salt looks for the text as a whole, boma for each line by itself",
      "file.block keeps lines together.",
    );
  if (lines.some((line) => line.trim() === "") || new Set(lines).size < lines.length)
    throw new Refusal("a line is empty or stands there twice", "file.block keeps lines together.", arg.at);
  return lines.map((line, at) => ({
    ...made,
    key: lines.length === 1 ? use.id : `${use.id} (${at + 1})`,
    params: { path: use.name, line, create: true },
  }));
}

/** Where a pattern is about whole lines, the line that fits it can be what is declared. */
function replaced(made: Made, use: Use): Made {
  const hint = "Declare the whole file, or its line with file.line, by hand.";
  const [pattern, repl] = ["pattern", "repl"].map((name) => {
    const arg = use.args.get(name);
    if (!arg) throw new Refusal(`there is no \`${name}\``, hint, use.at);
    return text(arg, name);
  }) as [string, string];
  const { at } = use.args.get("pattern")!;
  if (use.args.get("append_if_not_found")?.value !== true)
    throw new Refusal(
      "without `append_if_not_found` nothing is added where no line fits; file.line always has its line",
      hint,
      at,
    );
  const [, inner] = /^\^(.*?(?:\.\*\$?|(?<!\\)\$))$/.exec(pattern) ?? [];
  if (inner === undefined || /[\n|]|\(\?|\\[nAZ0-9]|\[\^/.test(inner))
    throw new Refusal("the pattern is not about a whole line", hint, at);
  if (/[\n\\]/.test(repl) || hasMark(pattern))
    throw new Refusal("what is put there is not one plain line", hint, at);
  if (inner.includes("\\s"))
    use.differs("`\\s` never reaches over a line's end here", "Nothing, most likely.");
  const match = inner.replace(/\$$/, "");
  return { ...made, key: use.id, params: { path: use.name, line: repl, match, all: true } };
}

export const lineRows: Readonly<Record<string, Row>> = {
  "file.append": {
    to: "file.line",
    params: { text: harmless, makedirs: only(false, "`makedirs`: file.line makes no directories") },
    finish: appended,
    late: () => true,
  },
  "file.replace": {
    to: "file.line",
    key: ({ id }) => id,
    params: {
      pattern: harmless,
      repl: harmless,
      append_if_not_found: harmless,
      backup: only(false, "`backup` has no counterpart here"),
      show_changes: harmless,
    },
    finish: replaced,
  },
};
