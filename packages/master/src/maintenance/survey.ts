/** What nodes owe, as they say it now. */
import { leads, MaintenancePending, type OwedRestart } from "@boma/states/core";

import type { Client } from "../client/client.ts";
import { runToEnd } from "../client/run-to-end.ts";

export interface Absent {
  readonly id: string;
  readonly why: string;
}

export interface Survey {
  readonly nodes: ReadonlyMap<string, readonly OwedRestart[]>;
  /** Who did not say. */
  readonly absent: readonly Absent[];
}

export async function survey(client: Client, target: string, domain?: string): Promise<Survey> {
  const args = domain === undefined ? {} : { domain };
  const ended = await runToEnd(client, { target, function: "maintenance.pending", args });
  const nodes = new Map<string, readonly OwedRestart[]>();
  const absent: Absent[] = [];
  for (const [id, { status, return: value, error }] of ended.nodes) {
    const read = MaintenancePending.safeParse(value);
    if (status === "ok" && read.success) nodes.set(id, read.data.owed);
    else if (status === "ok") absent.push({ id, why: "what it says cannot be read" });
    else absent.push({ id, why: error ? `${status}, ${error.message}` : status });
  }
  return { nodes, absent };
}

/** What one node owes in one domain, taken together. */
export interface Turn {
  readonly node: string;
  readonly domain: string;
  readonly units: readonly string[];
  readonly role: string;
  readonly leads: boolean;
  /** Why it must not be restarted now. */
  readonly unsafe: string | undefined;
  readonly window: OwedRestart["window"];
}

export function turnOf(node: string, domain: string, owed: readonly OwedRestart[]): Turn | undefined {
  const mine = owed.filter((one) => one.domain === domain);
  const [first] = mine;
  if (!first) return undefined;
  const roles = mine.flatMap(({ role }) => role ?? []);
  // Whoever leads anything of it counts as who leads.
  const shown = roles.find(leads) ?? roles[0];
  return {
    node,
    domain,
    units: mine.map(({ unit }) => unit),
    role: shown?.role ?? "",
    leads: roles.some(leads),
    unsafe: roles.find(({ safe }) => !safe)?.why,
    window: first.window,
  };
}

export const domainsOf = ({ nodes }: Survey): readonly string[] =>
  [...new Set([...nodes.values()].flatMap((owed) => owed.map(({ domain }) => domain)))].sort();
