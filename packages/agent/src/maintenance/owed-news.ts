/** What there is to tell of the restarts that are owed: new ones, ones that wait for another day, ones that are done. Pure. */
import type { NodeEventBody } from "@boma/protocol";
import type { Owed } from "@boma/states/core";

import type { Told } from "./told-file.ts";

const DAY_MS = 86_400_000;
const LINE_LENGTH_MAX = 500;

export interface News {
  readonly events: readonly NodeEventBody[];
  readonly told: ReadonlyMap<string, Told>;
  /** When something is to be told again; not at all where nothing is owed. */
  readonly nextAt: number | undefined;
}

export function newsOf(before: ReadonlyMap<string, Told>, owed: readonly Owed[], now: number): News {
  const events: NodeEventBody[] = [];
  const told = new Map<string, Told>();
  for (const { id, unit, domain, why, cause, since } of owed) {
    const known = before.get(id);
    const begun = since ?? known?.since ?? now;
    const again = !known || known.since !== begun || now - known.at >= DAY_MS;
    told.set(id, { unit, domain, since: begun, at: again ? now : known.at });
    if (!again) continue;
    events.push({
      kind: "maintenance.owed",
      data: {
        resource: id,
        unit,
        domain,
        since: begun,
        why: why.slice(0, LINE_LENGTH_MAX),
        ...(cause !== null && { cause }),
        days: Math.max(0, Math.floor((now - begun) / DAY_MS)),
      },
    });
  }
  for (const [resource, { at: _, ...about }] of before)
    if (!told.has(resource)) events.push({ kind: "maintenance.settled", data: { resource, ...about } });
  const ats = [...told.values()].map(({ at }) => at + DAY_MS);
  return { events, told, nextAt: ats.length > 0 ? Math.min(...ats) : undefined };
}
