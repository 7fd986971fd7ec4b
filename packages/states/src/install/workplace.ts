/** Where an installation works, and how it leaves that place: nothing stays mounted, whatever becomes of it. */
import { BomaError } from "@boma/protocol";

import type { Host } from "../host/host.ts";

const PLACE = "/run/boma-install";
/** The root as it was signed, and the disk. */
export const SOURCE = `${PLACE}/source`;
export const TARGET = `${PLACE}/disk`;

/** There is one such place on a machine, and one agent. */
let isTaken = false;

export async function inWorkplace<T>(host: Host, work: () => Promise<T>): Promise<T> {
  if (isTaken) throw new BomaError("install/disk", "an installation is under way on this machine already");
  isTaken = true;
  try {
    return await inOrder(host, work);
  } finally {
    isTaken = false;
  }
}

async function inOrder<T>(host: Host, work: () => Promise<T>): Promise<T> {
  // An agent that was killed in the middle may have left something here.
  await leave(host);
  for (const dir of [PLACE, SOURCE, TARGET])
    if (!(await host.files.stat(dir))) await host.files.makeDirectory(dir, { mode: "0700" });
  try {
    return await work();
  } finally {
    await leave(host);
  }
}

async function leave({ commands }: Host): Promise<void> {
  for (const dir of [TARGET, SOURCE])
    if ((await commands.read({ argv: ["mountpoint", "--quiet", dir] })).exitCode === 0)
      await commands.must({ argv: ["umount", "--recursive", dir], quiet: true });
}

/** A program that prints much and is read only where it fails. */
export const quietly =
  ({ commands }: Pick<Host, "commands">, timeoutMs: number) =>
  async (...argv: readonly string[]): Promise<void> =>
    void (await commands.must({ argv, quiet: true, timeoutMs }));
