/** Where a master keeps what it must not lose, and how it is read and written. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

export interface Home {
  readonly dir: string;
  readonly keys: string;
  readonly bus: string;
  /** Names this home among those of all masters: made at the first start, and not to be copied. */
  readonly instance: string;
  readonly operator: string;
  /** Who this master is and how to knock, for images: the file that `boma-agent run --join` takes. */
  readonly join: string;
}

export function homeAt(option: string | undefined): Home {
  const fallback = process.getuid?.() === 0 ? "/var/lib/boma" : join(homedir(), ".local/share/boma");
  const dir = option ?? process.env["BOMA_HOME"] ?? fallback;
  return {
    dir,
    keys: join(dir, "master/keys"),
    bus: join(dir, "master/bus"),
    instance: join(dir, "master/instance"),
    operator: join(dir, "operator.json"),
    join: join(dir, "join"),
  };
}

export const isInitialised = (home: Home): boolean => existsSync(join(home.keys, "bus.json"));

export function assertInitialised(home: Home): void {
  if (isInitialised(home)) return;
  throw new BomaError("home/missing", `there is no trust root in ${home.dir}`, {
    hint: `Run \`boma-master init --home ${home.dir}\` first.`,
  });
}

/** Makes the directories that hold secrets, closed to everybody else. */
export function makeHome(home: Home): void {
  mkdirSync(home.dir, { recursive: true, mode: 0o755 });
  for (const dir of [join(home.dir, "master"), home.keys, home.bus]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
  }
}

/** Replaces a file as a whole, so that a crash leaves the old one or the new one. */
export function writeSecret(path: string, data: string | Uint8Array): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, data, { mode: 0o600, flush: true });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}

const Binary = z
  .string()
  .regex(/^[A-Za-z0-9+/]*={0,2}$/)
  .transform((text) => new Uint8Array(Buffer.from(text, "base64")));
export const Base64 = { schema: Binary, print: (bytes: Uint8Array) => Buffer.from(bytes).toString("base64") };

/** Reads a JSON file that boma wrote; what does not fit its schema is named with its path. */
export function readJson<S extends z.ZodType>(path: string, schema: S): z.output<S> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new BomaError("usage/file", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new BomaError("usage/file", `${path} does not hold what it should: ${why}`, { cause });
  }
}

/** Secrets that others may read are not secrets: refused rather than used. */
export function assertPrivate(path: string): void {
  if ((statSync(path).mode & 0o077) === 0) return;
  throw new BomaError("usage/file", `${path} can be read by others`, { hint: `Run: chmod 600 ${path}` });
}
