/** Whose lease may be ended, by whom, and when nobody can know enough to end it. */
import { newJobId } from "@boma/protocol";
import { expect, test } from "vitest";

import { OperatorRecord } from "../api/rights.ts";
import type { Control } from "../control.ts";
import { endLease } from "./end-lease.ts";

const KEY = `U${"A".repeat(55)}`;
const RIGHTS = { admin: false, read: true, run: [{ functions: ["maintenance.*"], target: "a" }] };

const operator = (rights: object = RIGHTS): OperatorRecord =>
  OperatorRecord.parse({
    key: `U${"B".repeat(55)}`,
    name: "alice",
    sign: new Uint8Array(32),
    rights,
    addedAt: 0,
    addedBy: "test",
  });

interface World {
  readonly connected?: boolean;
  /** Before this master began. */
  readonly older?: boolean;
  readonly born?: boolean;
  readonly forgotten?: boolean;
}

function world({ connected = false, older = false, born = true, forgotten = false }: World = {}) {
  const job = newJobId();
  const did: string[] = [];
  const now = Date.now();
  const lease = { name: "d", job, node: "a", operator: "bob", since: older ? now - 60_000 : now };
  const course = { key: KEY, id: "a", status: "running", deadline: now + 1000, lostAt: undefined };
  const open = { record: { state: "open", function: "maintenance.run" }, courses: new Map([[KEY, course]]) };
  const node = { key: KEY, id: "a", status: "approved" };
  const control = {
    startedAt: now - 1000,
    leases: { holding: async () => lease, end: async () => void did.push("lease") },
    jobs: {
      get: () => (born ? open : undefined),
      giveUp: async () => void did.push("job"),
      store: { expected: async () => [], find: async () => undefined },
    },
    events: { told: async ({ kind }: { kind: string }) => void did.push(kind) },
    presence: { connected: () => connected },
    registry: {
      byKey: () => (forgotten ? undefined : node),
      byId: () => node,
      targetNode: () => ({ id: "a", grains: {}, assigned: {} }),
    },
  } as unknown as Control;
  const end = (how: { force?: boolean; by?: OperatorRecord } = {}) =>
    endLease(
      control,
      { name: "d", job, reason: "it burnt", force: how.force ?? false },
      how.by ?? operator(),
    );
  return { end, did };
}

test("of a node that is away the lease goes, then its job, and it is told", async () => {
  const { end, did } = world();
  expect(await end()).toMatchObject({ domain: "d", node: "a", connected: false });
  expect(did).toEqual(["lease", "job", "lease.ended"]);
});

test("of a node that is there it goes by force only, and so in the first seconds of a master", async () => {
  for (const how of [{ connected: true }, { older: true }]) {
    const { end, did } = world(how);
    await expect(end()).rejects.toMatchObject({ code: "lease/alive" });
    expect(did).toEqual([]);
    await end({ force: true });
    expect(did).toContain("lease");
  }
});

test("while its job is being made it is not ended at all, for the job would go on without it", async () => {
  const { end, did } = world({ born: false });
  await expect(end({ force: true })).rejects.toMatchObject({ code: "lease/alive" });
  expect(did).toEqual([]);
});

test("whoever may not do it there may not end it, and of a node that is forgotten nobody but an administrator may", async () => {
  const elsewhere = operator({ ...RIGHTS, run: [{ functions: ["maintenance.*"], target: "b" }] });
  const { end, did } = world();
  await expect(end({ by: elsewhere })).rejects.toMatchObject({ code: "operator/denied" });
  const forgotten = world({ forgotten: true });
  await expect(forgotten.end()).rejects.toMatchObject({ code: "operator/denied" });
  expect([did, forgotten.did]).toEqual([[], []]);
  await forgotten.end({ by: operator({ ...RIGHTS, admin: true }) });
  expect(forgotten.did).toContain("lease");
});
