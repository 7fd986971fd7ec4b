/** One beacon at work: what it sees goes through its damping, and it is begun anew when it breaks. */
import { asBomaError, type BeaconLevel, parseDuration } from "@boma/protocol";
import { type BeaconKind, BEACONS, type BeaconStatus, type Duty, isBeaconKind } from "@boma/states/core";

import { messageOf } from "../files.ts";
import { backoff } from "../wait.ts";
import type { AnyBeacon, Eyes, Sight } from "./beacon.ts";
import { Damping, Repeats } from "./damping.ts";
import type { BeaconWorld } from "./world.ts";

export interface WatchPorts {
  readonly world: BeaconWorld;
  readonly beacons: Readonly<Record<string, AnyBeacon>>;
  tell(level: BeaconLevel, sight: object): void;
  /** Said once, when it begins to be so. */
  blind(why: string): void;
  /** Its level is another one. */
  turned(): void;
}

export interface Before {
  readonly raised: boolean;
  readonly since: number;
}

const AGAIN_MS = { firstMs: 1_000, lastMs: 300_000 };
const WHY_LENGTH_MAX = 300;

export class Watch {
  readonly #id: string;
  readonly #duty: Duty;
  readonly #ports: WatchPorts;
  readonly #damping: Damping;
  readonly #repeats = new Repeats();
  readonly #waits = backoff(AGAIN_MS);
  #since: number;
  #sight: object = {};
  #problem: string | undefined;
  #complained: string | undefined;
  #end: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    id: string,
    duty: Duty,
    { before, ...ports }: WatchPorts & { readonly before: Before | undefined },
  ) {
    this.#id = id;
    this.#duty = duty;
    this.#ports = ports;
    const { hold, repeat } = duty.params;
    this.#damping = new Damping(
      { holdMs: msOf(hold) ?? 0, repeatMs: msOf(repeat) },
      { raised: before?.raised ?? false, now: ports.world.now() },
    );
    this.#since = before?.since ?? ports.world.wall();
  }

  get status(): BeaconStatus {
    return {
      beacon: this.#id,
      level: this.#damping.level,
      since: this.#since,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
  }

  start(): void {
    const { kind } = this.#duty;
    if (!isBeaconKind(kind)) return this.#blind(`this agent knows no ${kind}`);
    const read = BEACONS[kind].safeParse(this.#duty.params);
    if (!read.success) return this.#blind("this agent does not understand what is asked of it");
    this.#begin(kind, read.data);
  }

  #begin(kind: BeaconKind, params: object): void {
    try {
      const beacon = this.#ports.beacons[kind];
      if (!beacon) return this.#blind(`this agent knows no ${kind}`);
      this.#end = beacon.start(params as never, this.#eyes as never, this.#ports.world);
    } catch (thrown) {
      this.#blind(asBomaError(thrown).message);
      this.#again = setTimeout(() => this.#begin(kind, params), this.#waits.next()).unref();
    }
  }

  readonly #eyes: Eyes<BeaconKind> = {
    is: (bad, sight) => this.#is(bad, sight),
    happened: (what, sight) => {
      if (this.#stopped) return;
      const level = this.#repeats.happened(what, this.#ports.world.now());
      if (level) this.#ports.tell(level, sight);
    },
    blind: (why) => (why === undefined ? (this.#problem = undefined) : this.#blind(why)),
  };

  #is(bad: boolean, sight: Sight<BeaconKind>): void {
    if (this.#stopped) return;
    this.#sight = sight;
    this.#say(this.#damping.see(bad, this.#ports.world.now()));
  }

  #say(level: BeaconLevel | undefined): void {
    const { world } = this.#ports;
    if (level) {
      this.#since = world.wall();
      this.#ports.tell(level, this.#sight);
      this.#ports.turned();
    }
    clearTimeout(this.#timer);
    const { due } = this.#damping;
    if (due === undefined || this.#stopped) return;
    this.#timer = setTimeout(
      () => this.#say(this.#damping.look(world.now())),
      Math.max(1, due - world.now()),
    ).unref();
  }

  #blind(why: string): void {
    this.#problem = why.slice(0, WHY_LENGTH_MAX);
    if (this.#complained === this.#problem) return;
    this.#complained = this.#problem;
    this.#ports.blind(this.#problem);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#again);
    try {
      this.#end();
    } catch (thrown) {
      this.#ports.blind(messageOf(thrown));
    }
  }
}

function msOf(text: unknown): number | undefined {
  try {
    return typeof text === "string" ? parseDuration(text) : undefined;
  } catch {
    return undefined;
  }
}
