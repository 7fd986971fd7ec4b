/** Lines of /etc/fstab. What is not ours stays byte for byte as it is. */

export const FSTAB = "/etc/fstab";

export interface Entry {
  readonly source: string;
  readonly path: string;
  readonly fstype: string;
  readonly options: string;
  readonly dump: string;
  readonly pass: string;
}

/** Blanks within a field are written in octal, as the C library reads them. */
const ESCAPED: Readonly<Record<string, string>> = {
  " ": "\\040",
  "\t": "\\011",
  "\n": "\\012",
  "\\": "\\134",
};

const encoded = (field: string): string => field.replace(/[ \t\n\\]/g, (mark) => ESCAPED[mark]!);
const decoded = (field: string): string =>
  field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** `undefined` for a line that is no entry. Fields that were left out are what the system takes them for. */
export function parseLine(line: string): Entry | undefined {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return undefined;
  const [source, path, fstype = "auto", options = "defaults", dump = "0", pass = "0"] = text
    .split(/[ \t]+/)
    .map(decoded);
  if (source === undefined || path === undefined) return undefined;
  return { source, path: trimmed(path), fstype, options, dump, pass };
}

const trimmed = (path: string): string => (path.length > 1 ? path.replace(/\/+$/, "") : path);

export const printLine = ({ source, path, fstype, options, dump, pass }: Entry): string =>
  [source, path, fstype, options, dump, pass].map(encoded).join(" ");

export const entriesFor = (fstab: string, path: string): Entry[] =>
  fstab
    .split("\n")
    .flatMap((line) => parseLine(line) ?? [])
    .filter((entry) => entry.path === path);

/** The same text with this one line for a path: replaced where it stands, else added; `undefined` takes it out. */
export function withEntry(fstab: string, path: string, entry: Entry | undefined): string {
  const lines = fstab === "" ? [] : fstab.replace(/\n$/, "").split("\n");
  const at = lines.findIndex((line) => parseLine(line)?.path === path);
  if (at >= 0) lines.splice(at, 1, ...(entry ? [printLine(entry)] : []));
  else if (entry) lines.push(printLine(entry));
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
