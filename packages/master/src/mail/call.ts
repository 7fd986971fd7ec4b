/** An order that is the same for every node there is, signed once and kept nowhere: nodes that hear it need no mailbox. */
import { Call, EVERYBODY, type JobOrder, seal, subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { Keyring } from "../keyring.ts";
import type { Registry } from "../registry/registry.ts";

interface Parts {
  readonly bus: NatsConnection;
  readonly keyring: () => Keyring;
  readonly registry: Pick<Registry, "approved">;
}

export class Caller {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whoever is connected hears what is called out: so it must be meant for all who may be. */
  isForAll(keys: ReadonlyMap<string, unknown>): boolean {
    for (const { key } of this.#parts.registry.approved()) if (!keys.has(key)) return false;
    return true;
  }

  call(order: JobOrder): void {
    const { bus, keyring } = this.#parts;
    const options = { to: EVERYBODY, key: keyring().sign, expires: order.expiresAt };
    bus.publish(subjects.call, seal(Call, order, options));
  }
}
