/** Orders to boot that functions were given: they must outlast the boot, so that the job knows what became of it. */
import { z } from "zod";

import type { Files, ReadFiles } from "../../host/files.ts";
import { writeBelow } from "../owned-file.ts";

const DIRECTORY = "/var/lib/boma/reboot-orders";
/** Cancelled orders leave theirs behind. */
const KEPT_MS = 7 * 24 * 3_600_000;

const Order = z.strictObject({
  /** The boot in which it was given. */
  bootId: z.string(),
  dueAtMs: z.number(),
});
export type Order = z.output<typeof Order>;

const pathOf = (job: string): string => `${DIRECTORY}/${encodeURIComponent(job)}.json`;

export async function readOrder(job: string, files: ReadFiles): Promise<Order | undefined> {
  if (!(await files.stat(pathOf(job)))) return undefined;
  return Order.parse(JSON.parse(await files.readText(pathOf(job))));
}

export async function writeOrder(job: string, order: Order, files: Files): Promise<void> {
  await writeBelow(files, pathOf(job), `${JSON.stringify(order)}\n`, "0600");
  for (const name of await files.list(DIRECTORY)) {
    const old = await files.stat(`${DIRECTORY}/${name}`);
    if (old && old.mtimeMs < Date.now() - KEPT_MS && `${DIRECTORY}/${name}` !== pathOf(job))
      await files.remove(`${DIRECTORY}/${name}`);
  }
}

export async function forgetOrder(job: string, files: Files): Promise<void> {
  if (await files.stat(pathOf(job))) await files.remove(pathOf(job));
}
