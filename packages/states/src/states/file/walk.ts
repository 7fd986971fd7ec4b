/** Everything in a directory, links not followed, other file systems left out. */
import { BomaError } from "@boma/protocol";

import type { FileStat, ReadFiles } from "../../host/files.ts";

const ENTRIES_MAX = 1_000_000;

export interface Found {
  readonly path: string;
  readonly stat: FileStat;
}

export async function* walk(files: ReadFiles, top: string): AsyncGenerator<Found> {
  const device = (await files.stat(top))?.device;
  const todo = [top];
  let entries = 0;
  for (let directory = todo.pop(); directory !== undefined; directory = todo.pop()) {
    for (const name of await files.list(directory)) {
      if (++entries > ENTRIES_MAX)
        throw new BomaError("state/refused", `${top} holds more than ${ENTRIES_MAX} things`);
      const path = directory === "/" ? `/${name}` : `${directory}/${name}`;
      const stat = await files.stat(path);
      // Only directories tell: in an overlay, files have the device of the layer that they are from.
      if (!stat || (stat.type === "directory" && stat.device !== device)) continue;
      yield { path, stat };
      if (stat.type === "directory") todo.push(path);
    }
  }
}
