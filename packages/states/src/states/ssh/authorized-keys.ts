/** The text of authorized_keys: one key a line, and lines that are somebody else's business. */
import { z } from "zod";

import { isKeyType, type PublicKey, readPublicKey } from "./public-key.ts";

/** At the end of the comment of a key that belongs to a set. */
const MARK = "# boma";

/** sshd refuses a key with an option that it does not know, and so would everybody be locked out. */
const FLAGS =
  /^(?:no-)?(?:agent-forwarding|port-forwarding|pty|user-rc|x11-forwarding)$|^(?:restrict|cert-authority|no-touch-required|verify-required)$/i;
const VALUED =
  /^(?:command|environment|expiry-time|from|permitlisten|permitopen|principals|tunnel)="(?:[^"\\\r\n\0]|\\.)*"$/i;

export const Options = z
  .array(
    z
      .string()
      .max(4096)
      .refine(
        (option) => FLAGS.test(option) || VALUED.test(option),
        'an option that sshd knows, such as `restrict` or `from="10.0.0.0/8"`, its value in double quotes',
      ),
  )
  .max(32);

export interface AuthorizedKey extends PublicKey {
  readonly options: readonly string[];
}

export interface Line {
  /** As it stands in the file. */
  readonly text: string;
  /** The body of the key, where the line has one. */
  readonly blob: string | undefined;
  readonly marked: boolean;
}

export const readLines = (text: string): Line[] =>
  text
    .split("\n")
    .slice(0, text.endsWith("\n") || text === "" ? -1 : undefined)
    .map(readLine);

function readLine(text: string): Line {
  const words = wordsOf(text);
  const at = words.findIndex(isKeyType);
  // Options are one word; a type further back is part of a comment.
  const key = at === 0 || at === 1 ? words.slice(at) : [];
  const blob = text.trimStart().startsWith("#") ? undefined : key[1];
  return { text, blob, marked: blob !== undefined && text.trimEnd().endsWith(MARK) };
}

/** Split at blanks outside of quotes; as many words as are needed to find a key. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quoted = false;
  for (let at = 0; at < text.length && words.length < 3; at++) {
    const letter = text[at]!;
    if (letter === "\\" && text[at + 1] === '"') word += letter + text[++at]!;
    else if (/[ \t\r]/.test(letter) && !quoted) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      if (letter === '"') quoted = !quoted;
      word += letter;
    }
  }
  return word === "" ? words : [...words, word];
}

export const authorizedKey = (text: string, options: readonly string[] = []): AuthorizedKey => ({
  ...readPublicKey(text),
  options,
});

function writeKey({ options, type, blob, comment }: AuthorizedKey, marked = false): string {
  return [options.join(","), type, blob, comment, marked ? MARK : ""].filter((part) => part !== "").join(" ");
}

export const joinLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** The lines with this key exactly once and as it is written here: where it stood first, else at the end. */
export function withKey(lines: readonly Line[], key: AuthorizedKey): readonly string[] {
  const first = lines.findIndex(({ blob }) => blob === key.blob);
  if (first === -1) return [...lines.map(({ text }) => text), writeKey(key)];
  return lines
    .filter(({ blob }, index) => blob !== key.blob || index === first)
    .map(({ text, blob }) => (blob === key.blob ? writeKey(key) : text));
}

export const withoutKey = (lines: readonly Line[], { blob }: PublicKey): readonly string[] =>
  lines.filter((line) => line.blob !== blob).map(({ text }) => text);

/** The whole set at the end, marked; of the other lines those that are not ours, or with `exclusive` no key at all. */
export function withSet(
  lines: readonly Line[],
  keys: readonly AuthorizedKey[],
  exclusive: boolean,
): readonly string[] {
  const own = new Set(keys.map(({ blob }) => blob));
  const stays = ({ blob, marked }: Line): boolean =>
    blob === undefined ? !exclusive : !exclusive && !marked && !own.has(blob);
  return [...lines.filter(stays).map(({ text }) => text), ...keys.map((key) => writeKey(key, true))];
}
