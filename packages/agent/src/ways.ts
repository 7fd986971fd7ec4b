/** How the agent comes to its bus now: as the master said last, and, where it is not let in there, as before. */
import type { JoinKit } from "@boma/protocol";

import type { Identity, Way } from "./identity.ts";

export class Ways {
  readonly #identity: Pick<Identity, "ways">;
  readonly #kit: JoinKit;
  #at = 0;

  constructor(identity: Pick<Identity, "ways">, kit: JoinKit) {
    this.#identity = identity;
    this.#kit = kit;
  }

  /** Its place among those that the identity knows. */
  get at(): number {
    return this.#at;
  }

  get #now(): Way | undefined {
    const { ways } = this.#identity;
    return ways[this.#at] ?? ways[0];
  }

  get credential(): string {
    return this.#now?.credential ?? "";
  }

  /** Root and authority are the same wherever the servers are. */
  get kit(): JoinKit {
    return { ...this.#kit, servers: [...(this.#now?.servers ?? this.#kit.servers)] };
  }

  /** The one that the master said last. */
  takeNewest(): void {
    this.#at = 0;
  }

  /** This one is closed. `true` where there is another one, at which to ask again. */
  takeOther(): boolean {
    const isOther = this.#at === 0 && this.#identity.ways.length > 1;
    this.#at = isOther ? 1 : 0;
    return isOther;
  }
}
