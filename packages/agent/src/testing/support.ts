/** The agent's surroundings, in memory: what unit tests share. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type JobOrder, newJobId } from "@boma/protocol";

import type { Bus, BusMessage, RequestOptions } from "../bus.ts";

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "boma-agent-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export const order = (change: Partial<JobOrder> = {}): JobOrder => ({
  job: newJobId(),
  function: "test.ping",
  args: {},
  issuedAt: Date.now(),
  expiresAt: Date.now() + 60_000,
  timeoutMs: 10_000,
  test: false,
  operator: "test",
  ...change,
});

export interface Sent {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly options: RequestOptions;
}

/** A bus whose answers the test decides; the default acknowledges everything. */
export function memoryBus(
  answer: (sent: Sent, count: number) => Promise<BusMessage> | BusMessage = () => acknowledged,
): Bus & { readonly sent: readonly Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    request: async (subject, data, options) =>
      answer(sent.at(sent.push({ subject, data, options }) - 1)!, sent.length),
    subscribe: () => undefined,
    connected: () => Promise.resolve(),
  };
}

export const acknowledged: BusMessage = { data: Buffer.from('{"stream":"INBOX","seq":1}'), status: 0 };
