import { BomaError } from "@boma/protocol";

import type { Mounts, ReadMounts } from "../../host/mounts.ts";

const LAYERS_MAX = 32;

export async function sourcesAt(path: string, mounts: ReadMounts): Promise<string[]> {
  return (await mounts.list()).filter((mount) => mount.path === path).map(({ source }) => source);
}

/** Takes away one mount after the other, the topmost first. One that is in use ends it with an error. */
export async function unmountAll(path: string, mounts: Mounts): Promise<void> {
  for (let layer = 0; layer < LAYERS_MAX; layer++) {
    if ((await sourcesAt(path, mounts)).length === 0) return;
    await mounts.unmount(path);
  }
  throw new BomaError("state/blocked", `more than ${LAYERS_MAX} filesystems are mounted at ${path}`);
}
