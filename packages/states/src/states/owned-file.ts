/** Small files that belong to one state alone, below directories of the system. */
import type { Files, ReadFiles } from "../host/files.ts";

export const NOTE = "# Kept by boma: changes made here are undone.\n";

export const managedText = (text: string): string => NOTE + text;

export async function readIfThere(files: ReadFiles, path: string): Promise<string | undefined> {
  return (await files.stat(path)) ? files.readText(path) : undefined;
}

/** Writes a file, and the directories above it that are not there yet. */
export async function writeBelow(files: Files, path: string, text: string, mode = "0644"): Promise<void> {
  await makeDirectories(files, path.slice(0, path.lastIndexOf("/")));
  await files.write(path, text, { mode });
}

export async function makeDirectories(files: Files, path: string): Promise<void> {
  const parts = path.split("/").slice(1);
  for (const [index] of parts.entries()) {
    const directory = `/${parts.slice(0, index + 1).join("/")}`;
    if (!(await files.stat(directory))) await files.makeDirectory(directory);
  }
}
