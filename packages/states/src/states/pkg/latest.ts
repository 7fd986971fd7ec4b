import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import type { Change, Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadPackages } from "../../host/packages.ts";
import { choices, Name, Names, namesOf, optionsOf, RefreshAfter, wantedOf } from "./parameters.ts";
import { areListsOld, findPackage, planFresh, planInstall } from "./plan.ts";

/** Not a package: its name has a space. */
const LISTS = "lists of packages";

export default defineState({
  name: "pkg.latest",
  summary: "Packages in the newest version that their sources have, by lists that are not old.",
  key: "name",
  platforms: ["Debian"],
  params: z.strictObject({ name: Name, names: Names, refreshAfter: RefreshAfter, ...choices }),
  claims: (want) => namesOf(want).map((name) => `pkg:${name}`),
  timeoutMs: 30 * 60_000,

  async check(want, { packages }) {
    const changes: Record<string, Change<string>> = {};
    const old = await areListsOld(packages, want.refreshAfter);
    if (old) changes[LISTS] = { from: await ageOf(packages), to: "fetched" };
    const behind = await behindOf(packages, want);
    const { size } = behind;
    if (size > 0 && !old)
      await planInstall(packages, { wanted: wantedOf([...behind.keys()]), options: optionsOf(want) });
    return { ...changes, ...Object.fromEntries(behind) } as Changes<Record<string, string>>;
  },

  async apply(changes, want, { packages }) {
    const options = optionsOf(want);
    if (LISTS in changes) await packages.refresh({ lockTimeoutMs: options.lockTimeoutMs });
    // New lists may know newer versions than the check did: the newest is what was asked for.
    const behind = wantedOf([...(await behindOf(packages, want)).keys()]);
    if (behind.length === 0) return;
    await planFresh(packages, { wanted: behind, options }, want.refreshAfter);
    await packages.install(behind, options);
  },

  examples: [
    {
      title: "always the newest",
      key: "ca-certificates",
      given: {
        packages: { "ca-certificates": "20230311" },
        candidates: { "ca-certificates": "20230311+deb12u1" },
      },
    },
    {
      title: "by lists of today",
      key: "base",
      params: { names: ["openssl", "tzdata"], refreshAfter: "24h" },
      given: { packages: { openssl: "3.0.11-1" }, listsAgeMs: null },
    },
  ],
});

type Behind = ReadonlyMap<string, Change<string>>;

async function behindOf(
  packages: ReadPackages,
  want: { name: string; names?: readonly string[] | undefined; fromSuite?: string | undefined },
): Promise<Behind> {
  const names = namesOf(want);
  const installed = await packages.installed();
  const candidates = await packages.candidates(names, want.fromSuite);
  const behind = new Map<string, Change<string>>();
  for (const name of names) {
    const is = findPackage(installed, name);
    const newest = candidates.get(name);
    const current = is?.whole === true && (newest === undefined || packages.compare(is.version, newest) >= 0);
    if (!current) behind.set(name, { from: is?.version, to: newest ?? "newest" });
  }
  return behind;
}

async function ageOf(packages: ReadPackages): Promise<string | undefined> {
  const age = await packages.listsAgeMs();
  return age === undefined ? undefined : `${Math.floor(age / parseDuration("1h"))} h old`;
}
