/** The audit as a command line has it from a running master: asked for portion by portion, from a number on. */
import type { Client } from "../client/client.ts";

/** How long the master waits for a further record before it says that there is none. */
const WAIT_MS = 10_000;

export interface RemoteFrom {
  readonly after: number;
  readonly since?: number | undefined;
  readonly follow: boolean;
}

/** Lines as they are; at the end of what there is either done, or waiting for more. */
export async function* remoteLines(client: Client, from: RemoteFrom): AsyncGenerator<string> {
  const { since, follow } = from;
  for (let { after } = from; ;) {
    const before = after;
    const args = { after, waitMs: follow ? WAIT_MS : 0, ...(since !== undefined && { since }) };
    for await (const item of client.follow<{ begin: true } | { line: string }>("audit.next", args)) {
      if ("begin" in item) continue;
      yield item.line;
      after = numberOf(item.line);
    }
    if (!follow && after === before) return;
  }
}

export async function remoteHeads(client: Client, of: "disk" | "witness"): Promise<string[]> {
  const lines: string[] = [];
  for await (const item of client.follow<{ begin: true } | { line: string }>("audit.heads", { of }))
    if ("line" in item) lines.push(item.line);
  return lines;
}

export const numberOf = (line: string): number => (JSON.parse(line) as { n: number }).n;
