/**
 * The words of a variable in a file of `/etc/default`, as systemd gives them to a service. All else in the file is the
 * administrator's and stays.
 */
import { BomaError } from "@boma/protocol";

const lineOf = (variable: string): RegExp => new RegExp(`^[ \\t]*${variable}=(.*)$`);
/** What stands the same inside and outside of systemd's quotes. */
const PLAIN = /^[\w.,:;=@%+/[\]-]+$/;

/** Of several assignments the last one counts, for systemd as for a shell. */
export function readOptionWords(text: string, variable: string): readonly string[] {
  const values = text.split("\n").flatMap((line) => lineOf(variable).exec(line)?.[1] ?? []);
  const value = values.at(-1)?.trim() ?? "";
  const inner = /^"([^"]*)"$/.exec(value)?.[1] ?? /^'([^']*)'$/.exec(value)?.[1] ?? value;
  const words = inner.split(/\s+/).filter((word) => word !== "");
  const odd = words.find((word) => !PLAIN.test(word));
  if (odd === undefined) return words;
  throw new BomaError(
    "bootstrap/machine",
    `${variable} holds ${JSON.stringify(odd)}, which is not a plain word`,
  );
}

export function writeOptionWords(text: string, variable: string, words: readonly string[]): string {
  const odd = words.find((word) => !PLAIN.test(word));
  if (odd !== undefined)
    throw new BomaError(
      "usage/argument",
      `${JSON.stringify(odd)} is not a plain word: it would not reach the service`,
    );
  const line = `${variable}="${words.join(" ")}"`;
  const lines = text.split("\n");
  const at = lines.findLastIndex((one) => lineOf(variable).test(one));
  if (at >= 0) return lines.with(at, line).join("\n");
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}

/** What an option is given, in both of its spellings. */
export function valuesOf(words: readonly string[], option: string): readonly string[] {
  return words.flatMap((word, at) => {
    if (word === option) return words[at + 1] ?? [];
    return word.startsWith(`${option}=`) ? word.slice(option.length + 1) : [];
  });
}

/** The option with this value and no other. */
export function withOption(words: readonly string[], option: string, value: string): readonly string[] {
  const others = words.filter(
    (word, at) => word !== option && !word.startsWith(`${option}=`) && words[at - 1] !== option,
  );
  return [...others, option, value];
}

/** An option that may be repeated, with these values beside those that it has. */
export const withValues = (words: readonly string[], option: string, values: readonly string[]) => [
  ...words,
  ...values.filter((value) => !valuesOf(words, option).includes(value)).flatMap((value) => [option, value]),
];
