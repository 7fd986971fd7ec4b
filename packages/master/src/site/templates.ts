/** Templates of the site, by eta. What a template uses must be given to it; what it prints is text, number or truth value. */
import { BomaError } from "@boma/protocol";
import { isSecret, type Secret, type SecretText, text } from "@boma/states/core";
import { Eta } from "eta";

import { SiteError } from "./site-error.ts";
import type { SitePaths } from "./site-paths.ts";

type Values = Readonly<Record<string, unknown>>;

export function renderTemplate(paths: SitePaths, name: string, values: Values): string | SecretText {
  const source = paths.read(name);
  const held: Secret[] = [];
  const eta = new SiteEta({
    debug: true,
    autoTrim: false,
    autoEscape: true,
    escapeFunction: (value: unknown) => printed(value, held),
  });
  try {
    const render = eta.compile(source, { filepath: name });
    return withSecrets(eta.render(render, strict(values, "it") as Values, { filepath: name }), held);
  } catch (thrown) {
    throw templateError(name, thrown);
  }
}

/** A fault with its line, as data rather than as a text to read it from. */
class Fault extends Error {
  readonly line: number;
  constructor(line: number, cause: unknown) {
    super("fault", { cause });
    this.line = line;
  }
}
class SiteEta extends Eta {
  override RuntimeErr = (cause: Error, _source: string, line: number): never => {
    throw new Fault(line, cause);
  };
}

function templateError(name: string, thrown: unknown): SiteError {
  if (thrown instanceof Fault) {
    const { cause, line } = thrown;
    const hint = cause instanceof BomaError ? cause.hint : undefined;
    const what = cause instanceof Error ? cause.message : String(cause);
    const more = /^(\w+) is not defined$/.exec(what);
    return new SiteError(cause instanceof BomaError ? cause.code : "site/broken", what, {
      place: { file: name, line },
      hint: more ? `What is given to a template is in \`it\`: \`it.${more[1]}\`.` : hint,
    });
  }
  // The parser says `at line N col M`; a script that does not parse has no line of the template.
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const [, line, column] = /at line (\d+) col (\d+)/.exec(message) ?? [];
  const place = line === undefined ? {} : { line: Number(line), column: Number(column) };
  const what =
    message.split("\n").find((row) => row.trim() !== "" && !row.startsWith("Bad template syntax")) ?? message;
  return new SiteError("site/broken", what.replace(/ at line \d+ col \d+:$/, ""), {
    place: { file: name, ...place },
  });
}

/** Values in which nothing is silently undefined. */
function strict(value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null || isSecret(value)) return value;
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === "symbol") return Reflect.get(target, key);
      if (key in target) return strict(Reflect.get(target, key), `${path}.${key}`);
      // eta itself asks for this one in templates with blocks.
      if (key === "__blocks") return undefined;
      const names = Object.keys(target).slice(0, 20).join(", ");
      throw new SiteError("site/broken", `${path}.${key} is not given to the template`, {
        hint: names === "" ? "Nothing is given to it there." : `There are: ${names}.`,
      });
    },
  });
}

/** Between these a secret's number stands in the text until the text is whole. */
const [OPEN, CLOSE] = ["\u{F0000}", "\u{F0001}"];

function printed(value: unknown, held: Secret[]): string {
  if (isSecret(value)) return `${OPEN}${held.push(value) - 1}${CLOSE}`;
  if (typeof value === "string") return value.replaceAll(OPEN, "").replaceAll(CLOSE, "");
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  throw new SiteError(
    "site/broken",
    `the template prints ${value === null ? "null" : `what is of type ${typeof value}`}`,
    {
      hint: 'Print a text, a number or a truth value; `it.list.join(", ")` makes one of a list.',
    },
  );
}

function withSecrets(rendered: string, held: readonly Secret[]): string | SecretText {
  if (held.length === 0) return rendered;
  const parts = rendered.split(new RegExp(`${OPEN}(\\d+)${CLOSE}`, "u"));
  const strings = parts.filter((_, at) => at % 2 === 0);
  const secrets = parts.filter((_, at) => at % 2 === 1).map((number) => held[Number(number)]);
  return text(Object.assign(strings, { raw: strings }) as unknown as TemplateStringsArray, ...secrets);
}
