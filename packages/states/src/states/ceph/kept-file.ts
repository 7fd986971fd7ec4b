/** Files with keys in them: that one is another is said, and never what stands in either. */
import type { Files, Ownership, ReadFiles } from "../../host/files.ts";
import { makeAbove } from "../file/ownership.ts";

export interface KeptFile extends Required<Ownership> {
  readonly path: string;
  readonly text: string;
}

export const AS_GIVEN = "as given";

export async function lookAtFile(files: ReadFiles, file: KeptFile): Promise<string | undefined> {
  const now = await files.stat(file.path);
  if (!now) return undefined;
  if (now.type !== "file") return `a ${now.type}`;
  if ((await files.readText(file.path)) !== file.text) return "another";
  const own = now.mode === file.mode && now.owner === file.owner && now.group === file.group;
  return own ? AS_GIVEN : `of ${now.owner}:${now.group} ${now.mode}`;
}

export async function keepFile(files: Files, file: KeptFile): Promise<void> {
  await makeAbove(files, file.path);
  await files.write(file.path, file.text, file);
}

/** A directory of a daemon; those above it come with the packages. */
export async function keepDirectory(files: Files, path: string, ownership: Ownership): Promise<void> {
  await makeAbove(files, path);
  if (!(await files.stat(path))) await files.makeDirectory(path, ownership);
}
