/** Runs catalogs on this machine: one at a time, with secrets in memory only, and what leaves it masked. */
import { BomaError } from "@boma/protocol";
import {
  type AnySpec,
  type Catalog,
  type Confirmation,
  maskOf,
  movedSince,
  type OutputLine,
  type Parcel,
  type PendingRefreshes,
  runCatalog,
  type RunReport,
  type StateRunner,
  type StepProgress,
  validateCatalog,
} from "@boma/states/core";

import type { DutyBook } from "../duties/duty-book.ts";
import type { Machine } from "../host/hosts.ts";
import type { Turns } from "./turn.ts";

/** What one run needs: where it comes from, and who follows it. */
export interface RunRequest {
  /** The job, or `boma-agent apply`: shown to whoever waits. */
  readonly who: string;
  readonly parcel: () => Promise<Parcel>;
  /** The states that this agent knows, with those of the site's bundle. */
  readonly states: (catalog: Catalog) => Promise<Readonly<Record<string, AnySpec>>>;
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
  readonly progress: (step: StepProgress) => void;
  /** Asked when another run waits behind this one; without it that one waits to the end. */
  readonly giveWay?: (() => void) | undefined;
  /** Told of an apply of all that the site says of the node, before it and after it. */
  readonly whole?: WholeApply | undefined;
}

export interface WholeApply {
  begin(): Promise<void>;
  end(parcel: Parcel, outcome: { readonly unfinished: boolean }): Promise<void>;
}

export interface RunWorld {
  readonly machine: Machine;
  readonly turns: Turns;
  readonly pending: PendingRefreshes;
  /** What the agent does by itself. */
  readonly duties: DutyBook;
  readonly permit: (state: string) => void;
  readonly confirm?: Confirmation | undefined;
  /** The node's `os_family`, where its grains are at hand. */
  readonly family?: () => string | undefined;
  /** Called when a run has ended and left the node. */
  readonly ended?: () => void;
}

interface Opened {
  readonly parcel: Parcel;
  readonly catalog: Catalog;
  readonly states: Readonly<Record<string, AnySpec>>;
}

/** Less than a job waits for what was told to end: its report still comes, with what was done until then. */
const GRACE_MS = 3_000;

export function stateRunner(world: RunWorld, request: RunRequest): StateRunner {
  let opening: Promise<Opened> | undefined;
  const opened = (): Promise<Opened> => (opening ??= openParcel(request));
  return {
    catalog: async () => (await opened()).catalog,
    async run(mode, { maintenance = false } = {}) {
      const { turns } = world;
      const waits = (forWhom: string): void =>
        request.line({ stream: "stderr", text: `waits for ${forWhom}` });
      const turn = await turns.take(request.who, request.signal, waits, request.giveWay);
      try {
        return await runOpened(world, { ...request, maintenance }, await opened(), mode);
      } finally {
        await turn.end();
        world.ended?.();
      }
    },
  };
}

async function openParcel({ parcel: fetch, states: statesOf }: RunRequest): Promise<Opened> {
  const parcel = await fetch();
  const states = await statesOf(parcel.catalog);
  return { parcel, states, catalog: validateCatalog(parcel.catalog, states) };
}

async function runOpened(
  world: RunWorld,
  request: RunRequest & { readonly maintenance: boolean },
  { parcel, catalog, states }: Opened,
  mode: "apply" | "plan",
): Promise<RunReport> {
  const secrets = new Map(Object.entries(parcel.secrets));
  const mask = maskOf(secrets.values());
  const line = ({ stream, text }: OutputLine): void => request.line({ stream, text: mask.text(text) });
  const ports = {
    ...world.machine.ports({ signal: request.signal, line }),
    duties: world.duties.port,
  };
  const options = {
    ports,
    states,
    secrets,
    signal: request.signal,
    graceMs: GRACE_MS,
    confined: world.machine.confined,
    family: world.family?.(),
    permit: world.permit,
    pending: parcel.partial ? onlyOf(catalog, world.pending) : world.pending,
    confirm: world.confirm,
    maintenance: request.maintenance,
  };
  const run = (as: "apply" | "plan"): Promise<RunReport> =>
    runCatalog(catalog, { ...options, mode: as, ...(as === mode && { onProgress: request.progress }) });
  const applied = async (): Promise<RunReport> => {
    if (parcel.partial) return run("apply");
    await request.whole?.begin();
    const report = await run("apply");
    await world.duties.keepOnly(new Set(catalog.entries.map(({ id }) => id)));
    await request.whole?.end(parcel, { unfinished: request.signal.aborted });
    return report;
  };
  if (!parcel.plan) return mode === "plan" ? run("plan") : applied();
  const now = await run("plan");
  assertUnmoved(parcel.plan, now);
  return mode === "plan" ? now : applied();
}

/** The engine drops what is owed to declarations that are gone; those of another catalog are not gone. */
function onlyOf({ entries }: Catalog, pending: PendingRefreshes): PendingRefreshes {
  const mine = new Set(entries.map(({ id }) => id));
  return { ...pending, list: async () => (await pending.list()).filter((id) => mine.has(id)) };
}

function assertUnmoved(plan: NonNullable<Parcel["plan"]>, now: RunReport): void {
  if (now.plan === plan.hash) return;
  const moved = movedSince(plan.digests, now);
  const shown = moved.slice(0, 10).join(", ") + (moved.length > 10 ? ` and ${moved.length - 10} more` : "");
  throw new BomaError("state/moved", `this node is not as it was when the plan was made: ${shown}`);
}
