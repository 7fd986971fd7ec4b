/** A site is back: what was said to its nodes while its line was cut they have not heard. With its hello each reads its mailbox. */
import { setTimeout as pause } from "node:timers/promises";

import type { Registry } from "../registry/registry.ts";
import type { Sessions } from "./sessions.ts";
import type { Whereabouts } from "./whereabouts.ts";

interface Parts {
  readonly registry: Registry;
  readonly where: Whereabouts;
  readonly sessions: Sessions;
}

/** Until a site's server has said to whom its nodes listen, they hear nothing: who stays silent is asked again. */
const ASKED_AFTER_MS = [200, 2_000, 10_000, 60_000];

export async function greetSite(site: string, { registry, where, sessions }: Parts): Promise<void> {
  const since = performance.now();
  for (const ms of ASKED_AFTER_MS) {
    await pause(ms, undefined, { ref: false });
    for (const { key } of registry.approved())
      if (where.siteOf(key) === site && !sessions.heardSince(key, since)) sessions.askAt(key, site);
  }
}
