/** The system on the disk is the node that was let in: its keys, its journal, and what it was installed by. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Host, ReadHost } from "../host/host.ts";
import { quietly, TARGET } from "./workplace.ts";

const HOME = "/var/lib/boma";
const IDENTITY = `${HOME}/agent/identity.json`;
/** On the disk it says how it came there; in the live system, that the disk is done. */
const ON_DISK = `${HOME}/installed.json`;
const IN_MEMORY = "/run/boma-installed.json";

export const Installed = z.strictObject({
  job: z.string(),
  disk: z.string(),
  serial: z.string().nullable(),
  bytes: z.int(),
  hostname: z.string(),
  kernel: z.string(),
});
export type Installed = z.output<typeof Installed>;

/** Last of all: what the agent has written down until now is there, this job's start included. */
export async function copyNode(installed: Installed, host: Host): Promise<void> {
  if (!(await host.files.stat(IDENTITY)))
    throw new BomaError("install/not-live", `the agent keeps its things elsewhere: there is no ${IDENTITY}`);
  await quietly(host, 5 * 60_000)("cp", "--archive", HOME, `${TARGET}/var/lib/`);
  await host.files.write(TARGET + ON_DISK, `${JSON.stringify(installed)}\n`, { mode: "0600" });
}

export const rememberHere = (installed: Installed, { files }: Host): Promise<void> =>
  files.write(IN_MEMORY, `${JSON.stringify(installed)}\n`, { mode: "0600" });

/** What this system was installed as, where it runs from its disk. */
export const installedHere = (host: ReadHost): Promise<Installed | undefined> => read(ON_DISK, host);
/** What was installed by the system that runs now. */
export const installedBefore = (host: ReadHost): Promise<Installed | undefined> => read(IN_MEMORY, host);

async function read(path: string, { files }: ReadHost): Promise<Installed | undefined> {
  return (await files.stat(path)) ? Installed.parse(JSON.parse(await files.readText(path))) : undefined;
}
