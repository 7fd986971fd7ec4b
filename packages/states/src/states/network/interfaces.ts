import { BomaError, parseDuration } from "@boma/protocol";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { assertGatewaysAnswer, assertGenerates, bringUp, NETWORKD } from "./bring-up.ts";
import { EXAMPLES } from "./example-network.ts";
import { cutOff, liveChanges, readLive } from "./live.ts";
import { NETPLAN_FILE } from "./netplan-file.ts";
import { networkdFiles } from "./networkd-files.ts";
import { Params, type Want } from "./parameters.ts";
import { assertAlone } from "./rivals.ts";
import { undoOf } from "./undo.ts";
import { fileChanges, forwardingOf, writeFiles } from "./wanted-files.ts";

type Properties = Record<string, string>;

export default defineState({
  name: "network.interfaces",
  summary: "The addresses, routes, bridges and VLANs of this machine; taken back where they cut it off.",
  key: "name",
  params: Params,
  platforms: ["Debian"],
  stage: "network",
  // One for the machine, so that one dead-man covers all of it.
  claims: (want) => [
    "network:node",
    ...forwardingOf(want).map((key) => `sysctl:${key}`),
    ...pathsOf(want).map((path) => `file:${path}`),
  ],
  after: ({ renderer }) => ["pkg:iproute2", ...(renderer === "netplan" ? ["pkg:netplan.io"] : [])],
  // Longer than anybody may take to confirm.
  timeoutMs: 15 * 60_000,

  async check(want, host): Promise<Changes<Properties>> {
    await assertAlone(want, host);
    const live = await readLive(host);
    const why = cutOff(want, live);
    if (why !== undefined)
      throw new BomaError("state/blocked", why, {
        hint: "Declare the interface over which it is to be reached from then on.",
      });
    return {
      ...(await fileChanges(want, host.files)),
      ...(await serviceChange(host)),
      ...(await forwardingChanges(want, host)),
      ...liveChanges(want, live),
    };
  },

  async apply(changes, want, host) {
    const found = changes as Readonly<Record<string, { from: string | undefined; to: string }>>;
    await assertGenerates(want, host);
    await writeFiles(found, host.files);
    for (const key of forwardingOf(want)) if (found[key]) await host.kernel.setParameter(key, "1");
    await bringUp(found, want, host);
  },

  verify: (want, host) => assertGatewaysAnswer(want, host),

  confirm: {
    withinMs: ({ confirmWithin }) => parseDuration(confirmWithin),
    undo: (want, host) => undoOf(want, host),
  },

  examples: EXAMPLES,
});

const pathsOf = (want: Want): readonly string[] => [
  ...(want.renderer === "netplan" ? [NETPLAN_FILE] : networkdFiles(want).keys()),
  ...want.replaces,
];

async function serviceChange({ services }: ReadHost): Promise<Changes<Properties>> {
  const { active, enabled } = await services.status(NETWORKD);
  const is = `${active === "active" ? "runs" : active}, ${enabled}`;
  return diff<Properties>({ [NETWORKD]: is }, { [NETWORKD]: "runs, enabled" });
}

async function forwardingChanges(want: Want, { kernel }: ReadHost): Promise<Changes<Properties>> {
  const changes: Record<string, { from: string | undefined; to: string }> = {};
  for (const key of forwardingOf(want)) {
    const value = await kernel.parameter(key);
    if (value !== "1") changes[key] = { from: value, to: "1" };
  }
  return changes;
}
