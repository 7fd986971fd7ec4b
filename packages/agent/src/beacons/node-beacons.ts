/** The beacons of this node, as its duties say: one that is asked for begins, one that is not ends, the others go on. */
import { EVENTS, type NodeEventBody } from "@boma/protocol";
import { type BeaconsPort, type BeaconStatus, type Duty, isBeaconKind, isSame } from "@boma/states/core";

import type { Log } from "../log.ts";
import type { AnyBeacon } from "./beacon.ts";
import { Allowance } from "./damping.ts";
import { beacons as allBeacons } from "./kinds/index.ts";
import type { LevelFile, Levels } from "./level-file.ts";
import { Watch } from "./watch.ts";
import type { BeaconWorld } from "./world.ts";

export interface NodeBeaconsPorts {
  readonly duties: {
    of(prefix: string): ReadonlyMap<string, Duty>;
    listen(listener: () => void): () => void;
  };
  readonly world: BeaconWorld;
  readonly levels: LevelFile;
  readonly tell: (event: NodeEventBody) => void;
  readonly log: Log;
  /** Tests bring their own. */
  readonly beacons?: Readonly<Record<string, AnyBeacon>>;
}

/** A site that asks for more watches something else than a machine. */
const BEACONS_MAX = 500;
const ID_LENGTH_MAX = 255;
const UNTOLD_LOG_MS = 60_000;

export class NodeBeacons implements BeaconsPort {
  readonly #ports: NodeBeaconsPorts;
  readonly #watches = new Map<string, { readonly duty: Duty; readonly watch: Watch }>();
  readonly #allowance: Allowance;
  #before: Levels = new Map();
  #unlisten: () => void = () => undefined;
  #untold = 0;
  #untoldAt = Number.NEGATIVE_INFINITY;

  constructor(ports: NodeBeaconsPorts) {
    this.#ports = ports;
    this.#allowance = new Allowance(ports.world.now());
  }

  async start(): Promise<void> {
    this.#before = await this.#ports.levels.read();
    this.#unlisten = this.#ports.duties.listen(() => this.#take());
    this.#take();
  }

  list(): readonly BeaconStatus[] {
    return [...this.#watches.values()].map(({ watch }) => watch.status);
  }

  #take(): void {
    const wanted = this.#ports.duties.of("beacon.");
    for (const [id, { duty, watch }] of this.#watches) {
      const now = wanted.get(id);
      if (now?.kind === duty.kind && isSame(now.params, duty.params)) continue;
      watch.stop();
      this.#watches.delete(id);
    }
    for (const [id, duty] of wanted) if (!this.#watches.has(id)) this.#begin(id, duty);
    this.#turned();
  }

  #begin(id: string, duty: Duty): void {
    const { world, log, beacons = allBeacons } = this.#ports;
    if (this.#watches.size >= BEACONS_MAX) {
      log.warn({ beacon: id }, `a node keeps ${BEACONS_MAX} beacons; this one is left out`);
      return;
    }
    const watch = new Watch(id, duty, {
      world,
      beacons,
      before: this.#before.get(id),
      tell: (level, sight) => this.#tell(id, duty.kind, { level, ...sight }),
      blind: (why) => log.warn({ beacon: id, why }, "a beacon sees nothing"),
      turned: () => this.#turned(),
    });
    this.#watches.set(id, { duty, watch });
    watch.start();
  }

  #tell(id: string, kind: string, said: object): void {
    const { world, log, tell } = this.#ports;
    if (!isBeaconKind(kind)) return;
    if (!this.#allowance.take(world.now())) {
      this.#untold++;
      if (world.now() - this.#untoldAt < UNTOLD_LOG_MS) return;
      this.#untoldAt = world.now();
      log.warn({ untold: this.#untold }, "beacons see more than may be told");
      return;
    }
    const data = EVENTS[kind].data.parse({ beacon: id.slice(0, ID_LENGTH_MAX), ...said });
    tell({ kind, data } as NodeEventBody);
  }

  #turned(): void {
    const levels = this.list().map(
      ({ beacon, level, since }) => [beacon, { raised: level === "raised", since }] as const,
    );
    this.#before = new Map(levels);
    this.#ports.levels.write(this.#before);
  }

  async stop(): Promise<void> {
    this.#unlisten();
    for (const { watch } of this.#watches.values()) watch.stop();
    await this.#ports.levels.settled();
  }
}
