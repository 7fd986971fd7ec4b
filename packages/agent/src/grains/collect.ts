/** Everything that this node claims of itself, collected at once. */
import { join } from "node:path";

import type { Grains } from "@boma/protocol";

import { agent } from "./agent.ts";
import { assignedClaims, boot, readCmdline } from "./boot.ts";
import { cpu } from "./cpu.ts";
import { disks } from "./disks.ts";
import { readGrainFiles, type Problem } from "./files.ts";
import { gpus } from "./gpus.ts";
import { hardware } from "./hardware.ts";
import { machine } from "./machine.ts";
import { memory } from "./memory.ts";
import { network } from "./network.ts";
import { os } from "./os.ts";
import { fitGrains } from "./revision.ts";
import { openSource, present, type Collector, type SystemCalls } from "./source.ts";
import { virtual } from "./virtual.ts";

const TIME_LIMIT_MS = 2_000;
const GRAINS_DIR = "etc/boma/grains.d";

export interface CollectOptions {
  readonly agentVersion: string;
  /** Where /proc, /sys and /etc are looked up. */
  readonly root?: string;
  /** What `--grain` claims. */
  readonly extra?: Grains;
  readonly grainsDir?: string;
  /** What one collector may take; the others do not wait for its answer beyond that. */
  readonly timeLimitMs?: number;
  readonly signal?: AbortSignal;
  /** Ask slow programs as well, such as dmidecode. */
  readonly deep?: boolean;
  readonly collectors?: readonly Collector[];
  readonly system?: SystemCalls;
}

export interface Collected {
  readonly grains: Grains;
  readonly problems: readonly Problem[];
}

export const coreCollectors: readonly Collector[] = [
  os,
  cpu,
  memory,
  network,
  disks,
  machine,
  virtual,
  gpus,
  boot,
];

/**
 * Core grains first, then what the kernel command line claims, then the files by name, then
 * `--grain`: of the custom ones the later wins, and none of them replaces a core grain.
 */
export async function collectGrains(options: CollectOptions): Promise<Collected> {
  const collectors = [
    ...(options.collectors ?? coreCollectors),
    agent(options.agentVersion),
    ...(options.deep ? [hardware] : []),
  ];
  const dir = options.grainsDir ?? join(options.root ?? "/", GRAINS_DIR);
  const [claims, files, ...cores] = await Promise.all([
    runLimited(bootClaims, options),
    runLimited({ name: "grains.d", collect: () => readGrainFiles(dir) }, options),
    ...collectors.map((collector) => runLimited(collector, options)),
  ]);
  options.signal?.throwIfAborted();
  const problems = [...cores, claims, files].flatMap((outcome) => outcome.problem ?? []);
  const core = mergeAll(cores.map((outcome) => outcome.value ?? {}));
  const custom = mergeAll([claims.value ?? {}, files.value?.grains ?? {}, options.extra ?? {}]);
  const shadows = Object.keys(custom).filter((key) => Object.hasOwn(core, key));
  const fitted = fitGrains(core, present(Object.entries(custom).filter(([key]) => !shadows.includes(key))));
  return {
    grains: fitted.grains,
    problems: [
      ...problems,
      ...(files.value?.problems ?? []),
      ...shadows.map((key) => ({
        collector: "custom",
        message: `${key} is a core grain: the custom value is not used`,
      })),
      ...fitted.dropped.map(({ key, bytes }) => ({
        collector: "size",
        message: `${key} is left out: its ${bytes} bytes do not fit`,
      })),
    ],
  };
}

/** Custom rather than core, so that an operator at the machine can correct what the boot server said. */
const bootClaims: Collector = {
  name: "boot",
  collect: async (source) => assignedClaims((await readCmdline(source)) ?? ""),
};

const mergeAll = (trees: readonly Grains[]): Grains => present(trees.flatMap((tree) => Object.entries(tree)));

interface Task<T> {
  readonly name: string;
  readonly timeLimitMs?: number;
  collect(source: ReturnType<typeof openSource>): Promise<T>;
}

/** A disk that does not answer, or a fault of ours, costs its own grains and no others. */
async function runLimited<T>(
  task: Task<T>,
  options: CollectOptions,
): Promise<{ readonly value?: T; readonly problem?: Problem }> {
  const limitMs = Math.max(task.timeLimitMs ?? 0, options.timeLimitMs ?? TIME_LIMIT_MS);
  const expiry = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, expiry.signal]) : expiry.signal;
  const timer = setTimeout(() => expiry.abort(new Error(`no answer within ${limitMs} ms`)), limitMs);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    const source = openSource({ root: options.root, system: options.system, signal });
    return { value: await Promise.race([task.collect(source), stopped]) };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return { problem: { collector: task.name, message } };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
