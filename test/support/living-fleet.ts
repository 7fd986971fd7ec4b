/**
 * A fleet with a past: a node that is there, one that is away with work in its mailbox, and one that was revoked. After
 * its master was moved, or put back, all of that must be as it was.
 */
import assert from "node:assert/strict";

import { vi } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import type { Fleet } from "./fleet.ts";
import type { RunDocument } from "./run.ts";

export const POLL = { timeout: 90_000, interval: 250 };

export const answers = async (fleet: Fleet, target = "env:dev"): Promise<number | null> =>
  (await fleet.run("run", target, "test.ping")).code;

export const keyOf = async (fleet: Fleet, id: string): Promise<string | undefined> =>
  (await fleet.json<NodeView[]>("nodes")).value.find((node) => node.id === id)?.key;

export class LivingFleet {
  readonly #fleet: Fleet;
  readonly #key: string | undefined;
  readonly #queued: string;
  readonly #told: readonly string[];

  private constructor(fleet: Fleet, key: string | undefined, queued: string, told: readonly string[]) {
    this.#fleet = fleet;
    this.#key = key;
    this.#queued = queued;
    this.#told = told;
  }

  static async begin(fleet: Fleet): Promise<LivingFleet> {
    await fleet.agent("web-01", { env: "dev" });
    const away = await fleet.agent("web-02", { env: "prod" });
    const gone = await fleet.agent("gone", { env: "prod" });
    await fleet.ok("revoke", "gone");
    await gone.stop();
    await away.stop();
    await fleet.event("node.disconnected", ({ id }) => id === "web-02");
    assert.equal(await answers(fleet), 0);
    const queued = await fleet.json<RunDocument>("run", "web-02", "cmd.run", "true");
    assert.equal(queued.code, 5);
    return new LivingFleet(fleet, await keyOf(fleet, "web-01"), queued.value.job, await toldOf(fleet));
  }

  /** Nobody enrolled anew, nothing that was told is gone, and what waited for a node waits no longer. */
  async isWhole(): Promise<void> {
    const fleet = this.#fleet;
    await vi.waitFor(async () => assert.equal(await answers(fleet), 0), POLL);
    assert.equal(await keyOf(fleet, "web-01"), this.#key);
    assert.deepEqual((await toldOf(fleet)).slice(0, this.#told.length), this.#told);
    assert.equal((await fleet.run("audit", "verify")).code, 0);
    await fleet.restart("web-02", { noToken: true });
    await fleet.event("job.returned", ({ job }) => job === this.#queued);
  }
}

const toldOf = async (fleet: Fleet): Promise<readonly string[]> =>
  (await fleet.json<{ uid: string }[]>("events", "--since", "1h")).value.map(({ uid }) => uid);
