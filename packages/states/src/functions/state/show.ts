import { z } from "zod";

import { CatalogEntry } from "../../catalog/catalog.ts";
import { defineFunction } from "../../define-function.ts";
import { runnerOf } from "../../state-runner.ts";

export default defineFunction({
  name: "state.show",
  summary: "Shows the catalog as the node has it: what would run, in which order, secrets as references.",
  params: z.strictObject({
    trees: z.array(z.string()).max(64).optional().describe("Only these trees, by their names below states/."),
  }),
  positional: ["trees"],
  result: z.array(CatalogEntry),
  effect: "read",
  onRestart: "fail",
  bringsCatalog: true,
  examples: ["boma-master run web01 state.show"],
  run: async (_params, call) => (await runnerOf(call).catalog()).entries,
});
