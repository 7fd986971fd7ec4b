import { posix } from "node:path";

import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

/** What fits into a result with room to spare. */
const PACKAGES_MAX = 4000;

export default defineFunction({
  name: "pkg.list",
  summary: "The packages that are installed, with their versions.",
  params: z.strictObject({
    pattern: z
      .string()
      .min(1)
      .max(128)
      .default("*")
      .describe("Only names that fit, such as `linux-image-*`."),
  }),
  positional: ["pattern"],
  result: z.strictObject({
    packages: z.record(z.string(), z.string()),
    held: z.array(z.string()),
    broken: z.array(z.string()),
    total: z.int(),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run web01 pkg.list", "boma-master run '*' pkg.list 'openssl*'"],
  async run({ pattern }, { host }) {
    const all = [...(await host.packages.installed()).values()].filter(({ name }) =>
      posix.matchesGlob(name, pattern),
    );
    const shown = all.slice(0, PACKAGES_MAX);
    return {
      packages: Object.fromEntries(shown.map(({ name, version }) => [name, version])),
      held: shown.filter(({ held }) => held).map(({ name }) => name),
      broken: shown.filter(({ whole }) => !whole).map(({ name }) => name),
      total: all.length,
    };
  },
});
