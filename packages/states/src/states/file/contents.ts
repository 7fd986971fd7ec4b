/** What stands in a file: compared without holding what is far larger than what it should be, and put there whole. */
import { createHash } from "node:crypto";

import { BomaError } from "@boma/protocol";

import { diff } from "../../changes.ts";
import type { Files, FileStat, Ownership, ReadFiles } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { clear, makeAbove, ownershipOf } from "./ownership.ts";

/** A larger file of another size than it should have cannot be the text that it should be, and is not worth showing. */
const SHOWN_BYTES_MAX = 1024 * 1024;
const BACKUPS = "/var/backups/boma";
const BACKUPS_MAX = 10;

export interface Wanted extends Ownership {
  readonly contents?: string | undefined;
  readonly base64?: string | undefined;
}

export type ContentChanges = { contents: string; sha256: string; mode: string; owner: string; group: string };

/** A file that says nothing of its content is only made where there is none. */
export async function compareFile(
  files: ReadFiles,
  path: string,
  want: Wanted & { now?: FileStat | undefined },
) {
  const { now, contents, base64, mode, owner, group } = want;
  const is = now && {
    contents: contents === undefined ? undefined : await shown(files, path, now, contents),
    sha256: base64 === undefined ? undefined : await files.digest(path),
    ...ownershipOf(now, want),
  };
  const touched = base64 === undefined && !now ? "" : undefined;
  return diff<ContentChanges>(is, {
    contents: contents ?? touched,
    sha256: base64 === undefined ? undefined : digestOf(Buffer.from(base64, "base64")),
    mode,
    owner,
    group,
  } as ContentChanges);
}

const shown = (
  files: ReadFiles,
  path: string,
  { bytes }: FileStat,
  contents: string,
): Promise<string> | string =>
  bytes > SHOWN_BYTES_MAX && bytes !== Buffer.byteLength(contents)
    ? `(${bytes} bytes)`
    : files.readText(path);

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Keeps what was there: not beside it, where a program that reads the whole directory would find it. */
export async function keepBackup(files: Files, path: string): Promise<void> {
  const now = await files.stat(path);
  if (!now) return;
  const directory = `${BACKUPS}${path}`;
  const copy = `${directory}/${(await files.digest(path)).slice(0, 16)}`;
  if (await files.stat(copy)) return;
  await makeAbove(files, BACKUPS);
  if (!(await files.stat(BACKUPS))) await files.makeDirectory(BACKUPS, { mode: "0700" });
  await makeAbove(files, copy);
  const { mode, owner, group } = now;
  await files.write(copy, files.readStream(path), { mode, owner, group });
  await forgetOldest(files, directory);
}

async function forgetOldest(files: Files, directory: string): Promise<void> {
  const kept: { path: string; at: number }[] = [];
  for (const name of await files.list(directory)) {
    const stat = await files.stat(`${directory}/${name}`);
    if (stat?.type === "file") kept.push({ path: `${directory}/${name}`, at: stat.mtimeMs });
  }
  kept.sort((a, b) => b.at - a.at);
  for (const { path } of kept.slice(BACKUPS_MAX)) await files.remove(path);
}

/** Puts content in place once a program has found nothing wrong with it. */
export async function writeValidated(
  { files, commands }: Host,
  path: string,
  draft: { readonly content: string | Uint8Array; readonly validate: readonly string[] } & Ownership,
): Promise<void> {
  const { content, validate, ...said } = draft;
  const before = await files.stat(path);
  const owner = said.owner ?? before?.owner;
  const group = said.group ?? before?.group;
  const beside = path.replace(/[^/]*$/, (name) => `.boma-check-${name.slice(0, 200)}`);
  await clear(files, beside);
  await files.write(beside, content, { owner, group, mode: said.mode ?? before?.mode });
  const argv = validate.map((word) => word.replaceAll("{}", beside));
  try {
    await commands.must({ argv, quiet: true, timeoutMs: 60_000 });
  } catch (thrown) {
    await files.remove(beside);
    if (thrown instanceof BomaError && thrown.code === "state/command-failed")
      throw new BomaError(
        "state/refused",
        `${path} was not changed: ${thrown.message.replaceAll(beside, path)}`,
        {
          hint: "Correct the content, or the command in `validate`.",
          cause: thrown,
        },
      );
    throw thrown;
  }
  await files.rename(beside, path);
}
