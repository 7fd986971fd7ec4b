/** Directories of a client that jobs may ask for by name: Nomad does not start while one is missing. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Files, ReadFiles } from "../../host/files.ts";
import { Path } from "../file/parameters.ts";
import { makeDirectories } from "../owned-file.ts";
import { Name } from "./parameters.ts";

const HostVolume = z.strictObject({
  path: Path,
  readOnly: z.boolean().default(false),
  /** Of the directory, where it has to be made. */
  owner: z.string().min(1).max(32).default("root"),
  group: z.string().min(1).max(32).default("root"),
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/)
    .default("0755"),
});
export const HostVolumes = z
  .record(Name, HostVolume)
  .default({})
  .describe("For clients: directories that jobs may ask for by name; made where they are missing.");
export type HostVolumes = z.output<typeof HostVolumes>;

/** Those that are there. What a job has made of the owner is the job's affair. */
export async function volumesThere(volumes: HostVolumes, files: ReadFiles): Promise<readonly string[]> {
  const there: string[] = [];
  for (const [name, { path }] of Object.entries(volumes)) {
    const found = await files.stat(path);
    if (found && found.type !== "directory")
      throw new BomaError("state/wrong-type", `${path} is a ${found.type}, not a directory`);
    if (found) there.push(name);
  }
  return there.toSorted();
}

export async function makeVolumes(volumes: HostVolumes, files: Files): Promise<void> {
  for (const { path, owner, group, mode } of Object.values(volumes)) {
    if (await files.stat(path)) continue;
    await makeDirectories(files, path.slice(0, path.lastIndexOf("/")));
    await files.makeDirectory(path, { owner, group, mode });
  }
}
