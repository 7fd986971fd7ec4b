/**
 * The disk below the bus that we run. A nats-server that met a full disk does
 * not get over it: 2.9 may stand still at once, with whoever writes, and newer
 * ones leave a stream without answer, also when there is room again. So the
 * master stops writing before the end is reached, says so, and starts its
 * server anew: when it stands still, and when there is room.
 */
import { statfs } from "node:fs/promises";

import type { Logger } from "../log.ts";
import { isDoneWithin } from "../patience.ts";
import { bytesText } from "../print/table.ts";
import type { Store } from "../store/store.ts";
import type { EmbeddedServer } from "./server.ts";
import { streamFills } from "./stream-fill.ts";

const LOOK_MS = 500;
/** What is left then is for nodes, which write into the inbox themselves; of a small disk it is a share. */
const LEFT_BYTES_MIN = 64 * 1024 ** 2;
const LEFT_SHARE_MIN = 0.05;
/** So much more of it must be free before anything is written again. */
const ROOM_AGAIN = 2;
const ANSWER_MS_MAX = 3_000;
/** A server that was started anew gets this long to answer. */
const RENEWED_MS = 10_000;
/** Should that not help, it was not the disk: it is not tried at each refusal. */
const RENEWED_AGAIN_MS = 60_000;

interface Parts {
  readonly dir: string;
  readonly server: Pick<EmbeddedServer, "renew">;
  readonly store: Store;
  readonly log: Pick<Logger, "warn">;
}

/** Looks again and again; what is given back ends it. */
export function watchDisk(parts: Parts): () => Promise<void> {
  const watch = new DiskWatch(parts);
  let isEnded = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const look = (): void => {
    looking = watch
      .look()
      .catch((error: unknown) =>
        parts.log.warn({ error: String(error) }, "the bus's disk cannot be looked at"),
      )
      .finally(() => {
        if (!isEnded) timer = setTimeout(look, LOOK_MS).unref();
      });
  };
  look();
  return async () => {
    isEnded = true;
    clearTimeout(timer);
    await looking;
  };
}

class DiskWatch {
  readonly #parts: Parts;
  /** Nothing is written, until the server was started anew with room around it and answers. */
  #isHeld = false;
  #hasRenewed = false;
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async look(): Promise<void> {
    const { store } = this.#parts;
    const { free, least } = await room(this.#parts.dir);
    if (!this.#isHeld && free < least) this.#hold(`the disk of the bus is full (${this.#freeText(free)})`);
    // What it refused, or left without answer, it met between two looks.
    else if (!this.#isHeld && store.taking.trouble !== undefined && this.#sinceRenewed > RENEWED_AGAIN_MS)
      this.#hold(store.taking.trouble);
    if (!this.#isHeld) return;
    const hasRoom = free >= least * ROOM_AGAIN;
    if (!hasRoom) this.#hasRenewed = false;
    else if (!this.#hasRenewed) {
      this.#hasRenewed = true;
      return this.#renew("there is room on the disk of the bus");
    }
    if (!(await this.#answers())) {
      if (this.#sinceRenewed > RENEWED_MS) await this.#renew("the bus does not answer");
    } else if (hasRoom) this.#release();
  }

  get #sinceRenewed(): number {
    return performance.now() - this.#renewedAt;
  }

  #freeText(free: number): string {
    return `${bytesText(free)} free in ${this.#parts.dir}`;
  }

  #hold(why: string): void {
    this.#isHeld = true;
    this.#hasRenewed = false;
    this.#parts.store.taking.withhold(why);
  }

  async #renew(why: string): Promise<void> {
    this.#parts.log.warn({}, `${why}: its server is started anew`);
    await this.#parts.server.renew();
    this.#renewedAt = performance.now();
  }

  /** Asks about every stream: one whose writing was cut short holds up whoever looks at it. */
  async #answers(): Promise<boolean> {
    const asked = streamFills(this.#parts.store.api).then(
      () => true,
      () => false,
    );
    return (await isDoneWithin(asked, ANSWER_MS_MAX)) && asked;
  }

  #release(): void {
    this.#isHeld = false;
    this.#parts.store.taking.withhold(undefined);
  }
}

async function room(dir: string): Promise<{ readonly free: number; readonly least: number }> {
  const { bavail, blocks, bsize } = await statfs(dir);
  return { free: bavail * bsize, least: Math.min(LEFT_BYTES_MIN, blocks * bsize * LEFT_SHARE_MIN) };
}
