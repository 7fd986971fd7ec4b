import { z } from "zod";

import type { Control } from "../../control.ts";
import { WHOLE_CATALOG } from "../../drift/drift-record.ts";
import type { NodeRecord } from "../../registry/node-record.ts";
import { defineVerb } from "../verb.ts";
import { resolveSome } from "./nodes.ts";

/** A node tells of a look at least once a day; one that has not said anything for this long may be in any state. */
const OLD_MS = 36 * 3_600_000;

function driftView(control: Control, { id, key }: NodeRecord) {
  const record = control.drift.get(key);
  const { resources = [], more = 0, failed = [], checked } = record ?? {};
  const counted = resources.filter(({ mode }) => mode !== "adopt").length + more;
  const unseen = whyUnknown(checked?.at, failed);
  return {
    id,
    connected: control.presence.connected(key),
    state: counted > 0 ? "drifted" : unseen === undefined ? "ok" : "unknown",
    ...(unseen !== undefined && { unknown: unseen }),
    ...(checked && { checkedAt: checked.at, catalog: checked.catalog }),
    resources: [...resources].sort((a, b) => a.since - b.since),
    more,
    failed,
  } as const;
}
export type DriftView = ReturnType<typeof driftView>;

function whyUnknown(
  checkedAt: number | undefined,
  failed: readonly { readonly resource: string; readonly comment: string }[],
): string | undefined {
  const whole = failed.find(({ resource }) => resource === WHOLE_CATALOG);
  if (whole) return whole.comment;
  if (checkedAt === undefined) return "never looked";
  return Date.now() - checkedAt > OLD_MS ? "has not said for long whether it looked" : undefined;
}

/** What is known of the drift of nodes; a node is not asked anything for it. */
export const driftList = defineVerb({
  verb: "drift.list",
  right: "read",
  args: z.strictObject({ target: z.string().min(1).optional() }),
  async answer({ target }, { control }) {
    const nodes = target === undefined ? [...control.registry.approved()] : resolveSome(control, target);
    return nodes.map((node) => driftView(control, node)).sort((a, b) => (a.id < b.id ? -1 : 1));
  },
});
