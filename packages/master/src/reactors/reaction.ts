/** One event in the hands of one reactor: tried until it is dealt with, and given up when it cannot be. */
import { asBomaError, BomaError, type SequencedEvent } from "@boma/protocol";

import type { Control } from "../control.ts";
import { causesOf, doAct, reactionId } from "./acts.ts";
import { rest } from "./pace.ts";
import { Interrupted, type ReactorProcess } from "./reactor-process.ts";
import type { Act } from "./reactor-words.ts";
import type { SiteReactor } from "./site-reactor.ts";

export interface ReactionWorld {
  readonly control: Control;
  /** One that lives. */
  readonly process: () => ReactorProcess;
  /** A reactor that sets itself off does nothing any more until somebody says so. */
  readonly stop: (reactor: string, why: string, chain: readonly string[]) => Promise<void>;
}

export type Outcome = "done" | "passed" | "failed";

const BACKOFF_MS = 500;
const BACKOFF_MS_MAX = 60_000;
/** When others end the process so often while this one waits, it counts as its own failure. */
const INTERRUPTED_MAX = 20;
const INTERRUPTED_MS = 50;
const LINE_MAX = 2000;
const CHAIN_MAX = 32;
const DID_CHARS_MAX = 12_000;

export async function react(
  world: ReactionWorld,
  reactor: SiteReactor,
  event: SequencedEvent,
  signal: AbortSignal,
): Promise<Outcome> {
  let interrupted = 0;
  for (let attempt = 1; ;) {
    const trial = new Trial(world, reactor, event);
    try {
      return await trial.run(signal);
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof Interrupted && ++interrupted < INTERRUPTED_MAX) {
        await rest(INTERRUPTED_MS, signal);
        continue;
      }
      const error = asBomaError(thrown);
      const givenUp = attempt >= reactor.attempts || isFinal(error);
      await tellFailed(world.control, { reactor, event }, { error, attempt, givenUp });
      if (givenUp) return "failed";
      await rest(Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** attempt), signal);
      attempt += 1;
    }
  }
}

/** Trying again changes nothing about these. */
const isFinal = ({ code }: BomaError): boolean => FINAL.includes(code);
const FINAL: readonly string[] = ["operator/denied", "reactor/loop", "reactor/limit"];

class Trial {
  readonly #world: ReactionWorld;
  readonly #reactor: SiteReactor;
  readonly #event: SequencedEvent;
  readonly #did: string[] = [];
  readonly #acting = new Set<Promise<unknown>>();
  #loop: BomaError | undefined;

  constructor(world: ReactionWorld, reactor: SiteReactor, event: SequencedEvent) {
    this.#world = world;
    this.#reactor = reactor;
    this.#event = event;
  }

  async run(signal: AbortSignal): Promise<Outcome> {
    const { timeoutMs, name, file, export: exported } = this.#reactor;
    const { log } = this.#world.control;
    const begun = performance.now();
    const over = new AbortController();
    const late = new BomaError("reactor/failed", `it did not come to an end within ${timeoutMs} ms`);
    const timer = setTimeout(() => over.abort(late), timeoutMs);
    const both = AbortSignal.any([signal, over.signal]);
    try {
      const { passed } = await this.#world.process().handle({
        file,
        export: exported,
        event: this.#event,
        act: (act, number) => this.#act(act, number, both),
        note: (text) => log.info({ reactor: name, event: this.#event.sequence }, text),
        signal: both,
      });
      if (this.#loop) throw this.#loop;
      if (passed) return "passed";
    } catch (thrown) {
      // A handler that catches what stops it is stopped nonetheless.
      throw this.#loop ?? thrown;
    } finally {
      clearTimeout(timer);
      over.abort(late);
      // What was asked for is under way in the master: the next attempt finds it there as it became.
      await Promise.allSettled(this.#acting);
    }
    await this.#tellFired(performance.now() - begun);
    return "done";
  }

  #act(act: Act, number: number, signal: AbortSignal): Promise<unknown> {
    const doing = this.#actUnlessLoop(act, number, signal);
    this.#acting.add(doing);
    void doing.catch(() => undefined).finally(() => this.#acting.delete(doing));
    return doing;
  }

  async #actUnlessLoop(act: Act, number: number, signal: AbortSignal): Promise<unknown> {
    const { control, stop } = this.#world;
    const { name } = this.#reactor;
    const { causes = [] } = this.#event;
    if (causes.includes(name) || causes.length >= CHAIN_MAX) {
      const chain = [...causes.slice(-CHAIN_MAX + 1), name];
      this.#loop ??= new BomaError("reactor/loop", `${name} sets itself off: ${chain.join(" → ")}`);
      await stop(name, this.#loop.message, chain);
      throw this.#loop;
    }
    const done = await doAct({ control, reactor: name, event: this.#event, signal }, act, number);
    this.#did.push(actText(act, done));
    return done;
  }

  async #tellFired(ms: number): Promise<void> {
    const { sequence, kind, node, id } = this.#event;
    const about = { reactor: this.#reactor.name, event: this.#event };
    await this.#world.control.events.told({
      kind: "reactor.fired",
      uid: reactionId(this.#world.control.store, about, "fired"),
      ...aboutNode({ node, id }),
      operator: `reactor.${this.#reactor.name}`,
      causes: causesOf(about),
      data: { reactor: about.reactor, event: sequence, kind, ms: Math.round(ms), did: shortList(this.#did) },
    });
  }
}

/** An event has room for so many characters of what was done; the audit has all of it. */
function shortList(did: readonly string[]): string[] {
  let room = DID_CHARS_MAX;
  const kept = did.filter((line) => (room -= line.length) >= 0);
  return kept.length === did.length ? kept : [...kept, `and ${did.length - kept.length} more`];
}

const aboutNode = ({ node, id }: { node?: string | undefined; id?: string | undefined }) => ({
  ...(node !== undefined && { node }),
  ...(id !== undefined && { id }),
});

function actText(act: Act, done: unknown): string {
  switch (act.do) {
    case "run":
      return `run ${act.function} on ${act.target}: job ${(done as { job: string }).job}`.slice(0, LINE_MAX);
    case "assign":
      return `assign ${Object.keys(act.grains).join(",")} on ${act.target}`.slice(0, LINE_MAX);
    case "tell":
      return `tell ${act.name}`;
  }
}

async function tellFailed(
  { events }: Control,
  about: { readonly reactor: SiteReactor; readonly event: SequencedEvent },
  { error, attempt, givenUp }: { error: BomaError; attempt: number; givenUp: boolean },
): Promise<void> {
  const { reactor, event } = about;
  // What it may not do is told with the command that allows it.
  const text = error.code === "operator/denied" ? `${error.message}. ${error.hint}` : error.message;
  await events.told({
    kind: "reactor.failed",
    ...aboutNode(event),
    causes: causesOf({ reactor: reactor.name, event }),
    data: {
      reactor: reactor.name,
      event: event.sequence,
      kind: event.kind,
      error: text.slice(0, LINE_MAX),
      attempt,
      givenUp,
    },
  });
}
