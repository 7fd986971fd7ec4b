import { BomaError } from "@boma/protocol";

import { compareVersions } from "../debian-version.ts";
import type { Port } from "../host/host.ts";
import type {
  InstalledPackage,
  PackagePlan,
  Packages,
  PackageStep,
  ReadPackages,
  Wanted,
} from "../host/packages.ts";
import type { MemoryWorld } from "./memory-host.ts";

/** Packages without dependencies: each name has one version that could be installed, and any that is asked for. */
export function memoryPackages({ given, tree }: MemoryWorld): Port<ReadPackages, Packages> {
  const state: Held = {
    installed: new Map(Object.entries(given.packages ?? {})),
    held: new Set(given.held),
    leftovers: new Set(),
    listed: new Map(),
    listsAgeMs: given.listsAgeMs === undefined ? 0 : (given.listsAgeMs ?? undefined),
    candidateOf: (name) =>
      given.candidates?.[name] ?? state.installed.get(name) ?? (given.candidates ? undefined : "1.0"),
    textOf: (path) => {
      const entry = tree.get(path);
      return entry?.type === "file" ? Buffer.from(entry.bytes).toString() : undefined;
    },
  };
  const read = readingHalf(state);
  return { read, write: { ...read, ...writingHalf(state) } };
}

interface Held {
  readonly installed: Map<string, string>;
  readonly held: Set<string>;
  readonly leftovers: Set<string>;
  /** Source files, and what they said when their lists were fetched. */
  readonly listed: Map<string, string | undefined>;
  listsAgeMs: number | undefined;
  candidateOf(name: string): string | undefined;
  textOf(path: string): string | undefined;
}

function versionOf(state: Held, { name, version }: Wanted): string {
  const to = version?.endsWith("*") ? state.candidateOf(name) : (version ?? state.candidateOf(name));
  if (to !== undefined) return to;
  throw new BomaError("package/unavailable", `Unable to locate package ${name}`);
}

const PLAN_NOTHING: PackagePlan = { install: [], upgrade: [], downgrade: [], remove: [] };

function readingHalf(state: Held): ReadPackages {
  const { installed } = state;
  const stepOf = (one: Wanted): PackageStep => ({
    name: one.name,
    from: installed.get(one.name),
    to: versionOf(state, one),
  });
  return {
    installed: async () =>
      new Map(
        [...installed].map(([name, version]): [string, InstalledPackage] => [
          name,
          { name, version, arch: "amd64", whole: true, held: state.held.has(name) },
        ]),
      ),
    leftovers: async () => new Set(state.leftovers),
    candidates: async (names) =>
      new Map(
        names.flatMap((name) => {
          const version = state.candidateOf(name);
          return version === undefined ? [] : [[name, version] as const];
        }),
      ),
    providers: async () => [],
    async simulate(action, wanted) {
      if (action === "remove" || action === "purge")
        return {
          ...PLAN_NOTHING,
          remove: wanted.map(({ name }) => name).filter((name) => installed.has(name)),
        };
      const all = action === "upgrade" ? [...installed.keys()].map((name) => ({ name })) : wanted;
      const steps = all.map(stepOf).filter(({ from, to }) => from !== to);
      const order = ({ from, to }: PackageStep): number =>
        from === undefined ? 0 : compareVersions(from, to);
      return {
        ...PLAN_NOTHING,
        install: steps.filter(({ from }) => from === undefined),
        upgrade: steps.filter((step) => order(step) < 0),
        downgrade: steps.filter((step) => order(step) > 0),
      };
    },
    broken: async () => [],
    compare: compareVersions,
    listsAgeMs: async () => state.listsAgeMs,
    hasListsOf: async (file) => state.listed.has(file) && state.listed.get(file) === state.textOf(file),
  };
}

function writingHalf(state: Held): Omit<Packages, keyof ReadPackages> {
  const { installed, held, leftovers } = state;
  const put = (wanted: Wanted): void => {
    installed.set(wanted.name, versionOf(state, wanted));
    leftovers.delete(wanted.name);
  };
  return {
    install: async (wanted) => wanted.forEach(put),
    async remove(names, { purge = false } = {}) {
      for (const name of names) {
        if (installed.delete(name)) leftovers.add(name);
        if (purge) leftovers.delete(name);
      }
    },
    upgrade: async () => [...installed.keys()].forEach((name) => put({ name })),
    hold: async (names, on) => names.forEach((name) => void (on ? held.add(name) : held.delete(name))),
    async refresh({ sourceFile } = {}) {
      state.listsAgeMs = 0;
      if (sourceFile !== undefined) state.listed.set(sourceFile, state.textOf(sourceFile));
    },
    repair: async () => undefined,
  };
}
