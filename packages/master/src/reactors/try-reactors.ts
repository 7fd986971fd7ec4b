/** A dry run: recorded events for the reactors of a file, on this machine. What they ask for is printed, and not done. */
import { existsSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";

import {
  asBomaError,
  BomaError,
  escapeLine,
  ExitCode,
  parseDuration,
  parseTarget,
  selectNodes,
  type SequencedEvent,
  type TargetNode,
} from "@boma/protocol";
import { checkArguments } from "@boma/states/core";

import { authorise, type OperatorRecord, type Rights } from "../api/rights.ts";
import type { Client } from "../client/client.ts";
import { Follower } from "../client/follower.ts";
import { nodegroupsOf } from "../nodegroups.ts";
import { type Output, style } from "../print/output.ts";
import { requireFunction } from "../require-function.ts";
import { reactionId } from "./acts.ts";
import { withReactors } from "./reactor-faults.ts";
import type { ReactorProcess } from "./reactor-process.ts";
import { roleName } from "./reactor-role.ts";
import type { Act } from "./reactor-words.ts";
import { isFor, type SiteReactor } from "./site-reactor.ts";

/** What is tried comes to no job, so its id may be anybody's. */
const NO_STORE = { key: new Uint8Array(32) };

export interface Trying {
  readonly file: string;
  readonly since: string;
  readonly sequence?: number;
}

/** One thing that a reactor would do. */
interface Would {
  readonly text: string;
  readonly nodes: readonly string[];
  /** Why its role does not allow it, where it does not. */
  readonly denied?: string;
}
interface Tried {
  readonly reactor: string;
  readonly event: number;
  readonly kind: string;
  readonly id?: string | undefined;
  readonly would: Would[];
  readonly error?: string;
}

/** The fleet as it is now, and the rights of roles. */
interface Fleet {
  readonly byKey: ReadonlyMap<string, TargetNode>;
  readonly nodegroups: ReturnType<ReturnType<typeof nodegroupsOf>>;
  readonly rights: ReadonlyMap<string, Rights>;
}

export async function tryReactors(client: Client, output: Output, trying: Trying): Promise<ExitCode> {
  const path = resolve(trying.file);
  if (!existsSync(path)) throw new BomaError("usage/file", `there is no file ${path}`);
  const above = dirname(path);
  const site = basename(above) === "reactors" ? dirname(above) : above;
  return withReactors(site, [relative(site, path)], async ({ reactors, errors }, process) => {
    if (errors[0]) throw errors[0];
    const fleet = await fleetOf(client, site);
    const tried: Tried[] = [];
    let looked = 0;
    for await (const event of recorded(client, reactors, trying)) {
      looked += 1;
      for (const reactor of reactors)
        if (
          isFor(
            reactor,
            event,
            (key) => fleet.byKey.get(key),
            () => fleet.nodegroups,
          )
        ) {
          const one = await tryOne(process(), reactor, event, fleet);
          if (one) tried.push(one);
        }
    }
    return show(output, { file: trying.file, looked, tried });
  });
}

async function* recorded(
  client: Client,
  reactors: readonly SiteReactor[],
  { since, sequence }: Trying,
): AsyncGenerator<SequencedEvent> {
  const patterns = [...new Set(reactors.flatMap(({ kinds }) => kinds))];
  const start =
    sequence === undefined ? { since: Date.now() - parseDuration(since) } : { after: sequence - 1 };
  const follower = new Follower(client, { patterns, start, signal: new AbortController().signal });
  for (let until: number | undefined; ;) {
    const { events, position, last } = await follower.next({ wait: false });
    if (sequence !== undefined) {
      const [event] = events;
      if (event?.sequence === sequence) return yield event;
      throw new BomaError("usage/argument", `${sequence} is no event of the kind ${patterns.join(", ")}`);
    }
    yield* events;
    until ??= last;
    if (position >= until || events.length === 0) return;
  }
}

interface Listed {
  readonly id: string;
  readonly key: string;
  readonly assurance: string;
}
interface Grained {
  readonly id: string;
  readonly assigned: TargetNode["assigned"];
  readonly claimed?: TargetNode["grains"];
}

async function fleetOf(client: Client, site: string): Promise<Fleet> {
  const listed = await client.ask<Listed[]>("nodes.list", { revoked: false });
  const grains = listed.length === 0 ? [] : await client.ask<Grained[]>("nodes.grains", { target: "*" });
  const roles = await client.ask<Pick<OperatorRecord, "name" | "rights">[]>("operator.list");
  const byId = new Map(grains.map((one) => [one.id, one]));
  const nodes = listed.map(({ id, key, assurance }): [string, TargetNode] => {
    const { assigned, claimed } = byId.get(id) ?? { assigned: {} };
    return [key, { id, assigned: { ...assigned, assurance }, ...(claimed && { grains: claimed }) }];
  });
  return {
    byKey: new Map(nodes),
    nodegroups: nodegroupsOf(site)(),
    rights: new Map(roles.map(({ name, rights }) => [name, rights])),
  };
}

/** Nothing, where its `where` does not want the event. */
async function tryOne(
  process: ReactorProcess,
  reactor: SiteReactor,
  event: SequencedEvent,
  fleet: Fleet,
): Promise<Tried | undefined> {
  const { name, file, export: exported, timeoutMs } = reactor;
  const would: Would[] = [];
  const about = { reactor: name, event: event.sequence, kind: event.kind, id: event.id, would };
  try {
    const { passed } = await process.handle({
      file,
      export: exported,
      event,
      act: async (act, number) => {
        if (event.causes?.includes(name))
          throw new BomaError(
            "reactor/loop",
            `${name} would set itself off: ${[...event.causes, name].join(" → ")}`,
          );
        const { nodes, text, denied } = judge(act, name, fleet);
        would.push({ text, nodes, ...(denied !== undefined && { denied }) });
        return pretended(act, nodes, reactionId(NO_STORE, { reactor: name, event }, number));
      },
      note: (text) => would.push({ text: `log ${text}`, nodes: [] }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return passed ? undefined : about;
  } catch (thrown) {
    return { ...about, error: asBomaError(thrown).message };
  }
}

/** What it comes to, and what the master's own function says of the role. Faults are those that it would meet. */
function judge(act: Act, reactor: string, fleet: Fleet): Would {
  if (act.do === "tell") return { text: `tell ${act.name} ${JSON.stringify(act.value)}`, nodes: [] };
  const known = [...fleet.byKey.values()];
  const one = fleet.byKey.get(act.target);
  const ids = one ? [one.id] : selectNodes(parseTarget(act.target), known, fleet.nodegroups).matched;
  if (ids.length === 0)
    throw new BomaError("target/no-match", `no node matches ${JSON.stringify(act.target)}`);
  const nodes = known.filter(({ id }) => ids.includes(id));
  if (act.do === "run") checkArguments(requireFunction(act.function), act.args);
  const text =
    act.do === "run"
      ? `run ${act.function} ${JSON.stringify(act.args)}`
      : `assign ${JSON.stringify(act.grains)}`;
  const needed =
    act.do === "run"
      ? ({ right: "run", function: act.function, nodes } as const)
      : ({ right: "assign", grains: Object.keys(act.grains), nodes } as const);
  const rights = fleet.rights.get(roleName(reactor)) ?? NOTHING;
  try {
    authorise({ name: roleName(reactor), rights }, needed);
    return { text, nodes: ids };
  } catch (thrown) {
    return { text, nodes: ids, denied: asBomaError(thrown).message };
  }
}
const NOTHING: Rights = { admin: false, read: false, run: [], events: [], audit: false };

/** As if all had gone well, so that what comes behind it is seen too. */
function pretended(act: Act, nodes: readonly string[], job: string): unknown {
  if (act.do === "tell") return null;
  if (act.do === "assign") return nodes;
  return { job, ok: true, nodes: Object.fromEntries(nodes.map((id) => [id, { status: "ok" }])) };
}

function show(
  output: Output,
  { file, looked, tried }: { file: string; looked: number; tried: readonly Tried[] },
): ExitCode {
  const ok = tried.every(({ error }) => error === undefined);
  output.document({ ok, file, events: looked, tried });
  for (const { reactor, event, kind, id, would, error } of tried) {
    output.line(`${style("dim", String(event))} ${kind} ${escapeLine(id ?? "")} → ${style("bold", reactor)}`);
    for (const { text, nodes, denied } of would) {
      const on =
        nodes.length === 0 ? "" : ` on ${nodes.slice(0, 10).join(", ")}${nodes.length > 10 ? " …" : ""}`;
      output.line(`  would ${escapeLine(text)}${on}`);
      if (denied !== undefined) output.line(`    ${style("red", "denied")}: ${escapeLine(denied)}`);
    }
    if (would.length === 0 && error === undefined) output.line("  would do nothing");
    if (error !== undefined) output.line(`  ${style("red", "fails")}: ${escapeLine(error)}`);
  }
  output.line(
    `${looked} event${looked === 1 ? "" : "s"} of these kinds, ${tried.length} for its reactors; nothing was done`,
  );
  return ok ? ExitCode.ok : ExitCode.failed;
}
