import { z } from "zod";

import type { Change, Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { PackageOptions, ReadPackages, Wanted } from "../../host/packages.ts";
import { choices, Name, Names, namesOf, optionsOf, RefreshAfter, Version, wantedOf } from "./parameters.ts";
import { areListsOld, findPackage, isUnavailable, isVersion, planFresh, planInstall } from "./plan.ts";

/** A package to its version, and `hold of NAME` to whether it is held. */
type Properties = Record<string, string | boolean>;

const HOLD = "hold of ";

export default defineState({
  name: "pkg.installed",
  summary: "Packages that are installed and whole, in any version or in the one given.",
  key: "name",
  platforms: ["Debian"],
  params: z
    .strictObject({
      name: Name,
      names: Names,
      version: Version.optional().describe("The version, or its beginning: `1.22.*`."),
      hold: z.boolean().optional().describe("Whether upgrades leave the packages alone."),
      refreshAfter: RefreshAfter,
      ...choices,
    })
    .refine(({ names, version }) => names === undefined || version === undefined, {
      message: "a version is of one package: declare it for itself",
      path: ["version"],
    }),
  claims: (want) => [
    ...namesOf(want).map((name) => `pkg:${name}`),
    ...(want.hold === undefined ? [] : namesOf(want).map((name) => `pkg-hold:${name}`)),
  ],
  timeoutMs: 30 * 60_000,

  async check(want, { packages }) {
    const names = namesOf(want);
    const wrong = await notAsWanted(packages, wantedOf(names, want.version));
    const asked = { wanted: wrong, options: optionsOf(want), ownHold: want.hold };
    const versions =
      wrong.length === 0 ? new Map<string, string>() : await versionsAfter(packages, asked, want);
    const installed = await packages.installed();
    const changes: Record<string, Change<string | boolean>> = {};
    for (const { name, version } of wrong)
      changes[name] = { from: stateOf(installed, name), to: versions.get(name) ?? version ?? "newest" };
    for (const name of want.hold === undefined ? [] : names) {
      const held = findPackage(installed, name)?.held ?? false;
      if (held !== want.hold) changes[HOLD + name] = { from: held, to: want.hold! };
    }
    return changes as Changes<Properties>;
  },

  async apply(changes, want, { packages }) {
    const wrong = wantedOf(
      Object.keys(changes).filter((name) => !name.startsWith(HOLD)),
      want.version,
    );
    const options = optionsOf(want);
    if (wrong.length > 0) {
      await planFresh(packages, { wanted: wrong, options, ownHold: want.hold }, want.refreshAfter);
      await packages.install(wrong, { ...options, allowChangeHeld: options.allowChangeHeld || want.hold });
    }
    const holds = Object.keys(changes).filter((name) => name.startsWith(HOLD));
    if (holds.length > 0)
      await packages.hold(
        holds.map((name) => name.slice(HOLD.length)),
        want.hold!,
      );
  },

  examples: [
    { title: "a package", key: "nginx" },
    {
      title: "several in one call of apt",
      key: "tools",
      params: { names: ["curl", "jq", "htop"] },
      given: { packages: { curl: "1.0" } },
    },
    {
      title: "one version, held",
      key: "postgresql-15",
      params: { version: "15.7-0+deb12u1", hold: true },
      given: { packages: { "postgresql-15": "15.5-0+deb12u1" } },
    },
    { title: "with its services left down", key: "redis-server", params: { startServices: false } },
  ],
});

/** Those that are not there, not whole, or of another version. A name that others provide is there with them. */
async function notAsWanted(packages: ReadPackages, wanted: readonly Wanted[]): Promise<Wanted[]> {
  const installed = await packages.installed();
  const wrong: Wanted[] = [];
  for (const one of wanted) {
    const found = findPackage(installed, one.name);
    const right = found?.whole && (one.version === undefined || isVersion(found.version, one.version));
    const provided = !found && one.version === undefined && (await packages.providers(one.name)).length > 0;
    if (!right && !provided) wrong.push(one);
  }
  return wrong;
}

/** The versions that there will be; none where the lists must be fetched before anybody knows. */
async function versionsAfter(
  packages: ReadPackages,
  asked: { readonly wanted: readonly Wanted[]; readonly options: PackageOptions },
  { refreshAfter }: { readonly refreshAfter: string },
): Promise<ReadonlyMap<string, string>> {
  try {
    const { install, upgrade, downgrade } = await planInstall(packages, asked);
    return new Map([...install, ...upgrade, ...downgrade].map(({ name, to }) => [name, to]));
  } catch (thrown) {
    if (isUnavailable(thrown) && (await areListsOld(packages, refreshAfter))) return new Map();
    throw thrown;
  }
}

function stateOf(installed: Parameters<typeof findPackage>[0], name: string): string | undefined {
  const found = findPackage(installed, name);
  return found && !found.whole ? `${found.version}, not configured` : found?.version;
}
