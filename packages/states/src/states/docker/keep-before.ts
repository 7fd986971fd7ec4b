/** The file with which the daemon that runs came up, for when it does not come up with the next one. */
import type { Host, ReadHost } from "../../host/host.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { isUp } from "./api.ts";
import { BEFORE, UNIT } from "./parameters.ts";

/** A change upon a change that still waits for its restart does not count: the daemon has never come up with that. */
export async function keepBefore(host: Host, text: string | undefined): Promise<void> {
  if (!(await isUp(host)) || (await isStillOf(host))) return;
  await writeBelow(host.files, BEFORE, text ?? "");
}

/** Whether what is kept is of the daemon that runs: one that has started since came up with what was there then. */
async function isStillOf({ files, services }: ReadHost): Promise<boolean> {
  const kept = await files.stat(BEFORE);
  if (!kept) return false;
  const uptime = await readIfThere(files, "/proc/uptime");
  if (uptime === undefined) return true;
  const bootedMs = Date.now() - Number.parseFloat(uptime) * 1000;
  const { activeSinceUs } = await services.status(UNIT);
  return bootedMs + activeSinceUs / 1000 <= kept.mtimeMs;
}
