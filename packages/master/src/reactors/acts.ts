/** What a reactor asks for, done through the one way in that operators have: same rights, same audit. */
import {
  asBomaError,
  BomaError,
  NodeKey,
  parseDuration,
  type SequencedEvent,
  type Verb,
} from "@boma/protocol";

import { type Answer, perform, type Reaction } from "../api/perform.ts";
import type { Control } from "../control.ts";
import { expectedJob } from "../jobs/expected-job.ts";
import type { Store } from "../store/store.ts";
import { roleOf, fileName } from "./reactor-role.ts";
import { type Act, assertShort, type Ran } from "./reactor-words.ts";

const ERROR_CHARS_MAX = 500;
const GOOD: readonly string[] = ["ok", "changed"];

export interface Acting {
  readonly control: Control;
  readonly reactor: string;
  readonly event: SequencedEvent;
  readonly signal: AbortSignal;
}

/** Who is responsible for what comes of this: the reactors before it, and it. */
export const causesOf = ({ reactor, event }: Pick<Acting, "reactor" | "event">): string[] => [
  ...(event.causes ?? []),
  reactor,
];

/** The same whenever the reactor is given this event again, after a crash too: so it comes to one job, one event. */
export const reactionId = (
  store: Pick<Store, "key">,
  { reactor, event }: { readonly reactor: string; readonly event: Pick<SequencedEvent, "uid" | "at"> },
  what: number | string,
): string => expectedJob(store, event.at, ["boma/reaction", reactor, event.uid, what]);

export async function doAct(acting: Acting, act: Act, number: number): Promise<unknown> {
  const reaction = { causes: causesOf(acting), job: reactionId(acting.control.store, acting, number) };
  switch (act.do) {
    case "run":
      return run(acting, act, reaction);
    case "assign":
      return assign(acting, act, reaction);
    case "tell": {
      assertShort(act);
      await ask(acting, { verb: "reactor.tell", args: { name: act.name, value: act.value } }, reaction);
      return null;
    }
  }
}

/** An event names its node by the key, a target by the id. */
function targetOf({ control }: Acting, target: string): string {
  if (!NodeKey.safeParse(target).success) return target;
  const node = control.registry.nodes.get(target);
  if (node?.status === "approved") return `L@${node.id}`;
  throw new BomaError("node/unknown", `${node?.id ?? target} is not a node any more`);
}

async function run(acting: Acting, act: Act & { do: "run" }, reaction: Reaction): Promise<Ran> {
  const { wait, test, timeout, expire } = act.options;
  const answer = await ask(
    acting,
    {
      verb: "job.start",
      args: {
        target: targetOf(acting, act.target),
        function: act.function,
        args: act.args,
        test,
        allowEmpty: false,
        watch: wait,
        ...(timeout !== undefined && { timeoutMs: parseDuration(timeout) }),
        ...(expire !== undefined && { waitMs: parseDuration(expire) }),
      },
    },
    reaction,
  );
  const nodes: Ran["nodes"] = {};
  if ("items" in answer)
    for (let step = answer.first; !step.done; step = await answer.items.next()) {
      const item = step.value as {
        type: string;
        id: string;
        status: string;
        error?: { code: string; message: string };
      };
      if (!wait || item.type !== "ending") continue;
      const error = item.error && `${item.error.code}: ${item.error.message}`.slice(0, ERROR_CHARS_MAX);
      nodes[item.id] = { status: item.status, ...(error !== undefined && { error }) };
    }
  const ok = Object.values(nodes).every(({ status }) => GOOD.includes(status));
  return { job: reaction.job, ok, nodes };
}

async function assign(acting: Acting, { target, grains }: Act & { do: "assign" }, reaction: Reaction) {
  const entries = Object.entries(grains);
  const args = {
    target: targetOf(acting, target),
    set: Object.fromEntries(entries.filter(([, value]) => value !== null)),
    remove: entries.filter(([, value]) => value === null).map(([name]) => name),
  };
  const answer = await ask(acting, { verb: "nodes.assign", args }, reaction);
  return "result" in answer ? (answer.result as { id: string }[]).map(({ id }) => id) : [];
}

async function ask(
  { control, reactor, signal }: Acting,
  asked: { readonly verb: Verb; readonly args: Readonly<Record<string, unknown>> },
  reaction: Reaction,
): Promise<Answer> {
  const operator = roleOf(control.operators, reactor);
  try {
    return await perform(control, { ...asked, operator, from: `reactor ${reactor}`, reaction, signal });
  } catch (thrown) {
    const { code, message } = asBomaError(thrown);
    if (code !== "operator/denied") throw thrown;
    throw new BomaError(code, message, { hint: `Allow it: ${allowCommand(reactor, asked)}` });
  }
}

function allowCommand(
  reactor: string,
  { verb, args }: { readonly verb: Verb; readonly args: Readonly<Record<string, unknown>> },
): string {
  const right =
    verb === "job.start"
      ? `--run '${String(args["function"])}@TARGET'`
      : `--assign '${Object.keys(args["set"] ?? {}).join(",") || "GRAIN"}@TARGET'`;
  return `boma-master reactor allow ${fileName(reactor)} ${right}`;
}
