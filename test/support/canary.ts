/**
 * A secret that a test plants and then looks for, wherever it must not be: in
 * the forms that programs give it on its way. Every place that holds it is
 * listed with the form, and never with the secret.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Where it was found, and in which form. */
export interface Found {
  readonly place: string;
  readonly form: string;
}

export interface Canary {
  readonly value: string;
  /** The forms in which it stands in a text or in bytes. */
  in(content: string | Uint8Array): string[];
  /** The same for every file below a directory, names included: a store of the bus, an agent's home, a site. */
  inFiles(...paths: readonly string[]): Found[];
  inTexts(texts: Readonly<Record<string, string | Uint8Array>>): Found[];
  /** Command line and environment of these processes and of all their children, as they are now. */
  inProcesses(...pids: readonly number[]): Found[];
}

/** Fit to be looked for: long, by chance, with characters that each encoding turns into something else. */
export const newCanary = (): Canary => canary(`cny/${randomBytes(18).toString("hex")}+"\\é&~`);

export function canary(value: string): Canary {
  const forms = formsOf(value);
  const found = (content: string | Uint8Array): string[] => {
    const bytes =
      typeof content === "string"
        ? Buffer.from(content)
        : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const lower = Buffer.from(bytes.toString("latin1").toLowerCase(), "latin1");
    return forms
      .filter(({ bytes: form, anyCase }) => (anyCase ? lower : bytes).includes(form))
      .map(({ name }) => name);
  };
  const inTexts: Canary["inTexts"] = (texts) =>
    Object.entries(texts).flatMap(([place, content]) => found(content).map((form) => ({ place, form })));
  return {
    value,
    in: found,
    inTexts,
    inFiles: (...paths) =>
      paths.flatMap((path) => filesBelow(path).flatMap((file) => inTexts(contentOf(file)))),
    inProcesses: (...pids) => treeOf(pids).flatMap((pid) => inTexts(processTexts(pid))),
  };
}

interface Form {
  readonly name: string;
  readonly bytes: Buffer;
  readonly anyCase?: true;
}

function formsOf(value: string): Form[] {
  const bytes = Buffer.from(value);
  const hex = bytes.toString("hex");
  const forms: Form[] = [
    { name: "plain", bytes },
    { name: "hex", bytes: Buffer.from(hex), anyCase: true },
    { name: "hex with colons", bytes: Buffer.from(hex.replace(/(..)(?=.)/g, "$1:")), anyCase: true },
    { name: "percent", bytes: Buffer.from(encodeURIComponent(value).toLowerCase()), anyCase: true },
    {
      name: "form",
      bytes: Buffer.from(new URLSearchParams({ v: value }).toString().slice(2).toLowerCase()),
      anyCase: true,
    },
    { name: "JSON", bytes: Buffer.from(JSON.stringify(value).slice(1, -1)) },
    { name: "JSON, ASCII only", bytes: Buffer.from(asciiJson(value)) },
    { name: "shell", bytes: Buffer.from(value.replaceAll("'", String.raw`'\''`)) },
    {
      name: "XML",
      bytes: Buffer.from(value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")),
    },
    { name: "UTF-16", bytes: Buffer.from(value, "utf16le") },
    { name: "reversed", bytes: Buffer.from(Array.from(value).toReversed().join("")) },
  ];
  for (const [offset, text] of base64At(bytes).entries()) {
    forms.push({ name: `base64 at ${offset}`, bytes: Buffer.from(text) });
    const url = text.replaceAll("+", "-").replaceAll("/", "_");
    if (url !== text) forms.push({ name: `base64url at ${offset}`, bytes: Buffer.from(url) });
  }
  return forms;
}

const asciiJson = (value: string): string =>
  JSON.stringify(value)
    .slice(1, -1)
    .replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Within a longer text base64 looks otherwise, by where the secret begins; what its neighbours have a share in is cut off. */
function base64At(bytes: Buffer): string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = Math.floor(((offset + bytes.length) * 8) / 6);
    return text.slice(offset === 0 ? 0 : offset + 1, whole);
  });
}

function filesBelow(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map(({ parentPath, name }) => join(parentPath, name));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOTDIR") return [path];
    throw thrown;
  }
}

function contentOf(file: string): Record<string, string | Uint8Array> {
  try {
    return { [file]: readFileSync(file), [`the name of ${file}`]: file };
  } catch (thrown) {
    // A file that went while it was looked for holds nothing; a link to nowhere may be named after it.
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EISDIR") return { [`the name of ${file}`]: file };
    throw thrown;
  }
}

function treeOf(pids: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(
      /^PPid:\s*(\d+)/m.exec(orEmpty(() => readFileSync(`/proc/${name}/status`, "utf8")))?.[1],
    );
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const all = new Set(pids);
  for (const pid of all) for (const child of children.get(pid) ?? []) all.add(child);
  return [...all];
}

function processTexts(pid: number): Record<string, string> {
  const read = (what: string): string =>
    orEmpty(() => Buffer.from(readFileSync(`/proc/${pid}/${what}`)).toString());
  const name = orEmpty(() => readlinkSync(`/proc/${pid}/exe`));
  return { [`argv of ${pid} ${name}`]: read("cmdline"), [`environment of ${pid} ${name}`]: read("environ") };
}

/** A process may end while it is looked at. */
function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
