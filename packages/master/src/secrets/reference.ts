/** A reference to a secret, taken apart: `PROVIDER:PATH#KEY?option=value`. */
import { BomaError } from "@boma/protocol";

export interface Reference {
  readonly text: string;
  readonly provider: Provider;
  readonly path: string;
  /** What of the place is meant, where it holds several. */
  readonly key: string | undefined;
  readonly options: ReadonlyMap<string, string>;
}

export const PROVIDERS = ["vault", "age", "file", "env", "gen"] as const;
export type Provider = (typeof PROVIDERS)[number];

const FORM = /^([a-z]+):([^\s#?]+)(?:#([^\s?]+))?(?:\?([^\s#]+))?$/;
const REFERENCE_LENGTH_MAX = 512;

export function parseReference(text: string): Reference {
  const [, provider = "", path, key, query = ""] =
    text.length > REFERENCE_LENGTH_MAX ? [] : (FORM.exec(text) ?? []);
  if (path === undefined || !isProvider(provider))
    throw malformed(text, "Write vault:MOUNT/data/PATH#KEY, age:FILE#KEY, file:/PATH, env:NAME or gen:NAME.");
  return { text, provider, path, key, options: optionsOf(text, query) };
}

const isProvider = (name: string): name is Provider => (PROVIDERS as readonly string[]).includes(name);

function optionsOf(text: string, query: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const pair of query === "" ? [] : query.split("&")) {
    const [name = "", value = "", ...more] = pair.split("=");
    if (name === "" || value === "" || more.length > 0 || options.has(name))
      throw malformed(text, "Options are written ?name=value&name=value, each once.");
    options.set(name, value);
  }
  return options;
}

/** What nobody will read is a slip of the pen. */
export function assertOptions({ text, provider, options }: Reference, known: readonly string[]): void {
  for (const name of options.keys())
    if (!known.includes(name))
      throw malformed(
        text,
        known.length === 0
          ? `${provider}: takes no options.`
          : `${provider}: takes ${known.map((option) => `?${option}=`).join(", ")}.`,
      );
}

export const malformed = (text: string, hint: string): BomaError =>
  new BomaError("state/secret", `${JSON.stringify(text.slice(0, 200))} is not a reference to a secret`, {
    hint,
  });

/** The place is there, the secret is not. */
export const unknown = (reference: Reference, why: string, hint?: string): BomaError =>
  new BomaError("secret/unknown", `${reference.text}: ${why}`, hint === undefined ? {} : { hint });

/** The place cannot be read. Causes are left out on purpose: what reads secrets may quote them. */
export const unreadable = (reference: Pick<Reference, "text">, why: string, hint?: string): BomaError =>
  new BomaError("secret/unreadable", `${reference.text}: ${why}`, hint === undefined ? {} : { hint });
