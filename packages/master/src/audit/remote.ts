/** The audit as a command line has it from a running master: asked for portion by portion, from a number on. */
import type { Client } from "../client/client.ts";
import type { AuditEntry } from "./record.ts";

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

/** Records of all masters by their time, and, from the one that leads, those to come. */
export async function* remoteEntries(
  client: Client,
  { since, follow }: Pick<RemoteFrom, "since" | "follow">,
): AsyncGenerator<AuditEntry> {
  let after = 0;
  async function* own(): AsyncGenerator<AuditEntry> {
    for await (const line of remoteLines(client, { after, since, follow: false })) {
      const entry = JSON.parse(line) as AuditEntry;
      after = entry.n;
      yield entry;
    }
  }
  const others = await client.ask<readonly string[]>("audit.others");
  yield* byTime([own(), ...others.map((chain) => otherEntries(client, chain, since))]);
  if (!follow) return;
  for await (const line of remoteLines(client, { after, since, follow }))
    yield JSON.parse(line) as AuditEntry;
}

/** Each source is in order. */
async function* byTime(sources: readonly AsyncGenerator<AuditEntry>[]): AsyncGenerator<AuditEntry> {
  const heads = await Promise.all(sources.map((source) => source.next()));
  for (;;) {
    const there = heads.flatMap(({ done, value }, at) => (done ? [] : [{ entry: value as AuditEntry, at }]));
    const [first] = there.toSorted((a, b) =>
      a.entry.at < b.entry.at ? -1 : a.entry.at > b.entry.at ? 1 : 0,
    );
    if (!first) return;
    yield first.entry;
    heads[first.at] = await sources[first.at]!.next();
  }
}

/** Another master's, each with the name of its chain, for its number is one of that chain. */
async function* otherEntries(client: Client, chain: string, since = 0): AsyncGenerator<AuditEntry> {
  for (let behind = 0; ;) {
    const before = behind;
    const args = { chain, behind, ...(since > 0 && { since }) };
    for await (const item of client.follow<{ begin: true } | { behind: number; line: string }>(
      "audit.other",
      args,
    )) {
      if ("begin" in item) continue;
      behind = item.behind;
      const entry = { ...(JSON.parse(item.line) as AuditEntry), chain };
      if (Date.parse(entry.at) >= since) yield entry;
    }
    if (behind === before) return;
  }
}

export async function remoteHeads(client: Client, of: "disk" | "witness"): Promise<string[]> {
  const lines: string[] = [];
  for await (const item of client.follow<{ begin: true } | { line: string }>("audit.heads", { of }))
    if ("line" in item) lines.push(item.line);
  return lines;
}

export const numberOf = (line: string): number => (JSON.parse(line) as { n: number }).n;
