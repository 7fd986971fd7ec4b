/** Whether this machine has a clock of its own to set. In a container it is that of the machine around it. */
import type { ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";

/** CAP_SYS_TIME in the numbering of Linux. */
const SYS_TIME = 25n;

/** What process 1 may never do, nothing on this machine can. */
export async function mayNotSetClock({ files }: Pick<ReadHost, "files">): Promise<boolean> {
  const status = await readIfThere(files, "/proc/1/status");
  const bounds = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  return bounds !== undefined && ((BigInt(`0x${bounds}`) >> SYS_TIME) & 1n) === 0n;
}
