/** A node that keeps a catalog below a directory of its own, without a master: for the tests of drift. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { NodeEventBody } from "@boma/protocol";
import { compileCatalog, type Declaration, type Stage } from "@boma/states";

import { MasterTime } from "../clock.ts";
import { DutyBook } from "../duties/duty-book.ts";
import { confinedHost } from "../host/hosts.ts";
import { Identity } from "../identity.ts";
import { silentLog } from "../log.ts";
import { openPolicy, type Policy } from "../policy.ts";
import { NodeStates } from "../states/node-states.ts";
import { temporaryDirectory } from "../testing/support.ts";
import { makeDrift } from "./assemble.ts";
import { CatalogCache } from "./catalog-cache.ts";
import { DriftBook } from "./drift-book.ts";
import type { Drift } from "./drift.ts";
import { type LookRequest, Looks } from "./look.ts";
import { settingsIn } from "./settings.ts";

const never = new AbortController().signal;

interface World {
  readonly agentDir: string;
  readonly root: string;
  readonly identity: Identity;
  readonly time: MasterTime;
  readonly tell: (event: NodeEventBody) => void;
}

interface Start {
  readonly policy?: Policy;
  /** Who holds or awaits the node, in the place of those who do. */
  readonly holders?: readonly string[];
}
type Started = Awaited<ReturnType<typeof startOn>>;

/** What a start of the agent opens. */
async function startOn(
  { agentDir, root, identity, time, tell }: World,
  { policy = openPolicy, holders }: Start = {},
) {
  const cache = new CatalogCache(join(agentDir, "drift/catalog"), {
    durable: false,
    keys: () => identity.keys,
  });
  const book = await DriftBook.open(join(agentDir, "drift/book.json"), { durable: false });
  const duties = await DutyBook.open(join(agentDir, "duties.json"), { durable: false });
  const machine = confinedHost(root);
  const noBus = (): Promise<never> => Promise.reject(new Error("no bus"));
  const states = new NodeStates({
    dir: agentDir,
    durable: false,
    machine,
    duties,
    sealKey: () => identity.keys.seal,
    fetch: noBus,
    bundle: noBus,
    permit: (state) => policy.check(state, "write"),
    family: () => "debian",
    cache,
    notKept: (thrown) => {
      throw thrown;
    },
    now: () => time.now(),
  });
  if (holders) Object.defineProperty(states, "holders", { value: holders });
  // The first look of the schedule is far off.
  const held = async (): Promise<ReadonlySet<Stage>> => new Set();
  const shared = { cache, book, states, duties, tell, time, log: silentLog, random: () => 1, held };
  const looks = new Looks({
    ...shared,
    settings: () => settingsIn(duties),
    witnesses: (signal) => ({
      root,
      laterMs: 0,
      commands: machine.ports({ signal, line: () => undefined }).commands.read,
    }),
    mayEnforce: () => policy.check("drift.enforce", "write"),
  });
  const drift = (): Drift => makeDrift({ ...shared, machine, policy, journal: { corrupt: false } });
  return { cache, book, duties, states, looks, drift };
}

/** An apply of all that the site says. */
async function applyOn({ cache, states }: Started, now: number, declarations: readonly Declaration[]) {
  const parcel = { catalog: compileCatalog(declarations).catalog, partial: false, secrets: {} };
  await cache.keep(parcel, { job: "JOB", operator: "alice", at: now }, { unfinished: false });
  const call = { who: "a job", signal: never, line: () => undefined, progress: () => undefined };
  return states.runnerOfKept((await cache.load())!, call).run("apply");
}

export async function driftNode() {
  const dir = await temporaryDirectory();
  const [agentDir, root] = [join(dir.path, "agent"), join(dir.path, "root")];
  const identity = await Identity.open(agentDir, { proposed: "web01", durable: false });
  const told: NodeEventBody[] = [];
  const clock = { now: Date.now() };
  const time = new MasterTime({ wall: () => clock.now, steady: () => clock.now });
  const world: World = { agentDir, root, identity, time, tell: (event) => void told.push(event) };
  const at = (name: string): string => join(root, name);
  await mkdir(at("etc"), { recursive: true });
  return {
    start: (change?: Start) => startOn(world, change),
    root,
    clock,
    told,
    path: (name: string): string => join(agentDir, name),
    /** What was told since the last call, by kind and declaration. */
    heard: (): string[] =>
      told.splice(0).map(({ kind, data }) => ("resource" in data ? `${kind} ${data.resource}` : kind)),
    async write(name: string, text: string) {
      await mkdir(dirname(at(name)), { recursive: true });
      await writeFile(at(name), text);
    },
    read: (name: string): Promise<string> => readFile(at(name), "utf8"),
    remove: (name: string): Promise<void> => rm(at(name)),
    apply: (started: Started, declarations: readonly Declaration[]) =>
      applyOn(started, clock.now, declarations),
    async look({ looks }: Started, request: Partial<LookRequest> = {}) {
      clock.now += 1000;
      return looks.look({ trigger: "schedule", enforce: true, signal: never, ...request });
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}
