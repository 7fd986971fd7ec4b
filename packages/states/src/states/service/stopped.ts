import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadServices, UnitStatus } from "../../host/services.ts";
import { filesOf, isEnabled, settledOf, stateOf, UnitName } from "./unit.ts";

interface Properties {
  enabled: string[];
  active: string[];
}

export default defineState({
  name: "service.stopped",
  summary: "A unit that is down and stays down, with the sockets, timers and paths that would start it.",
  key: "unit",
  params: z.strictObject({
    unit: UnitName,
    disable: z.boolean().default(true).describe("Neither it nor what starts it comes up with the machine."),
  }),
  claims: ({ unit }) => [`unit:${unit}`],
  after: ({ unit }) => filesOf(unit),
  timeoutMs: 5 * 60_000,

  async check({ unit, disable }, { services }) {
    const all = await withTriggers(services, unit);
    const active = all.filter(isUp).map((one) => `${one.unit} ${stateOf(one)}`);
    const enabled = all.filter((one) => isEnabled(one, false)).map((one) => one.unit);
    return diff<Properties>({ active, enabled }, { active: [], enabled: disable ? [] : enabled });
  },

  async apply({ active, enabled }, { unit }, { services }) {
    // What starts it goes first: else it would be up again before the second one is down.
    const all = (await withTriggers(services, unit)).toReversed();
    if (active) for (const one of all.filter(isUp)) await services.stop(one.unit);
    if (enabled)
      for (const one of all.filter((other) => isEnabled(other, false))) await services.disable(one.unit);
    if (active) await settledOf(services, unit, 0);
  },

  examples: [
    {
      title: "down for good",
      key: "bluetooth",
      given: { services: { bluetooth: { active: true, enabled: true } } },
    },
    {
      title: "with its socket",
      key: "docker",
      given: {
        services: {
          docker: { active: true, enabled: true, triggeredBy: ["docker.socket"] },
          "docker.socket": { active: true, enabled: true },
        },
      },
    },
    { title: "not there at all", key: "cups" },
  ],
});

const DOWN: readonly string[] = ["inactive", "failed"];
const isUp = ({ active }: UnitStatus): boolean => !DOWN.includes(active);

/** The unit and what starts it; nothing where there is no such unit. */
async function withTriggers(services: ReadServices, unit: string): Promise<UnitStatus[]> {
  const own = await services.status(unit);
  if (own.load === "not-found") return [];
  return [own, ...(await Promise.all(own.triggeredBy.map((trigger) => services.status(trigger))))];
}
