/**
 * Through one failure domain, one node after another, who leads last. Before each
 * node all that are left are asked again; what goes wrong stops this domain.
 */
import { asReport } from "@boma/states/core";

import type { Absent, Turn } from "./survey.ts";

export interface TurnEnd {
  readonly node: string;
  readonly role: string;
  readonly status: string;
  readonly job?: string | undefined;
  readonly ms: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

export interface DomainEnd {
  readonly domain: string;
  /** `shut`: what is left waits for a window. */
  readonly state: "done" | "stopped" | "shut";
  readonly why: string | undefined;
  readonly turns: readonly TurnEnd[];
  /** Nodes whose turn did not come. */
  readonly left: readonly string[];
}

export interface Rolling {
  /** What these nodes owe in the domain now. */
  ask(nodes: readonly string[]): Promise<{ turns: readonly Turn[]; absent: readonly Absent[] }>;
  /** One node's turn, to its end. Never throws. */
  run(turn: Turn): Promise<TurnEnd>;
  told(end: TurnEnd): void;
  /** Resolves after a while; `false` when this domain was waited for long enough. */
  patience(): () => Promise<boolean>;
  /** Restarts are done outside of windows too, and also where they are an outage. */
  readonly now: boolean;
  readonly unsafe: boolean;
}

/** More are not asked at once; those who are known to lead come into question last anyway. */
const ASKED_MAX = 50;

export async function goThroughDomain(
  domain: string,
  nodes: readonly string[],
  rolling: Rolling,
): Promise<DomainEnd> {
  const course = new Course(domain, nodes);
  let waits = rolling.patience();
  for (;;) {
    const asked = course.toAsk();
    if (asked.length === 0) return course.over();
    const { turns, absent } = await rolling.ask(asked);
    if (absent[0]) return course.stopped(`${absent[0].id} does not say what it owes: ${absent[0].why}`);
    const open = course.take(asked, turns, rolling.now);
    if (open.length === 0) continue;
    const next = nextOf(open, rolling.unsafe);
    if ("why" in next) {
      if (await waits()) continue;
      return course.stopped(next.why);
    }
    const end = await rolling.run(next);
    // It changed its mind between the question and the deed: it is asked again.
    if (end.error?.code === "maintenance/unsafe" && (await waits())) continue;
    course.ended(end);
    rolling.told(end);
    if (end.status !== "ok" && end.status !== "changed") return course.stopped(`${end.node}: ${whyOf(end)}`);
    waits = rolling.patience();
  }
}

/** Where the job itself has nothing to say, the declaration that went wrong; how, stands in the turn. */
function whyOf({ error, value, status }: TurnEnd): string {
  const wrong = asReport(value)?.results.find((one) => one.error);
  return error?.message ?? (wrong ? `${wrong.id} ${wrong.result}` : status);
}

/** Which nodes are done with, and which are still to come. */
class Course {
  readonly #domain: string;
  readonly #nodes: readonly string[];
  readonly #done = new Set<string>();
  readonly #turns: TurnEnd[] = [];
  readonly #shut = new Map<string, Turn>();
  readonly #ranks = new Map<string, number>();

  constructor(domain: string, nodes: readonly string[]) {
    this.#domain = domain;
    this.#nodes = nodes;
  }

  /** Those who were seen to lead come last. */
  toAsk(): readonly string[] {
    const rank = (node: string): number => this.#ranks.get(node) ?? FOLLOWS;
    return this.#nodes
      .filter((node) => !this.#done.has(node) && !this.#shut.has(node))
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, ASKED_MAX);
  }

  /** What of their answers may be done now. Who owes nothing any more was done by somebody else. */
  take(asked: readonly string[], turns: readonly Turn[], now: boolean): readonly Turn[] {
    const owing = new Map(turns.map((turn) => [turn.node, turn]));
    for (const node of asked) {
      const turn = owing.get(node);
      if (!turn) this.#done.add(node);
      else if (!now && !turn.window.open) this.#shut.set(node, turn);
      else this.#ranks.set(node, rankOf(turn));
    }
    return turns.filter(({ node }) => asked.includes(node) && !this.#shut.has(node));
  }

  ended(end: TurnEnd): void {
    this.#turns.push(end);
    this.#done.add(end.node);
  }

  over(): DomainEnd {
    const [shut] = this.#shut.values();
    return shut ? this.#end("shut", shutWhy(shut)) : this.#end("done", undefined);
  }

  stopped(why: string): DomainEnd {
    return this.#end("stopped", why);
  }

  #end(state: DomainEnd["state"], why: string | undefined): DomainEnd {
    const left = this.#nodes.filter((node) => !this.#done.has(node));
    return { domain: this.#domain, state, why, turns: this.#turns, left };
  }
}

/** Clients, then those who follow, then who leads: nobody's turn comes before it is over for those below. */
function nextOf(open: readonly Turn[], unsafe: boolean): Turn | { readonly why: string } {
  const least = Math.min(...open.map(rankOf));
  const first = open.filter((turn) => rankOf(turn) === least).sort((a, b) => (a.node < b.node ? -1 : 1));
  const ready = first.find((turn) => unsafe || turn.unsafe === undefined);
  if (ready) return ready;
  const [waiting] = first;
  return { why: `${waiting!.node} is not safe to restart: ${waiting!.unsafe}` };
}

/** The nodes in the order in which their turns come, as they say it now. */
export const inOrder = (turns: readonly Turn[]): readonly string[] =>
  turns.toSorted((a, b) => rankOf(a) - rankOf(b) || (a.node < b.node ? -1 : 1)).map(({ node }) => node);

const FOLLOWS = 1;

const rankOf = ({ role, leads }: Pick<Turn, "role" | "leads">): number =>
  leads ? 2 : role === "client" ? 0 : FOLLOWS;

function shutWhy({ node, window: { window, at } }: Turn): string {
  return at === null
    ? `${node} has no window to come`
    : `the window ${window} of ${node} opens at ${new Date(at).toISOString()}`;
}
