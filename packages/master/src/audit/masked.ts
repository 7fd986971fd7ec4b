/** Arguments as the audit may keep them: references to secrets as they are, values that are or may be secret not at all. */
import { isSecretRef } from "@boma/states/core";

/** What stands for a value that is not told. */
export const MASK = "•••";

/** Of what was asked: larger is said by its size, and the rest of the record tells who and whom. */
const ARGUMENTS_BYTES_MAX = 192 * 1024;

const SECRET_NAME =
  /pass(word|wd|phrase)?$|secret|token|credential|private|cookie|^stdin$|^env$|(^|[a-z_-])key$/i;
const PUBLIC_NAME = /public/i;

type Arguments = Readonly<Record<string, unknown>>;

/** Of a function that is run, or of a state that is applied by itself, whose schema says where secrets stand. */
export async function maskedCall(name: string, args: Arguments): Promise<unknown> {
  if (name !== "state.single") return maskedByName(args);
  // Which thing it is about is the state's key, and no secret.
  const { state, key, params, ...rest } = args;
  const secretive = await secretiveOf(String(state));
  const masked = maskMembers(params, (member) => secretive.has(member) || isSecretName(member));
  return { ...(maskedByName(rest) as object), state, key, ...(params !== undefined && { params: masked }) };
}

async function secretiveOf(state: string): Promise<ReadonlySet<string>> {
  const { states } = await import("@boma/states");
  const { secretive } = (Object.hasOwn(states, state) ? states[state]?.spec : undefined) ?? {};
  return new Set(secretive ?? []);
}

const isSecretName = (name: string): boolean => SECRET_NAME.test(name) && !PUBLIC_NAME.test(name);

const maskedByName = (value: unknown): unknown => maskMembers(value, isSecretName);

function maskMembers(value: unknown, isSecret: (name: string) => boolean): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (isSecretRef(value)) return value;
  if (Array.isArray(value)) return value.map((member) => maskMembers(member, isSecret));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isSecret(name) ? maskAll(member) : maskMembers(member, isSecret),
    ]),
  );
}

/** Every value in it, but not the names, nor what only says where a secret is. */
function maskAll(value: unknown): unknown {
  if (value === undefined || value === null || typeof value === "boolean" || isSecretRef(value)) return value;
  if (typeof value !== "object" || value instanceof Uint8Array) return MASK;
  if (Array.isArray(value)) return value.map(maskAll);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, maskAll(member)]));
}

/** What would make a record too long for a message is left out, and said to be. */
export function bounded(value: unknown): unknown {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? "");
  return bytes > ARGUMENTS_BYTES_MAX ? { leftOut: `${bytes} bytes` } : value;
}
