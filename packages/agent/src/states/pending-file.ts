/**
 * Refreshes that are owed, in a small file: written and synced before the change
 * that causes them, so that a crash between the two loses none.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { BomaError } from "@boma/protocol";
import type { PendingRefreshes } from "@boma/states/core";
import { z } from "zod";

import { messageOf, readIfThere, writeAtomic } from "../files.ts";

const Pending = z.strictObject({ refresh: z.array(z.string()) });

export function pendingFile(path: string, { durable = true } = {}): PendingRefreshes {
  let turn: Promise<unknown> = Promise.resolve();
  // One after the other, and each time from the disk: `boma-agent apply` writes there as well, between this agent's runs.
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const next = turn.then(act);
    turn = next.catch(() => undefined);
    return next;
  };
  const change = (to: (ids: Set<string>) => void): Promise<void> =>
    inTurn(async () => {
      const before = await read(path);
      const ids = new Set(before);
      to(ids);
      if (ids.size === before.length) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ refresh: [...ids] } satisfies z.output<typeof Pending>);
      await writeAtomic(path, text, { durable });
    });
  return {
    list: () => inTurn(() => read(path)),
    add: (more) => change((ids) => more.forEach((id) => ids.add(id))),
    done: (less) => change((ids) => less.forEach((id) => ids.delete(id))),
  };
}

/** One that cannot be read must not pass for an empty one: what it holds would never be refreshed. */
async function read(path: string): Promise<readonly string[]> {
  try {
    const bytes = await readIfThere(path);
    return bytes === undefined ? [] : Pending.parse(JSON.parse(bytes.toString())).refresh;
  } catch (cause) {
    throw new BomaError("state/pending", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
