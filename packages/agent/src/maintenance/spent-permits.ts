/** Tokens for something destructive: opened as any message of the master, and spent once, on the disk before anything begins. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { BomaError, type Permit, readPermit } from "@boma/protocol";
import type { PermitsPort } from "@boma/states/core";
import { z } from "zod";

import type { MasterTime } from "../clock.ts";
import { messageOf, readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const Spent = z.record(z.string(), keptObject({ expires: z.number() }));
type Spent = z.output<typeof Spent>;

/** Kept so much longer than they hold: a clock that was set back brings none of them back. */
const KEPT_MS = 365 * 86_400_000;

interface Parts {
  readonly path: string;
  readonly durable: boolean;
  readonly time: Pick<MasterTime, "known" | "now">;
  readonly trusts: (sender: Uint8Array) => boolean;
  /** The node's own key, as the master names it. */
  readonly node: () => string;
}

export class SpentPermits implements PermitsPort {
  readonly #parts: Parts;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async open(token: string, action: string): Promise<Permit> {
    const { time, trusts, node } = this.#parts;
    if (!time.known)
      throw new BomaError(
        "permit/refused",
        "this node does not know the master's time yet, by which a token ends",
      );
    const permit = readPermit(token, { node: node(), trusts, now: time.now() });
    if (permit.action !== action)
      throw new BomaError("permit/refused", `the token is for ${permit.action}, and not for ${action}`);
    assertUnspent(permit, await this.#inTurn(() => this.#read()));
    return permit;
  }

  /** One after the other: of two jobs with the same token the second finds it spent. */
  spend(permit: Permit): Promise<void> {
    return this.#inTurn(async () => {
      const { path, durable, time } = this.#parts;
      const spent = await this.#read();
      assertUnspent(permit, spent);
      const now = time.now();
      const kept = Object.entries(spent).filter(([, { expires }]) => expires + KEPT_MS > now);
      const next: Spent = { ...Object.fromEntries(kept), [permit.id]: { expires: permit.expires } };
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeAtomic(path, JSON.stringify(next), { durable });
    });
  }

  /** One that cannot be read must not pass for an empty one: every token in it would hold again. */
  async #read(): Promise<Spent> {
    const { path } = this.#parts;
    try {
      const bytes = await readIfThere(path);
      return bytes ? Spent.parse(JSON.parse(bytes.toString())) : {};
    } catch (cause) {
      throw new BomaError(
        "permit/refused",
        `nobody can tell which tokens are spent here: ${path} cannot be read: ${messageOf(cause)}`,
        { cause, hint: "Move it aside on the node when all tokens that were made for it have expired." },
      );
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}

function assertUnspent({ id }: Permit, spent: Spent): void {
  if (Object.hasOwn(spent, id))
    throw new BomaError("permit/refused", `the token ${id.slice(0, 8)} is spent: each works once`);
}
