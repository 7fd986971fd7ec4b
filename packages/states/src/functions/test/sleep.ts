import { setTimeout } from "node:timers/promises";

import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "test.sleep",
  summary: "The node waits, and then says how long it waited.",
  params: z.strictObject({ seconds: z.number().min(0).max(86_400).describe("How long to wait.") }),
  positional: ["seconds"],
  result: z.strictObject({ seconds: z.number() }),
  effect: "read",
  onRestart: "fail",
  examples: ["boma-master run web01 test.sleep 5"],
  async run({ seconds }, { signal }) {
    await setTimeout(seconds * 1000, undefined, { signal });
    return { seconds };
  },
});
