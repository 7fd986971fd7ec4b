import { NodeId } from "../ids.ts";
import { parseNetwork } from "./address.ts";
import type { Term } from "./expression.ts";
import { Fault, placed } from "./fault.ts";
import { readGrainGlob, readNamespace, refuseBadPath } from "./paths.ts";
import { compileRegex } from "./regex.ts";
import { splitsOf } from "./splits.ts";

export interface Prefix {
  readonly letter: string;
  readonly delimiter: string;
  readonly end: number;
}

interface Form {
  readonly means: string;
  readonly takesDelimiter: boolean;
  readonly read: (text: string, body: number, delimiter: string) => Term;
}

/** Salt's letters that boma knows, and how to read what follows them. */
const forms: ReadonlyMap<string, Form> = new Map<string, Form>([
  ["G", { means: "grain glob", takesDelimiter: true, read: readGrainGlob }],
  ["P", { means: "grain regex", takesDelimiter: true, read: readGrainRegex }],
  ["E", { means: "id regex", takesDelimiter: false, read: readIdRegex }],
  ["L", { means: "list of ids", takesDelimiter: false, read: readIdList }],
  ["S", { means: "network", takesDelimiter: false, read: readSubnet }],
  ["I", { means: "pillar glob", takesDelimiter: true, read: readPillarGlob }],
  ["J", { means: "pillar regex", takesDelimiter: true, read: readPillarRegex }],
  ["N", { means: "nodegroup", takesDelimiter: false, read: readNodegroup }],
]);

const unsupported: ReadonlyMap<string, readonly [what: string, hint: string]> = new Map([
  [
    "R",
    ["ranges are not supported", "list the ids with `L@a,b` or use a regular expression: `E@web-[0-9]+$`"],
  ],
  ["T", ["Salt's resources are not supported", "target the nodes that manage them by grain: `G@key:value`"]],
]);

export function readPrefixed(text: string, { letter, delimiter, end }: Prefix): Term {
  const form = forms.get(letter);
  if (form === undefined) refuseLetter(letter);
  if (delimiter !== "" && !form.takesDelimiter) {
    throw new Fault(`\`${letter}@\` takes no delimiter`, 1, `write \`${letter}@\`; G, P, I and J take one`);
  }
  if (end === text.length) throw new Fault(`expected a ${form.means} right behind \`${letter}@\``, end);
  return form.read(text, end, delimiter || ":");
}

function refuseLetter(letter: string): never {
  const known = unsupported.get(letter);
  if (known !== undefined) throw new Fault(`\`${letter}@\`: ${known[0]}`, 0, known[1]);
  const capital = letter.toUpperCase();
  if (letter !== capital && forms.has(capital)) {
    throw new Fault(`\`${letter}@\` is not a known prefix`, 0, `did you mean \`${capital}@\`?`);
  }
  const all = [...forms].map(([name, form]) => `${name}@ ${form.means}`).join(", ");
  throw new Fault(`\`${letter}@\` is not a known prefix`, 0, `known are ${all}`);
}

function readIdRegex(text: string, body: number): Term {
  const pattern = text.slice(body);
  placed(
    () => compileRegex(pattern),
    (at) => at + body,
  );
  return { kind: "id-regex", pattern };
}

/** Every reading of the path must leave a valid pattern, else the one that was meant could be lost. */
function refuseBadRegex(text: string, body: number, delimiter: string): void {
  refuseBadPath(text, body, delimiter, true);
  for (const split of splitsOf(text, delimiter, true)) {
    placed(
      () => compileRegex(split.pattern, true),
      (at) => at + body + split.at,
    );
  }
}

function readGrainRegex(word: string, body: number, delimiter: string): Term {
  const { namespace, start } = readNamespace(word.slice(body));
  const text = word.slice(body + start);
  refuseBadRegex(text, body + start, delimiter);
  return { kind: "grain-regex", namespace, delimiter, text };
}

function readPillarGlob(word: string, body: number, delimiter: string): Term {
  const text = word.slice(body);
  refuseBadPath(text, body, delimiter, false);
  return { kind: "pillar-glob", delimiter, text };
}

function readPillarRegex(word: string, body: number, delimiter: string): Term {
  const text = word.slice(body);
  refuseBadRegex(text, body, delimiter);
  return { kind: "pillar-regex", delimiter, text };
}

function readIdList(word: string, body: number): Term {
  const ids = word.slice(body).split(",");
  let at = body;
  for (const id of ids) {
    if (id === "") throw new Fault("expected an id in the list", at, "write `L@a,b`, without spaces");
    if (/[*?[]/.test(id)) throw new Fault("`L@` takes exact ids", at, `a pattern stands alone: \`${id}\``);
    if (!NodeId.safeParse(id).success)
      throw new Fault("this cannot be a node's id", at, "ids match [a-z0-9][a-z0-9._-]{0,62}");
    at += id.length + 1;
  }
  return { kind: "id-list", ids };
}

function readSubnet(word: string, body: number): Term {
  const network = word.slice(body);
  placed(
    () => parseNetwork(network),
    (at) => at + body,
  );
  return { kind: "subnet", network };
}

function readNodegroup(word: string, body: number): Term {
  const name = word.slice(body);
  const strange = name.search(/[^\w.-]/);
  if (strange !== -1)
    throw new Fault("a nodegroup's name has letters, digits, `_`, `.` and `-`", body + strange);
  return { kind: "nodegroup", name };
}
