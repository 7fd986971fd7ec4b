import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { filesOf, stateOf, UnitName } from "./unit.ts";

const DOWN: readonly string[] = ["inactive", "failed"];

export default defineState({
  name: "service.masked",
  summary: "A unit that nothing can start, not even another unit that needs it.",
  key: "unit",
  params: z.strictObject({
    unit: UnitName,
    stop: z.boolean().default(true).describe("Stop it where it is up."),
  }),
  claims: ({ unit }) => [`unit:${unit}`],
  after: ({ unit }) => filesOf(unit),

  async check({ unit, stop }, { services }) {
    const is = await services.status(unit);
    return diff(
      { masked: is.load === "masked", active: DOWN.includes(is.active) ? "inactive" : stateOf(is) },
      { masked: true, active: stop ? "inactive" : undefined },
    );
  },

  async apply({ masked, active }, { unit }, { services }) {
    // The mask first: nothing brings it up again after the stop.
    if (masked) await services.mask(unit);
    if (active) await services.stop(unit);
  },

  examples: [
    {
      title: "never",
      key: "systemd-timesyncd",
      given: { services: { "systemd-timesyncd": { active: true } } },
    },
    { title: "already", key: "rpcbind", given: { services: { rpcbind: { masked: true } } } },
  ],
});
