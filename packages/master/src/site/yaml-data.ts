/** Data in YAML: of the pillar and of profiles. Every fault has its line, and so has every value. */
import { BomaError } from "@boma/protocol";
import { type Secret, secret, text } from "@boma/states/core";
import { isMap, isScalar, LineCounter, parseDocument, type ScalarTag, visit } from "yaml";

import { SiteError } from "./site-error.ts";

export interface YamlData {
  readonly value: unknown;
  /** Where the name at a path stands; in a list, where the member begins. */
  readonly placeOf: (path: readonly (string | number)[]) => { line: number; column: number } | undefined;
}

const ALIASES_MAX = 100;
const SECRET_IN_TEXT = /\$\{secret:([^}]*)\}/;

export function readYaml(source: string, file: string): YamlData {
  const lines = new LineCounter();
  const at = (offset: number | undefined) => {
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const fail = (what: string, offset: number | undefined, hint?: string): never => {
    throw new SiteError("site/broken", what, { place: { file, ...at(offset) }, hint });
  };
  const secretTag: ScalarTag = { tag: "!secret", resolve: (reference) => secret(reference) };
  const read = <T>(make: () => T, offset: number | undefined): T => {
    try {
      return make();
    } catch (thrown) {
      // An alias that stands for nothing is a fault of the file as well.
      if (!(thrown instanceof Error)) throw thrown;
      return fail(thrown.message, offset, thrown instanceof BomaError ? thrown.hint : undefined);
    }
  };
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    customTags: [lenient(secretTag)],
  });
  const [error] = [...document.errors, ...document.warnings];
  if (error) fail(error.message, error.pos[0]);
  visit(document, {
    Scalar(_, node) {
      const offset = node.range?.[0];
      if (node.tag === "!secret") node.value = read(() => secret(String(node.source)), offset);
      else if (typeof node.value === "string" && SECRET_IN_TEXT.test(node.value)) {
        const written = node.value;
        node.value = read(() => textWithSecrets(written), offset);
      }
    },
  });
  const value = read(() => document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown, 0);
  return {
    value,
    placeOf: (path) => {
      const name = path.at(-1);
      const around = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
      const pair = isMap(around)
        ? around.items.find(({ key }) => isScalar(key) && key.value === name)
        : undefined;
      const node = (pair?.key ?? document.getIn(path, true)) as
        | { range?: readonly number[] | null }
        | undefined;
      return at(node?.range?.[0]);
    },
  };
}

/** The tag is read with its place later, when there is one to tell. */
const lenient = (tag: ScalarTag): ScalarTag => ({ ...tag, resolve: (reference) => reference });

/** `user:${secret:vault:kv/db#password}@db`, as in trees. */
function textWithSecrets(written: string): string | Secret {
  const parts = written.split(new RegExp(SECRET_IN_TEXT, "g"));
  const strings = parts.filter((_, index) => index % 2 === 0);
  const secrets = parts.filter((_, index) => index % 2 === 1).map((reference) => secret(reference.trim()));
  return text(Object.assign(strings, { raw: strings }) as unknown as TemplateStringsArray, ...secrets);
}
