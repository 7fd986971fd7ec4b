/** Source files of apt: what they name, in the old form of lines and in deb822. */

export interface NamedSource {
  readonly type: string;
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

export const namedIn = (file: string, text: string): NamedSource[] =>
  file.endsWith(".sources") ? inParagraphs(text) : text.split("\n").flatMap(inLine);

const LINE = /^\s*(deb|deb-src)\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/;

function inLine(line: string): NamedSource[] {
  const [, type, uri, suite, components = ""] = LINE.exec(line) ?? [];
  if (type === undefined || uri === undefined || suite === undefined) return [];
  return [{ type, uri: plainUri(uri), suite, components: wordsOf(components) }];
}

function inParagraphs(text: string): NamedSource[] {
  const kept = text.split("\n").filter((line) => !line.startsWith("#"));
  return kept
    .join("\n")
    .split(/\n\s*\n/)
    .flatMap((paragraph) => inFields(fieldsOf(paragraph)));
}

function fieldsOf(paragraph: string): ReadonlyMap<string, string> {
  const unfolded = paragraph.replaceAll(/\n[ \t]+/g, " ");
  return new Map(
    unfolded.split("\n").flatMap((row) => {
      const at = row.indexOf(":");
      return at === -1 ? [] : [[row.slice(0, at).trim().toLowerCase(), row.slice(at + 1).trim()] as const];
    }),
  );
}

function inFields(fields: ReadonlyMap<string, string>): NamedSource[] {
  if (/^(no|false|0|off|without|disable)$/i.test(fields.get("enabled") ?? "yes")) return [];
  const of = (name: string): string[] => wordsOf(fields.get(name) ?? "");
  const components = of("components");
  return of("types").flatMap((type) =>
    of("uris").flatMap((uri) =>
      of("suites").map((suite) => ({ type, uri: plainUri(uri), suite, components })),
    ),
  );
}

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");
const plainUri = (uri: string): string => uri.replace(/\/+$/, "");

/** The two name the same lists: apt would complain of that with every call. */
export const isSameSource = (a: NamedSource, b: NamedSource): boolean =>
  a.type === b.type &&
  a.uri === b.uri &&
  a.suite === b.suite &&
  (a.components.length === 0
    ? b.components.length === 0
    : a.components.some((component) => b.components.includes(component)));
