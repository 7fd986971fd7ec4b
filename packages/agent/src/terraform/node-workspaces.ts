/** The workspaces of this node: one thing at a time in each, from the job's order to what it gives back. */
import { access, constants, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BomaError, type ChunkRef, type JobOrder, type NodeEventBody, type SealingKey } from "@boma/protocol";
import {
  type ApplyResult,
  type Bound,
  changesOf,
  countsOf,
  driftOf,
  type DriftResult,
  movedFrom,
  type OutputLine,
  outputsOf,
  type PlanResult,
  readPlan,
  SENSITIVE,
  violations,
  WORKSPACE_NAME,
  type WorkspaceRunner,
} from "@boma/states/core";

import { hasCode, messageOf } from "../files.ts";
import type { Machine } from "../host/hosts.ts";
import { fitted } from "./fitted.ts";
import { type OpenedWorkspace, openWorkspace } from "./open-workspace.ts";
import { type Pulled, TerraformProgram } from "./terraform-program.ts";
import { NOTHING_FOUND, WorkspaceStore } from "./workspace-store.ts";

export interface WorkspacePorts {
  /** The agent's own directory. */
  readonly dir: string;
  readonly durable: boolean;
  readonly machine: Machine;
  readonly sealKey: () => SealingKey;
  readonly fetch: (ref: ChunkRef, signal: AbortSignal) => Promise<Uint8Array>;
  readonly now: () => number;
  readonly tell: (event: NodeEventBody) => void;
}

interface WorkspaceCall {
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
}

/** What is under way in a workspace works with this. */
interface Session {
  readonly opened: OpenedWorkspace;
  readonly store: WorkspaceStore;
  readonly program: TerraformProgram;
  readonly job: string;
  readonly call: WorkspaceCall;
  readonly tell: (event: NodeEventBody) => void;
}

const PLAN_FILE = "boma.plan";
/** An event has little room. */
const ADDRESSES_TOLD = 50;
const ADDRESS_LENGTH_MAX = 300;

export class NodeWorkspaces {
  readonly #ports: WorkspacePorts;
  /** By workspace, what is under way: an end that was given up on is still awaited. */
  readonly #busy = new Map<string, string>();
  readonly #tidied: Promise<void>;

  constructor(ports: WorkspacePorts) {
    this.#ports = ports;
    // It is done again before each use; here it is for what a killed agent left in the clear.
    this.#tidied = this.#tidy().catch(() => undefined);
  }

