/**
 * Secrets in trees are references, never values: the master resolves them when a
 * job is sent and seals them to the node; the agent puts them in right before a
 * state is checked, and masks them in all that leaves it.
 */
import { BomaError } from "@boma/protocol";

export interface SecretRef {
  readonly $secret: string;
}
/** A text with secrets in it. */
export interface SecretText {
  readonly $text: readonly (string | SecretRef)[];
}
export type Secret = SecretRef | SecretText;

/** The parameter as a tree may write it: wherever a text may stand, a secret may. */
export type MaySecret<T> = T extends string
  ? T | Secret
  : T extends readonly (infer M)[]
    ? readonly MaySecret<M>[]
    : T extends object
      ? { readonly [K in keyof T]: MaySecret<T[K]> }
      : T;

const PROVIDERS = ["vault", "age", "file", "env", "gen"] as const;
const REFERENCE = /^(vault|age|file|env|gen):[^\s\0]{1,500}$/;

/** `secret("vault:kv/data/web#password")`; also `age:`, `file:`, `env:` and `gen:`. */
export function secret(reference: string): SecretRef {
  if (!REFERENCE.test(reference))
    throw new BomaError("state/secret", `${JSON.stringify(reference)} is not a reference to a secret`, {
      hint: `It begins with one of ${PROVIDERS.map((name) => `${name}:`).join(" ")}, and holds no spaces.`,
    });
  return unprintable({ $secret: reference });
}

/** A text that may hold secrets: text`password = ${secret("file:/etc/boma/secrets/db")}`. */
export function text(strings: TemplateStringsArray, ...values: readonly unknown[]): string | SecretText {
  const parts: (string | SecretRef)[] = [];
  const add = (part: string | SecretRef): void => {
    const last = parts.at(-1);
    if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
    else if (part !== "") parts.push(part);
  };
  strings.forEach((string, index) => {
    add(string);
    if (index >= values.length) return;
    const value = values[index];
    if (isSecretRef(value)) add(value);
    else if (isSecretText(value)) value.$text.forEach(add);
    else add(String(value));
  });
  return parts.every((part) => typeof part === "string") ? parts.join("") : unprintable({ $text: parts });
}

/** In an ordinary template literal a secret would become nonsense unnoticed; here it says so. */
function unprintable<T extends object>(value: T): T {
  return Object.defineProperty(value, Symbol.toPrimitive, {
    enumerable: false,
    value: () => {
      throw new BomaError("state/secret", "a secret was put into an ordinary text", {
        hint: "Write text`…${secret(…)}…` instead of `…${secret(…)}…`.",
      });
    },
  });
}

export const isSecretRef = (value: unknown): value is SecretRef =>
  typeof value === "object" && value !== null && typeof (value as SecretRef).$secret === "string";
const isSecretText = (value: unknown): value is SecretText =>
  typeof value === "object" && value !== null && Array.isArray((value as SecretText).$text);

export const isSecret = (value: unknown): value is Secret => isSecretRef(value) || isSecretText(value);

/** Every reference in a value, in order of appearance, each once. */
export function secretsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const found = new Set<string>();
  gather(value, found);
  return [...found];
}

function gather(value: unknown, found: Set<string>): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  if (isSecretRef(value)) found.add(value.$secret);
  else if (isSecretText(value)) value.$text.forEach((part) => gather(part, found));
  else for (const member of Object.values(value)) gather(member, found);
}

/** The same value with every secret as what `resolve` says it is. */
export function replaceSecrets(value: unknown, resolve: (reference: string) => string): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (isSecretRef(value)) return resolve(value.$secret);
  if (isSecretText(value))
    return value.$text.map((part) => (typeof part === "string" ? part : resolve(part.$secret))).join("");
  if (Array.isArray(value)) return value.map((member) => replaceSecrets(member, resolve));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, replaceSecrets(member, resolve)]),
  );
}
