/** Takes the values of secrets out of everything that leaves a run, in whatever encoding they show up. */

export interface Mask {
  text(text: string): string;
  /** The same value with every text in it masked. */
  value(value: unknown): unknown;
}

const MASKED = "•••";
/** A shorter value is masked only where it stands alone: it would be found everywhere. */
const FOUND_WITHIN_MIN = 4;
/** Lines of a longer secret, such as those of a key, and pieces of its encodings are looked for from this length on. */
const PIECE_MIN = 8;
/** A line of a secret that is not looked for everywhere, because it is too short, is masked where it is a whole text. */
const LINE_MIN = 3;
const DEPTH_MAX = 100;
/** What stands where the middle of a program's output was left out: on either side a secret may be cut through. */
const LEFT_OUT = /(\n… \d+ bytes left out …\n)/;

export function maskOf(values: Iterable<string>): Mask {
  const whole = new Set([...values].filter((value) => value !== ""));
  if (whole.size === 0) return { text: (given) => given, value: (given) => given };
  const lines = new Set([...whole].flatMap(linesOf).filter((line) => line.length >= LINE_MIN));
  const forms = byBeginning([...whole].flatMap(formsOf));
  const cut = [...whole].flatMap((value) => [...plainOf(value), ...encodedForms(value)]).flatMap(cutForms);
  const part = (given: string): string => {
    const masked = covered(given, forms, cut);
    if (lines.size === 0) return masked;
    return masked.replace(/[^\n]+/g, (line) => (lines.has(line.trim()) ? MASKED : line));
  };
  const text = (given: string): string =>
    whole.has(given) ? MASKED : given.split(LEFT_OUT).map(part).join("");
  return { text, value: (given) => maskedValue(given, text) };
}

function maskedValue(given: unknown, text: Mask["text"], depth = 0): unknown {
  if (typeof given === "string") return text(given);
  if (typeof given === "number" || typeof given === "bigint")
    return text(String(given)) === String(given) ? given : MASKED;
  if (typeof given !== "object" || given === null) return given;
  if (depth > DEPTH_MAX) return MASKED;
  if (given instanceof Uint8Array) return given;
  if (Array.isArray(given)) return given.map((member) => maskedValue(member, text, depth + 1));
  return Object.fromEntries(
    Object.entries(given).map(([key, member]) => [text(key), maskedValue(member, text, depth + 1)]),
  );
}

/** Forms by their first characters, the longest first: a text is gone through once, however many there are. */
type Forms = ReadonlyMap<string, readonly string[]>;

function byBeginning(all: readonly string[]): Forms {
  const forms = new Set(all.filter((form) => form.length >= FOUND_WITHIN_MIN));
  return Map.groupBy(
    [...forms].sort((a, b) => b.length - a.length),
    (form) => form.slice(0, FOUND_WITHIN_MIN),
  );
}

type Span = readonly [from: number, to: number];

/** Every place of every form, those that overlap together: what is left over of one would tell of it. */
function covered(text: string, forms: Forms, cut: readonly CutForm[]): string {
  const spans = [...placesOf(forms, text), ...cutEnds(text, cut)].sort((a, b) => a[0] - b[0]);
  let out = "";
  let end = 0;
  for (const [from, to] of spans) {
    if (from >= end) out += text.slice(end, from) + MASKED;
    end = Math.max(end, to);
  }
  return out + text.slice(end);
}

function placesOf(forms: Forms, text: string): Span[] {
  const spans: Span[] = [];
  for (let at = 0; at + FOUND_WITHIN_MIN <= text.length; at++) {
    const form = forms.get(text.slice(at, at + FOUND_WITHIN_MIN))?.find((one) => text.startsWith(one, at));
    if (form !== undefined) spans.push([at, at + form.length]);
  }
  return spans;
}

/** A form that a text may begin or end in the middle of, with its own two ends. */
interface CutForm {
  readonly form: string;
  readonly first: string;
  readonly last: string;
}