  /** What the functions `terraform.*` have of it; nothing for other ones. */
  runnerFor(order: JobOrder, call: WorkspaceCall): WorkspaceRunner | undefined {
    if (!order.function.startsWith("terraform.")) return undefined;
    const name = String(order.args["workspace"]);
    const within = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
      this.#within(name, order, call, work);
    const kept = <T>(work: (store: WorkspaceStore) => Promise<T>): Promise<T> =>
      this.#alone(name, order, work);
    return {
      plan: ({ destroy }) => within((session) => plan(session, destroy)),
      apply: (id, bound) => within((session) => apply(session, id, { bound, now: this.#ports.now() })),
      drift: () => within(drift),
      output: () => within(output),
      unlock: (lock) =>
        within(async ({ program, opened }) => {
          await program.init();
          return { workspace: opened.want.name, said: await program.unlock(lock) };
        }),
      restore: (backup) => within((session) => restore(session, backup, this.#ports.now())),
      discard: (id) => kept(async (store) => ({ workspace: name, plan: id, was: await store.discard(id) })),
      backups: () => kept(async (store) => ({ workspace: name, backups: await store.backups() })),
    };
  }

  #within<T>(
    name: string,
    order: JobOrder,
    call: WorkspaceCall,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    return this.#alone(name, order, async (store) => {
      const opened = await this.#open(order, name, call.signal);
      const program = new TerraformProgram({
        want: opened.want,
        store,
        program: await this.#programOf(opened, call),
        mask: opened.mask,
        job: order.job,
        ...call,
      });
      await program.layOut();
      try {
        return await work({ opened, store, program, job: order.job, call, tell: this.#ports.tell });
      } finally {
        await store.sweep();
      }
    });
  }

  async #tidy(): Promise<void> {
    for (const name of await readdir(join(this.#ports.dir, "terraform"))) {
      const store = this.#storeOf(name);
      if (!(await store.orphan())) await store.sweep();
    }
  }

  #storeOf(name: string): WorkspaceStore {
    const { dir, durable, sealKey } = this.#ports;
    return new WorkspaceStore({ dir: join(dir, "terraform", name), durable, sealKey });
  }

  /** One thing at a time, also beside a program that a killed agent left behind. */
  async #alone<T>(
    name: string,
    { job, function: what }: JobOrder,
    work: (store: WorkspaceStore) => Promise<T>,
  ) {
    if (!WORKSPACE_NAME.test(name))
      throw new BomaError("terraform/workspace", "this is not a workspace's name");
    if (this.#ports.machine.confined)
      throw new BomaError(
        "confined/refused",
        "workspaces run programs, and this agent is confined by --root",
      );
    const other = this.#busy.get(name);
    if (other !== undefined) throw new BomaError("terraform/busy", `${other} is under way in ${name}`);
    this.#busy.set(name, `${what} of job ${job}`);
    const store = this.#storeOf(name);
    try {
      await this.#tidied;
      await store.open();
      const orphan = await store.orphan();
      if (orphan)
        throw new BomaError(
          "terraform/busy",
          `${orphan.what} of job ${orphan.job} outlived the agent and still runs in ${name}, as process ${orphan.pid}`,
          { hint: "It ends by itself; its state is kept. Look again then: `boma-master terraform drift`." },
        );
      try {
        return await work(store);
      } finally {
        await store.ended();
      }
    } catch (thrown) {
      throw hasCode(thrown, "ENOSPC") ? noSpace(store.dir, thrown) : thrown;
    } finally {
      this.#busy.delete(name);
    }
  }

  async #open({ parcel }: JobOrder, name: string, signal: AbortSignal): Promise<OpenedWorkspace> {
    if (!parcel)
      throw new BomaError("state/no-catalog", "the job came without a workspace", {
        hint: "The master may be of an older release than this agent.",
      });
    return openWorkspace(await this.#ports.fetch(parcel, signal), this.#ports.sealKey(), name);
  }

  async #programOf({ want }: OpenedWorkspace, call: WorkspaceCall): Promise<string> {
    const { binary, program } = want;
    const found =
      program === undefined
        ? await this.#ports.machine.ports(call).commands.read.find(binary)
        : await executable(program);
    if (found !== undefined) return found;
    throw new BomaError("terraform/program", `there is no ${program ?? binary} on this node`, {
      hint: `Install it: \`pkg.installed("${binary}")\` in a tree of the node, from an archive that has it. Or say with \`program\` where it lies.`,
    });
  }
}

const executable = (path: string): Promise<string | undefined> =>
  access(path, constants.X_OK).then(
    () => path,
    () => undefined,
  );

const noSpace = (dir: string, cause: unknown): BomaError =>
  new BomaError("terraform/failed", `there is no room on the disk of ${dir}: ${messageOf(cause)}`, {
    cause,
    hint: "Make room and begin again. A plan that had been begun says so.",
  });

async function plan({ opened, program, store, job }: Session, destroy: boolean): Promise<PlanResult> {
  const { want, mask, files, inputs } = opened;
  const version = await program.version();
  await program.init();
  await program.validate();
  // Taken before the plan: where somebody comes in between it errs towards stale, and never the other way.
  const { serial, lineage } = await program.pull();
  const isWork = await program.plan(PLAN_FILE, destroy ? ["-destroy"] : []);
  const json = readPlan(await program.show(PLAN_FILE));
  if (json.errored) throw new BomaError("terraform/failed", "the plan has errors in it, and is of no use");
  const changes = changesOf(json);
  const broken = violations(changes, want.policy).map((one) => mask.text(one));
  const found = {
    workspace: want.name,
    counts: countsOf(changes),
    ...fitted(mask.value(changes) as typeof changes),
    outputs: outputsOf(json),
    violations: broken,
  };
  if (!isWork || broken.length > 0) return found;
  const sha256 = await store.keepPlan(job, await readFile(join(program.dir, PLAN_FILE)));
  return { ...found, bound: { sha256, serial, lineage, version, files, inputs } };
}

interface Approved {
  readonly bound: Bound;
  readonly now: number;
}

/** Up to the mark nothing was begun, and what is wrong is thrown; from there on how it went is the result. */
async function apply(session: Session, id: string, { bound, now }: Approved): Promise<ApplyResult> {
  const { opened, program, store, job, call } = session;
  await store.assertUnused(id);
  const bytes = await store.plan(id, bound.sha256);
  const { files, inputs } = opened;
  const here = { files, inputs, version: await program.version() };
  assertUnmoved(id, bound, { ...bound, ...here });
  await program.init();
  const before = await program.pull();
  assertUnmoved(id, bound, { ...here, ...before });
  const backup = before.text === "" ? undefined : await store.keepState(before.text, before.serial, now);
  await writeFile(join(program.dir, PLAN_FILE), bytes, { mode: 0o600, flag: "wx" });
  call.signal.throwIfAborted();
  await store.use(id, job);
  const code = await program.apply(PLAN_FILE);
  const applied = code === 0;
  await store.discard(id);
  const rescued = await store.rescue(now);
  const stands = await standing(program, before);
  const { serial } = stands.state;
  const { name: workspace } = opened.want;
  session.tell({ kind: "terraform.applied", data: { workspace, plan: id, applied, serial } });
  const said = applied ? "" : `it ${code === null ? "was killed" : `exited with ${code}`}\n${program.said}`;
  return {
    workspace,
    plan: id,
    applied,
    said: said.slice(-8000),
    ...(backup !== undefined && { backup }),
    ...(rescued !== undefined && { rescued }),
    ...stands,
  };
}

/** What there is now; a backend that is away just then does not make a failure of an apply. */
async function standing(
  program: TerraformProgram,
  before: Pulled,
): Promise<Pick<ApplyResult, "state" | "outputs">> {
  try {
    const { serial, lineage } = await program.pull();
    const outputs = Object.entries(await program.outputs());
    return {
      state: { serial, lineage },
      outputs: outputs.map(([name, { sensitive }]) => ({ name, sensitive })),
    };
  } catch {
    return { state: { serial: before.serial, lineage: before.lineage }, outputs: [] };
  }
}

function assertUnmoved(id: string, planned: Bound, now: Omit<Bound, "sha256">): void {
  const moved = movedFrom(planned, now);
  if (moved) throw new BomaError("terraform/moved", `the plan ${id} is stale: ${moved.text}`);
}

async function drift({ opened, program, store, tell }: Session): Promise<DriftResult> {
  const { want, mask } = opened;
  await program.version();
  await program.init();
  const drifted = await program.plan(PLAN_FILE, ["-refresh-only"]);
  const json = readPlan(await program.show(PLAN_FILE));
  const changes = driftOf(json);
  const outputs = outputsOf(json);
  const addresses = [
    ...changes.map(({ address }) => mask.text(address)),
    ...outputs.map(({ name }) => `output.${name}`),
  ];
  if (await store.isNews(drifted ? JSON.stringify(addresses) : NOTHING_FOUND))
    tell({
      kind: "terraform.drifted",
      data: {
        workspace: want.name,
        drifted,
        addresses: addresses.slice(0, ADDRESSES_TOLD).map((one) => one.slice(0, ADDRESS_LENGTH_MAX)),
        more: Math.max(0, addresses.length - ADDRESSES_TOLD),
      },
    });
  return {
    workspace: want.name,
    drifted,
    counts: countsOf(changes),
    ...fitted(mask.value(changes) as typeof changes),
    outputs,
  };
}

async function output({ opened, program }: Session) {
  await program.init();
  const outputs = Object.entries(await program.outputs()).map(([name, { sensitive, value }]) => [
    name,
    { sensitive, value: sensitive ? SENSITIVE : opened.mask.value(value) },
  ]);
  return { workspace: opened.want.name, outputs: Object.fromEntries(outputs) as never };
}

/** As a newer state of the same lineage, so that nothing has to be forced; the one that is there is kept first. */
async function restore({ opened, program, store }: Session, backup: string, now: number) {
  const text = await store.backup(backup);
  await program.init();
  const current = await program.pull();
  if (current.text !== "") await store.keepState(current.text, current.serial, now);
  const state = JSON.parse(text) as { serial: number; lineage: string };
  const serial = Math.max(state.serial, current.serial) + 1;
  await program.push(JSON.stringify({ ...state, serial }));
  return { workspace: opened.want.name, serial };
}
