/** States small enough to be seen through, and a machine of memory to run them on: for the tests of the engine. */
import { z } from "zod";

import { compileCatalog } from "../catalog/compile.ts";
import { diff } from "../changes.ts";
import type { Declaration } from "../declaration.ts";
import { defineState } from "../define-state.ts";
import type { EngineOptions, PendingRefreshes } from "../engine/options.ts";
import { noPending } from "../engine/options.ts";
import type { RunReport, StateResult } from "../engine/report.ts";
import { runCatalog } from "../engine/run.ts";
import type { Ports } from "../host/host.ts";
import type { AnySpec } from "../state-spec.ts";
import managed from "../states/file/managed.ts";
import { memoryHost } from "./memory-host.ts";

const params = z.strictObject({
  name: z.string(),
  value: z.string().default("on"),
  /** What goes wrong. */
  breaks: z.enum(["check", "apply", "refresh", "verify"]).optional(),
  /** Check throws unless this is there. */
  needs: z.string().optional(),
});
type Want = z.output<typeof params>;

/** Where a thing lies; its name may look like a path without being one. */
const pathOf = (name: string): string => `/${name.replaceAll("/", "-")}`;

const common = {
  key: "name",
  params,
  secretive: ["value"],
  claims: ({ name }: Want) => [`thing:${name}`],
  async check({ name, value, breaks, needs }: Want, { files }: { files: Ports["files"]["read"] }) {
    if (breaks === "check") throw new Error("check broke");
    if (needs !== undefined && !(await files.stat(`/${needs}`))) throw new Error(`/${needs} is not there`);
    const is = (await files.stat(pathOf(name))) && { value: await files.readText(pathOf(name)) };
    return diff(is, { value });
  },
  async apply(_: object, { name, value, breaks }: Want, { files }: { files: Ports["files"]["write"] }) {
    if (breaks === "apply") throw new Error("apply broke");
    await files.write(pathOf(name), value);
  },
  examples: [],
} as const;

/** Can watch: each refresh adds a letter to `/NAME.refreshed`. */
export const thing = defineState({
  ...common,
  name: "trial.thing",
  summary: "A thing.",
  async refresh({ name, breaks }: Want, { files }) {
    if (breaks === "refresh") throw new Error("refresh broke");
    const path = `/${name}.refreshed`;
    const was = (await files.stat(path)) ? await files.readText(path) : "";
    await files.write(path, `${was}r`);
  },
});
/** May run beside others. */
export const light = defineState({ ...common, name: "trial.light", summary: "A thing.", together: true });

export const trialStates: Record<string, AnySpec> = {
  "trial.thing": thing.spec,
  "trial.light": light.spec,
  "file.managed": managed.spec,
};

export interface Trial {
  readonly machine: ReturnType<typeof memoryHost>;
  /** What lies at a path; `undefined` when nothing does. */
  readonly at: (path: string) => Promise<string | undefined>;
  readonly run: (declarations: readonly Declaration[], options?: Partial<EngineOptions>) => Promise<Told>;
}
export interface Told extends RunReport {
  /** The result of a declaration, by its key. */
  readonly of: (key: string) => StateResult;
  /** Key to result, in the order of the catalog. */
  readonly brief: Readonly<Record<string, string>>;
}

export function trial(given: Parameters<typeof memoryHost>[0] = {}): Trial {
  const machine = memoryHost(given);
  const { files } = machine.ports;
  return {
    machine,
    at: async (path) => ((await files.read.stat(path)) ? files.read.readText(path) : undefined),
    async run(declarations, options) {
      const { catalog } = compileCatalog(declarations);
      const report = await runCatalog(catalog, { ...optionsFor(machine.ports), ...options });
      const keyOf = new Map(catalog.entries.map(({ id, key }) => [id, key]));
      const byKey = new Map(report.results.map((result) => [keyOf.get(result.id)!, result]));
      const brief = Object.fromEntries([...byKey].map(([key, { result }]) => [key, result]));
      return { ...report, brief, of: (key) => byKey.get(key)! };
    },
  };
}

export const optionsFor = (ports: Ports): EngineOptions => ({
  mode: "apply",
  ports,
  states: trialStates,
  secrets: new Map(),
  signal: new AbortController().signal,
  confined: false,
  permit: () => undefined,
  pending: noPending,
});

/** A store of what is owed, as a disk would keep it. */
export function keptPending(
  alive: () => void = () => undefined,
): PendingRefreshes & { readonly ids: Set<string> } {
  const ids = new Set<string>();
  const instances = new Map<string, string>();
  return {
    ids,
    list: async () => [...ids],
    instances: async () => new Map(instances),
    async add(more) {
      alive();
      for (const id of more) {
        ids.add(id);
        instances.delete(id);
      }
    },
    async waits(id, instance) {
      alive();
      if (ids.has(id) && !instances.has(id)) instances.set(id, instance);
    },
    async done(less) {
      alive();
      for (const id of less) {
        ids.delete(id);
        instances.delete(id);
      }
    },
  };
}
