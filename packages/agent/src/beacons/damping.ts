/**
 * When something is told. It must be so for a while before it is raised and for as long not be so before it is cleared;
 * what changes again and again is told once as flapping, and then nothing until it is settled. Pure: time comes in.
 */
import type { Level } from "./beacon.ts";

/** More changes than these within the time are flapping; so long without one it is settled. */
const CHANGES_MAX = 6;
const FLAPPING_MS = 10 * 60_000;

export interface DampingTimes {
  readonly holdMs: number;
  readonly repeatMs?: number | undefined;
}

/** Of something that lasts. */
export class Damping {
  readonly #times: DampingTimes;
  #bad: boolean;
  /** As it was last told. */
  #raised: boolean;
  #differsSince: number | undefined;
  #toldAt: number;
  #changes: number[] = [];
  #flapping = false;

  constructor(times: DampingTimes, { raised, now }: { readonly raised: boolean; readonly now: number }) {
    this.#times = times;
    this.#bad = raised;
    this.#raised = raised;
    this.#toldAt = now;
  }

  get level(): "raised" | "clear" | "flapping" {
    return this.#flapping ? "flapping" : this.#raised ? "raised" : "clear";
  }

  /** What is to be told now that it is so. */
  see(bad: boolean, now: number): Level | undefined {
    this.#bad = bad;
    return this.look(now);
  }

  /** The same as time goes by. */
  look(now: number): Level | undefined {
    if (this.#bad === this.#raised) this.#differsSince = undefined;
    else {
      this.#differsSince ??= now;
      if (now - this.#differsSince >= this.#times.holdMs) return this.#change(now);
    }
    if (this.#flapping) return this.#settled(now);
    const { repeatMs } = this.#times;
    if (!this.#raised || repeatMs === undefined || now - this.#toldAt < repeatMs) return undefined;
    return this.#tell("raised", now);
  }

  #change(now: number): Level | undefined {
    this.#raised = this.#bad;
    this.#differsSince = undefined;
    this.#changes = [...this.#changes.filter((at) => now - at < FLAPPING_MS), now];
    if (this.#flapping) return undefined;
    if (this.#changes.length <= CHANGES_MAX) return this.#tell(this.#raised ? "raised" : "cleared", now);
    this.#flapping = true;
    return this.#tell("flapping", now);
  }

  #settled(now: number): Level | undefined {
    if (now - this.#changes.at(-1)! < FLAPPING_MS) return undefined;
    this.#flapping = false;
    this.#changes = [];
    return this.#tell(this.#raised ? "raised" : "cleared", now);
  }

  #tell(level: Level, now: number): Level {
    this.#toldAt = now;
    return level;
  }

  /** When to look again although nothing was seen. */
  get due(): number | undefined {
    const { holdMs, repeatMs } = this.#times;
    const dues = [
      this.#differsSince === undefined ? undefined : this.#differsSince + holdMs,
      this.#flapping ? this.#changes.at(-1)! + FLAPPING_MS : undefined,
      this.#raised && !this.#flapping && repeatMs !== undefined ? this.#toldAt + repeatMs : undefined,
    ].filter((due) => due !== undefined);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }
}

/** Things of one beacon that are remembered; the one that was quiet for longest is forgotten. */
const THINGS_MAX = 256;

/** Of what happens: the same thing again and again is told as flapping, once. */
export class Repeats {
  readonly #things = new Map<string, { times: number[]; flapping: boolean }>();

  happened(what: string, now: number): Level | undefined {
    const thing = this.#things.get(what) ?? { times: [], flapping: false };
    this.#things.delete(what);
    this.#things.set(what, thing);
    if (this.#things.size > THINGS_MAX) this.#things.delete(this.#things.keys().next().value!);
    const last = thing.times.at(-1);
    if (thing.flapping && last !== undefined && now - last < FLAPPING_MS) {
      thing.times = [now];
      return undefined;
    }
    thing.flapping = false;
    thing.times = [...thing.times.filter((at) => now - at < FLAPPING_MS), now];
    if (thing.times.length <= CHANGES_MAX) return "happened";
    thing.flapping = true;
    return "flapping";
  }
}

/** How much one agent may say of what it sees, whatever its beacons are. */
const TOLD_MAX = 120;
const REFILL_MS = 1_000;

/** A bucket of words: it holds some, and gets one more every second. */
export class Allowance {
  #left = TOLD_MAX;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  take(now: number): boolean {
    this.#left = Math.min(TOLD_MAX, this.#left + Math.max(0, now - this.#at) / REFILL_MS);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
