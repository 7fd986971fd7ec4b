import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import type { PackageOptions, PackageStep } from "../../host/packages.ts";
import { PackageName } from "../../states/pkg/parameters.ts";
import { findPackage, planInstall } from "../../states/pkg/plan.ts";

const Step = z.strictObject({ name: z.string(), from: z.string().nullable(), to: z.string() });

export default defineFunction({
  name: "pkg.upgrade",
  summary:
    "Upgrades packages, all or some; never removes one, never touches a held one. With --test it says which.",
  params: z.strictObject({
    names: z
      .array(PackageName)
      .max(1000)
      .default([])
      .describe("Only these, where they are installed; all where none is named."),
    refresh: z.boolean().default(true).describe("Fetch the lists of packages first; a dry run never does."),
    configuration: z
      .enum(["keep", "new"])
      .default("keep")
      .describe("What becomes of a configuration file that was changed here and in the package."),
  }),
  positional: ["names"],
  result: z.strictObject({ upgraded: z.array(Step), installed: z.array(Step), done: z.boolean() }),
  effect: "write",
  onRestart: "fail",
  dryRun: true,
  timeoutMs: 60 * 60_000,
  examples: ["boma-master run 'env:dev' pkg.upgrade", "boma-master run web01 pkg.upgrade openssl tzdata"],
  async run({ names, refresh, configuration }, { host: { packages }, test }) {
    const options: PackageOptions = { configuration };
    if (refresh && !test) await packages.refresh();
    const known = await packages.installed();
    const wanted = names.filter((name) => findPackage(known, name)).map((name) => ({ name }));
    const nothing = names.length > 0 && wanted.length === 0;
    const all = names.length === 0;
    const { install, upgrade } = nothing
      ? { install: [], upgrade: [] }
      : await (all ? packages.simulate("upgrade", [], options) : planInstall(packages, { wanted, options }));
    const done = !test && install.length + upgrade.length > 0;
    if (done) await (all ? packages.upgrade(options) : packages.install(wanted, options));
    return { upgraded: upgrade.map(stepOf), installed: install.map(stepOf), done };
  },
  outcome: ({ upgraded, installed }) => (upgraded.length + installed.length > 0 ? "changed" : "ok"),
});

const stepOf = ({ name, from, to }: PackageStep) => ({ name, from: from ?? null, to });
