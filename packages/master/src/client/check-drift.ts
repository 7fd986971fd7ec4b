/** Lets nodes look at themselves, and waits until the master has heard what they found. */
import { DriftLook } from "@boma/states/core";

import type { DriftView } from "../api/verbs/drift.ts";
import type { Client } from "./client.ts";
import { runToEnd } from "./run-to-end.ts";

/** What a node tells comes by another way than its answer, a little later. */
const HEARD_MS_MAX = 10_000;
const AGAIN_MS = 200;

export interface NotChecked {
  readonly id: string;
  readonly status: string;
}

/** Those who did not look. */
export async function checkDrift(client: Client, target: string): Promise<NotChecked[]> {
  const ended = await runToEnd(client, { target, function: "drift.check", args: {} });
  const nodes = [...ended.nodes];
  const looks = nodes.flatMap(([id, { status, return: value }]) =>
    status === "ok" ? [[id, DriftLook.parse(value)] as const] : [],
  );
  await untilHeard(client, target, new Map(looks));
  return nodes
    .filter(([, { status }]) => status !== "ok")
    .map(([id, { status, error }]) => ({ id, status: error ? `${status}, ${error.message}` : status }));
}

async function untilHeard(
  client: Client,
  target: string,
  looks: ReadonlyMap<string, DriftLook>,
): Promise<void> {
  const until = Date.now() + HEARD_MS_MAX;
  while (Date.now() < until) {
    const views = await client.ask<DriftView[]>("drift.list", { target });
    if (views.every((view) => isHeard(view, looks.get(view.id)))) return;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Everything that the node found is known, and nothing else. */
function isHeard({ resources, more }: DriftView, look: DriftLook | undefined): boolean {
  if (!look || look.more > 0 || more > 0) return true;
  const known = new Set(resources.map(({ resource }) => resource));
  return look.drifted.length === known.size && look.drifted.every(({ resource }) => known.has(resource));
}
