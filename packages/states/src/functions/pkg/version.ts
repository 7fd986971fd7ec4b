import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { PackageName } from "../../states/pkg/parameters.ts";
import { findPackage } from "../../states/pkg/plan.ts";

export default defineFunction({
  name: "pkg.version",
  summary: "Which version of a package is installed, and which one could be.",
  params: z.strictObject({ names: z.array(PackageName).min(1).max(200).describe("The packages.") }),
  positional: ["names"],
  result: z.record(
    z.string(),
    z.strictObject({
      installed: z.string().nullable(),
      candidate: z.string().nullable(),
      upgradable: z.boolean(),
    }),
  ),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run '*' pkg.version openssl nginx"],
  async run({ names }, { host: { packages } }) {
    const installed = await packages.installed();
    const candidates = await packages.candidates(names);
    return Object.fromEntries(
      names.map((name) => {
        const is = findPackage(installed, name)?.version;
        const candidate = candidates.get(name);
        const upgradable = is !== undefined && candidate !== undefined && packages.compare(is, candidate) < 0;
        return [name, { installed: is ?? null, candidate: candidate ?? null, upgradable }];
      }),
    );
  },
});
