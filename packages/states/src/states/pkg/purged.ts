import { z } from "zod";

import type { Change, Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Name, Names, namesOf, removal, removalOf } from "./parameters.ts";
import { findPackage, planRemoval } from "./plan.ts";

export default defineState({
  name: "pkg.purged",
  summary: "Packages that are not installed, and of which no configuration file is left.",
  key: "name",
  platforms: ["Debian"],
  params: z.strictObject({ name: Name, names: Names, ...removal }),
  claims: (want) => namesOf(want).map((name) => `pkg:${name}`),
  timeoutMs: 30 * 60_000,

  async check(want, { packages }) {
    const [installed, leftovers] = await Promise.all([packages.installed(), packages.leftovers()]);
    const changes: Record<string, Change<string>> = {};
    for (const name of namesOf(want)) {
      const found = findPackage(installed, name);
      if (found) changes[name] = { from: found.version, to: "purged" };
      else if (leftovers.has(name)) changes[name] = { from: "configuration files", to: "purged" };
    }
    const names = Object.keys(changes);
    if (names.length > 0) await planRemoval(packages, "purge", names, removalOf(want));
    return changes as Changes<Record<string, string>>;
  },

  async apply(changes, want, { packages }) {
    const names = Object.keys(changes);
    await planRemoval(packages, "purge", names, removalOf(want));
    await packages.remove(names, { ...removalOf(want), purge: true });
  },

  examples: [
    { title: "nothing of it is left", key: "exim4-base", given: { packages: { "exim4-base": "4.96-15" } } },
    {
      title: "several at once",
      key: "mail",
      params: { names: ["exim4-base", "exim4-config"] },
      given: { packages: { "exim4-base": "4.96-15", "exim4-config": "4.96-15" } },
    },
  ],
});
