import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { PackageName } from "./parameters.ts";
import { findPackage } from "./plan.ts";

export default defineState({
  name: "pkg.held",
  summary: "A package that upgrades leave in the version that it has.",
  key: "name",
  platforms: ["Debian"],
  params: z.strictObject({
    name: PackageName.describe("The package."),
    held: z.boolean().default(true).describe("`false` lets upgrades have it again."),
  }),
  claims: ({ name }) => [`pkg-hold:${name}`],
  after: ({ name }) => [`pkg:${name}`],

  async check({ name, held }, { packages }) {
    const found = findPackage(await packages.installed(), name);
    if (!found && held)
      throw new BomaError("package/unavailable", `${name} is not installed, so it cannot be held`, {
        hint: "Declare `pkg.installed` before it.",
      });
    return diff({ held: found?.held ?? false }, { held });
  },

  async apply({ held }, { name }, { packages }) {
    if (held) await packages.hold([name], held.to);
  },

  examples: [
    { title: "stays in its version", key: "docker.io", given: { packages: { "docker.io": "20.10.24" } } },
    {
      title: "may be upgraded again",
      key: "docker.io",
      params: { held: false },
      given: { packages: { "docker.io": "20.10.24" }, held: ["docker.io"] },
    },
  ],
});
