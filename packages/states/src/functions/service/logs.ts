import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { existing, UnitName } from "../../states/service/unit.ts";

/** What fits into a result, whatever the lines. */
const BYTES_MAX = 128 * 1024;

export default defineFunction({
  name: "service.logs",
  summary: "The last lines that a unit has written to the journal, oldest first.",
  params: z.strictObject({
    unit: UnitName,
    lines: z.int().min(1).max(1000).default(50).describe("How many lines."),
  }),
  positional: ["unit", "lines"],
  result: z.strictObject({
    lines: z.array(z.strictObject({ at: z.string(), unit: z.string(), priority: z.int(), text: z.string() })),
    cut: z.boolean(),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run web01 service.logs nginx", "boma-master run web01 service.logs ssh 200"],
  async run({ unit, lines }, { host: { services } }) {
    await existing(services, unit);
    const all = (await services.logs(unit, lines)).toReversed();
    let bytes = 0;
    const kept = all.filter(({ text }) => (bytes += Buffer.byteLength(text) + 100) <= BYTES_MAX).toReversed();
    return {
      lines: kept.map(({ atMs, ...line }) => ({ at: new Date(atMs).toISOString(), ...line })),
      cut: kept.length < all.length,
    };
  },
});
