/** The node's claimed grains: collected at the start, now and then, and when somebody asks; told when they changed. */
import { type FSWatcher, watch } from "node:fs";

import type { Grains } from "@boma/protocol";

import { messageOf } from "./files.ts";
import type { Log } from "./log.ts";
import { jitter } from "./wait.ts";

const COLLECT_MS = 5 * 60_000;
/** An editor writes a file in several steps; one look after the last of them is enough. */
const SETTLE_MS = 500;

export interface GrainsSource {
  collect(): Promise<{
    readonly grains: Grains;
    readonly problems: readonly { collector: string; message: string }[];
  }>;
  revision(grains: Grains): string;
  /** Where custom grains lie, to be looked at when they change. */
  readonly watchDir?: string | undefined;
  /** Emulated nodes have fixed grains, and no timer each. */
  readonly fixed?: boolean | undefined;
}

export interface GrainsFeed {
  readonly current: { readonly grains: Grains; readonly revision: string };
  /** Collects anew; the caller publishes. */
  refresh(): Promise<{ readonly grains: Grains; readonly revision: string }>;
  stop(): void;
}

export async function startGrainsFeed(
  source: GrainsSource,
  ports: { readonly log: Log; readonly random: () => number; readonly onChange: () => void },
): Promise<GrainsFeed> {
  const { log, random, onChange } = ports;
  const told = new Set<string>();
  let underWay: Promise<GrainsFeed["current"]> | undefined;
  const collect = async (): Promise<GrainsFeed["current"]> => {
    const { grains, problems } = await source.collect();
    for (const { collector, message } of problems) {
      const text = `${collector}: ${message}`;
      if (told.has(text) || told.size > 100) continue;
      told.add(text);
      log.warn({ problem: text }, "some grains could not be collected");
    }
    return { grains, revision: source.revision(grains) };
  };
  let current = await collect();
  const refresh = (): Promise<GrainsFeed["current"]> => {
    underWay ??= collect().finally(() => (underWay = undefined));
    return underWay.then((next) => (current = next));
  };
  const look = async (): Promise<void> => {
    const before = current.revision;
    try {
      if ((await refresh()).revision !== before) onChange();
    } catch (thrown) {
      log.warn({ error: messageOf(thrown) }, "the grains could not be collected");
    }
  };
  const timers = source.fixed ? undefined : lookNowAndThen(look, random);
  const watcher = source.watchDir === undefined ? undefined : watchDirectory(source.watchDir, look);
  return {
    get current() {
      return current;
    },
    refresh,
    stop() {
      timers?.();
      watcher?.();
    },
  };
}

function lookNowAndThen(look: () => Promise<void>, random: () => number): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void =>
    void (timer = setTimeout(() => void look().then(arm), jitter(COLLECT_MS, random)).unref());
  arm();
  return () => clearTimeout(timer);
}

/** A directory that is not there yet is found by the next regular look. */
function watchDirectory(path: string, look: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path, { persistent: false }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => void look(), SETTLE_MS).unref();
    });
    watcher.on("error", () => watcher?.close());
  } catch {
    watcher = undefined;
  }
  return () => {
    clearTimeout(timer);
    watcher?.close();
  };
}
