/** The schedules of a node over a clock that the test sets, a file on the disk, and functions of the test's own. */
import { join } from "node:path";

import type { NodeEventBody } from "@boma/protocol";
import { type AnyFunction, defineFunction, Schedule } from "@boma/states";
import { onTestFinished, vi } from "vitest";
import { z } from "zod";

import { silentLog } from "../log.ts";
import { openPolicy, type Policy } from "../policy.ts";
import type { CachedRuns } from "../schedules/cached-runs.ts";
import { ScheduleFile } from "../schedules/schedule-file.ts";
import { NodeSchedules } from "../schedules/schedules.ts";
import { temporaryDirectory } from "./support.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const START = Date.parse("2026-11-20T10:10:00Z");

interface Begun {
  readonly end: (thrown?: Error) => void;
}

export class ScheduleBench {
  now = START;
  uptimeMs = 60 * HOUR_MS;
  bootId = "boot-1";
  policy: Policy = openPolicy;
  corrupt = false;
  cached: CachedRuns | undefined;
  readonly begun: Begun[] = [];
  readonly told: NodeEventBody[] = [];
  readonly duties = new Map<string, { params: Record<string, unknown> }>();
  path = "";
  #wake: (() => void) | undefined;
  wakesIn: number | undefined;
  node!: NodeSchedules;

  async start(): Promise<NodeSchedules> {
    this.node = new NodeSchedules({
      id: () => "web01",
      duties: { of: () => this.duties, listen: () => () => undefined },
      file: new ScheduleFile(this.path, { durable: false }),
      clock: this.#clock(),
      functions: this.#functions(),
      policy: () => this.policy,
      corrupt: () => this.corrupt,
      host: () => ({}) as never,
      cached: this.cached,
      tell: (event) => void this.told.push(event),
      log: silentLog,
      wake: (ms, call) => {
        [this.wakesIn, this.#wake] = [ms, call];
        return () => undefined;
      },
    });
    await this.node.start();
    return this.node;
  }

  #clock() {
    const now = () => this.now;
    const uptimeMs = () => this.uptimeMs;
    const { bootId } = this;
    return { now, uptimeMs, bootId };
  }

  #functions(): Record<string, AnyFunction> {
    const wait = (name: "test.ping" | "test.sleep", onRestart: "fail" | "resume"): AnyFunction =>
      defineFunction({
        name,
        summary: "",
        params: z.object({}),
        result: z.unknown(),
        effect: "write",
        onRestart,
        examples: [],
        run: (_, { signal }) =>
          new Promise((resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
            this.begun.push({ end: (thrown) => (thrown ? reject(thrown) : resolve({ exitCode: 0 })) });
          }),
      });
    const apply = defineFunction({
      name: "state.apply",
      summary: "",
      params: z.object({}),
      result: z.unknown(),
      effect: "write",
      onRestart: "resume",
      bringsCatalog: true,
      examples: [],
      run: (_, { states }) => states!.run("apply"),
      outcome: () => "changed",
    });
    return {
      "test.ping": wait("test.ping", "fail"),
      "test.sleep": wait("test.sleep", "resume"),
      "state.apply": apply,
    };
  }

  declare(name: string, says: Partial<z.input<typeof Schedule>>): void {
    const params = Schedule.parse({ name, function: "test.ping", ...says });
    this.duties.set(`schedule.job(${name})`, { params });
  }

  /** The clocks go on, and the timer that is due by then rings. */
  pass(ms: number): void {
    this.now += ms;
    this.uptimeMs += ms;
    this.#wake?.();
  }

  async ends(index: number, thrown?: Error): Promise<void> {
    const told = this.told.length;
    await vi.waitUntil(() => this.begun.length > index);
    this.begun[index]!.end(thrown);
    await vi.waitUntil(() => this.told.length > told);
  }

  /** What was told of one kind, without what no test asks for. */
  of(kind: "schedule.ran" | "schedule.missed"): Record<string, unknown>[] {
    return this.told.filter((one) => one.kind === kind).map(({ data }) => data as Record<string, unknown>);
  }

  /** What a process that dies leaves: all that was written is on the disk. */
  async died(): Promise<void> {
    await this.node.stop();
  }

  /** A run is begun before its function is: it is written down in between. */
  get isIdle(): boolean {
    return this.node.list().every(({ running }) => !running);
  }

  /** The next full hour. */
  hour(): void {
    this.pass(50 * MINUTE_MS + 1000);
  }
}

export async function scheduleBench(): Promise<ScheduleBench> {
  const dir = await temporaryDirectory();
  const bench = new ScheduleBench();
  bench.path = join(dir.path, "schedules.json");
  onTestFinished(async () => {
    await bench.node.stop();
    await dir[Symbol.asyncDispose]();
  });
  return bench;
}
