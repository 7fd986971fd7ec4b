/** Files that are either the old ones or the new ones, whatever moment the power fails in. */
import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

export interface WriteOptions {
  readonly mode?: number;
  /** Without it the rename is atomic still, but may be lost with the power. */
  readonly durable?: boolean;
}

export async function writeAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600, durable = true }: WriteOptions = {},
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(draft, "wx", mode);
    try {
      await file.writeFile(content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
  if (durable) await syncDirectory(dirname(path));
}

/** A rename counts only once its directory is on the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The content, or `undefined` where there is no such file. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

export const hasCode = (thrown: unknown, code: string): boolean =>
  thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === code;
export const isMissing = (thrown: unknown): boolean => hasCode(thrown, "ENOENT");
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
