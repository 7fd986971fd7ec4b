/**
 * That this node was drained by boma, on its disk: written before Nomad is told, and
 * taken away after it takes jobs again. Whoever was killed in between is finished by
 * `nomad.eligible`, and what somebody else has drained stays so.
 */
import { z } from "zod";

import type { Files, ReadFiles } from "../../host/files.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";

const MARK = "/var/lib/boma/nomad/drained.json";

const DrainMark = z.strictObject({
  reason: z.string(),
  /** From then on it is to take jobs again; at once where `nomad.undrain` was begun. */
  untilMs: z.number(),
});
export type DrainMark = z.output<typeof DrainMark>;

export async function markOf(files: ReadFiles): Promise<DrainMark | undefined> {
  const text = await readIfThere(files, MARK);
  return text === undefined ? undefined : DrainMark.parse(JSON.parse(text));
}

export const noteDrain = (files: Files, mark: DrainMark): Promise<void> =>
  writeBelow(files, MARK, `${JSON.stringify(mark)}\n`, "0600");

export async function forgetDrain(files: Files): Promise<void> {
  if (await files.stat(MARK)) await files.remove(MARK);
}
