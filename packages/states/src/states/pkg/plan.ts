/** What apt would do, held against what the declaration allows. */
import { BomaError, parseDuration } from "@boma/protocol";

import type {
  InstalledPackage,
  PackageOptions,
  PackagePlan,
  Packages,
  ReadPackages,
  Wanted,
} from "../../host/packages.ts";

/** `libc6:amd64` is `libc6` on a machine of amd64. */
export function findPackage(
  installed: ReadonlyMap<string, InstalledPackage>,
  name: string,
): InstalledPackage | undefined {
  const [plain = name, arch] = name.split(":");
  const found = installed.get(name) ?? installed.get(plain);
  if (found === undefined || arch === undefined || found.name === name) return found;
  return found.arch === arch || found.arch === "all" ? found : undefined;
}

export const isVersion = (version: string, wanted: string): boolean =>
  wanted.endsWith("*") ? version.startsWith(wanted.slice(0, -1)) : version === wanted;

export interface Asked {
  readonly wanted: readonly Wanted[];
  readonly options: PackageOptions;
  /** Held by this very declaration: its hold is not in its own way. */
  readonly ownHold?: boolean | undefined;
}

/** Simulates, and refuses what nobody allowed: removals, held packages, older versions. */
export async function planInstall(packages: ReadPackages, asked: Asked): Promise<PackagePlan> {
  const { wanted, options, ownHold = false } = asked;
  const own = new Set(ownHold ? wanted.map(({ name }) => name) : []);
  const allowChangeHeld = options.allowChangeHeld === true || own.size > 0;
  // Whether a version may be gone back to is asked below, where the packages can be named.
  const plan = await packages
    .simulate("install", wanted, { ...options, allowChangeHeld, allowDowngrade: true })
    .catch(async (thrown: unknown) => {
      if (!isBlocked(thrown) || allowChangeHeld) throw thrown;
      // apt says no more than that something held is in the way: what it would do without that names it.
      const forced = { ...options, allowChangeHeld: true, allowDowngrade: true };
      await assertAllowed(packages, await packages.simulate("install", wanted, forced), { options, own });
      throw thrown;
    });
  await assertAllowed(packages, plan, { options, own });
  return plan;
}

async function assertAllowed(
  packages: ReadPackages,
  plan: PackagePlan,
  { options, own }: { readonly options: PackageOptions; readonly own: ReadonlySet<string> },
): Promise<void> {
  if (!options.allowRemove && plan.remove.length > 0)
    throw blocked("remove", plan.remove, "`allowRemove: true` lets it.");
  const installed = await packages.installed();
  const touched = [...plan.upgrade, ...plan.downgrade].map(({ name }) => name).concat(plan.remove);
  const held = touched.filter((name) => !own.has(name) && findPackage(installed, name)?.held);
  if (!options.allowChangeHeld && held.length > 0)
    throw blocked("change these held packages:", held, "`allowChangeHeld: true` lets it.");
  if (!options.allowDowngrade && plan.downgrade.length > 0)
    throw blocked(
      "go back a version:",
      plan.downgrade.map(({ name, from, to }) => `${name} ${from} → ${to}`),
      "`allowDowngrade: true` lets it.",
    );
}

/** Simulates a removal, and refuses when more would go than was named. */
export async function planRemoval(
  packages: ReadPackages,
  action: "remove" | "purge",
  names: readonly string[],
  options: PackageOptions,
): Promise<void> {
  const installed = await packages.installed();
  const held = names.filter((name) => findPackage(installed, name)?.held);
  if (!options.allowChangeHeld && held.length > 0)
    throw blocked("remove these held packages:", held, "`allowChangeHeld: true` lets it.");
  const plan = await packages.simulate(
    action,
    names.map((name) => ({ name })),
    {
      ...options,
      allowChangeHeld: true,
    },
  );
  const own = new Set(names.map((name) => findPackage(installed, name)?.name ?? name));
  const others = plan.remove.filter((name) => !own.has(name));
  if (!options.allowRemove && others.length > 0)
    throw blocked("also remove", others, "Name them too, or let it with `allowRemove: true`.");
}

const SHOWN_MAX = 30;

function blocked(what: string, names: readonly string[], hint: string): BomaError {
  const more = names.length > SHOWN_MAX ? `, and ${names.length - SHOWN_MAX} more` : "";
  return new BomaError(
    "package/blocked",
    `apt would ${what} ${names.slice(0, SHOWN_MAX).join(", ")}${more}`,
    {
      hint: `Nothing was changed. ${hint}`,
    },
  );
}

export async function areListsOld(packages: ReadPackages, refreshAfter: string): Promise<boolean> {
  const age = await packages.listsAgeMs();
  return age === undefined || age > parseDuration(refreshAfter);
}

/** Plans; where apt knows a package not and its lists are old, fetches them and plans again. */
export async function planFresh(
  packages: Packages,
  asked: Asked,
  refreshAfter: string,
): Promise<PackagePlan> {
  try {
    return await planInstall(packages, asked);
  } catch (thrown) {
    if (!isUnavailable(thrown) || !(await areListsOld(packages, refreshAfter))) throw thrown;
    await packages.refresh({ lockTimeoutMs: asked.options.lockTimeoutMs });
    return planInstall(packages, asked);
  }
}

const isBlocked = (thrown: unknown): boolean =>
  thrown instanceof BomaError && thrown.code === "package/blocked";
export const isUnavailable = (thrown: unknown): boolean =>
  thrown instanceof BomaError && thrown.code === "package/unavailable";
