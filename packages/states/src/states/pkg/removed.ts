import { z } from "zod";

import type { Change, Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Name, Names, namesOf, removal, removalOf } from "./parameters.ts";
import { findPackage, planRemoval } from "./plan.ts";

export default defineState({
  name: "pkg.removed",
  summary: "Packages that are not installed; their configuration files stay.",
  key: "name",
  platforms: ["Debian"],
  params: z.strictObject({ name: Name, names: Names, ...removal }),
  claims: (want) => namesOf(want).map((name) => `pkg:${name}`),
  timeoutMs: 30 * 60_000,

  async check(want, { packages }) {
    const installed = await packages.installed();
    const changes: Record<string, Change<string>> = {};
    for (const name of namesOf(want)) {
      const found = findPackage(installed, name);
      if (found) changes[name] = { from: found.version, to: "removed" };
    }
    const names = Object.keys(changes);
    if (names.length > 0) await planRemoval(packages, "remove", names, removalOf(want));
    return changes as Changes<Record<string, string>>;
  },

  async apply(changes, want, { packages }) {
    const names = Object.keys(changes);
    await planRemoval(packages, "remove", names, removalOf(want));
    await packages.remove(names, removalOf(want));
  },

  examples: [
    {
      title: "a package that should not be here",
      key: "telnetd",
      given: { packages: { telnetd: "0.17-44" } },
    },
    { title: "not here already", key: "rsh-server" },
  ],
});