const cutForms = (form: string): CutForm[] =>
  form.length > PIECE_MIN ? [{ form, first: form.slice(0, PIECE_MIN), last: form.slice(-PIECE_MIN) }] : [];

/** The ends of a text that was cut out of a longer one, where they are pieces of a secret. */
function cutEnds(text: string, cut: readonly CutForm[]): Span[] {
  if (text.length < PIECE_MIN) return [];
  let [begins, ends] = [0, text.length];
  for (const one of cut) {
    if (one.form.length > text.length && one.form.includes(text)) return [[0, text.length]];
    begins = Math.max(begins, tailAtBeginning(text, one));
    ends = Math.min(ends, headAtEnd(text, one));
  }
  const spans: Span[] = [];
  if (begins > 0) spans.push([0, begins]);
  if (ends < text.length) spans.push([ends, text.length]);
  return spans;
}

/** How much of the text's beginning is the end of this form. */
function tailAtBeginning(text: string, { form, last }: CutForm): number {
  let at = text.lastIndexOf(last, form.length - PIECE_MIN);
  while (at >= 0 && !form.endsWith(text.slice(0, at + PIECE_MIN)))
    at = at === 0 ? -1 : text.lastIndexOf(last, at - 1);
  return at < 0 ? 0 : at + PIECE_MIN;
}

/** From where on the text's end is the beginning of this form. */
function headAtEnd(text: string, { form, first }: CutForm): number {
  let at = text.indexOf(first, Math.max(0, text.length - form.length));
  while (at >= 0 && !form.startsWith(text.slice(at))) at = text.indexOf(first, at + 1);
  return at < 0 ? text.length : at;
}

const linesOf = (value: string): string[] => value.split(/\r?\n/).map((line) => line.trim());

/** The value itself, and the lines of one that has several. */
function plainOf(value: string): Set<string> {
  const lines = linesOf(value);
  const pieces = lines.length > 1 ? lines.filter((line) => line.length >= PIECE_MIN) : [];
  return new Set([value, value.trim(), ...pieces]);
}

function formsOf(value: string): string[] {
  const forms: string[] = [];
  for (const plain of plainOf(value)) {
    if (plain.length < FOUND_WITHIN_MIN) continue;
    forms.push(plain, ...escapedForms(plain), ...encodedForms(plain));
  }
  return forms;
}

function escapedForms(plain: string): string[] {
  const json = JSON.stringify(plain).slice(1, -1);
  const percent = wellFormed(plain);
  const every = [...Buffer.from(plain)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  return [
    json,
    JSON.stringify(json).slice(1, -1),
    percent,
    percent.replace(/%20/g, "+"),
    percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    percent.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
    every,
    every.toUpperCase(),
    plain.replaceAll("'", String.raw`'\''`),
    plain.replaceAll("'", `'"'"'`),
    plain.replace(/["$`\\!]/g, String.raw`\$&`),
    plain.replace(/[^\w@%+=:,./-]/g, String.raw`\$&`),
  ];
}

/** A lone surrogate cannot be percent-encoded, and does not come out of a secret's bytes. */
const wellFormed = (plain: string): string => encodeURIComponent(plain.toWellFormed());

function encodedForms(plain: string): string[] {
  const bytes = Buffer.from(plain);
  const hex = bytes.toString("hex");
  const inner = [0, 1, 2]
    .map((offset) => base64Within(bytes, offset))
    .filter((form) => form.length >= PIECE_MIN);
  const base64 = [bytes.toString("base64"), ...inner];
  return [hex, hex.toUpperCase(), ...base64, ...base64.map(urlSafe)];
}

const urlSafe = (base64: string): string =>
  base64.replace(/[+/]/g, (char) => (char === "+" ? "-" : "_")).replace(/=+$/, "");

/** What its base64 has in common wherever it stands in a longer text: the characters that only its own bytes make. */
function base64Within(bytes: Uint8Array, offset: number): string {
  const encoded = Buffer.concat([new Uint8Array(offset), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + bytes.length) * 8) / 6);
  return encoded.slice(first, last);
}
