/** What is remembered of a boot that a state asked for: it must outlast the boot. */
import { z } from "zod";

import type { Files, ReadFiles } from "../../host/files.ts";
import { writeBelow } from "../owned-file.ts";

const DIRECTORY = "/var/lib/boma/reboots";

const Marker = z.strictObject({
  /** The boot in which it was asked for. */
  bootId: z.string(),
  reasons: z.array(z.string()),
});
export type Marker = z.output<typeof Marker>;

export const markerPath = (name: string): string => `${DIRECTORY}/${name}.json`;

/** One that cannot be read is as good as none: the worst that follows is one more boot. */
export async function readMarker(name: string, files: ReadFiles): Promise<Marker | undefined> {
  if (!(await files.stat(markerPath(name)))) return undefined;
  try {
    return Marker.safeParse(JSON.parse(await files.readText(markerPath(name)))).data;
  } catch {
    return undefined;
  }
}

export const writeMarker = (name: string, marker: Marker, files: Files): Promise<void> =>
  writeBelow(files, markerPath(name), `${JSON.stringify(marker)}\n`, "0600");
