/** The order within a failure domain, and what stops it. */
import { summaryOf } from "@boma/states/core";
import { expect, test } from "vitest";

import { goThroughDomain, type Rolling, type TurnEnd } from "./rolling.ts";
import type { Turn } from "./survey.ts";

interface Node {
  role?: string;
  leads?: boolean;
  unsafe?: string;
  shut?: boolean;
}

const OPEN = { open: true, window: "w", at: 0 };

function fleet(nodes: Record<string, Node>, change: Partial<Rolling> = {}) {
  const owed = new Map(Object.entries(nodes));
  const order: string[] = [];
  const rolling: Rolling = {
    now: false,
    unsafe: false,
    told: () => undefined,
    patience: () => async () => false,
    async ask(ids) {
      const turns = ids.flatMap((id): Turn[] => {
        const node = owed.get(id);
        if (!node) return [];
        const { role = "server", leads = false, unsafe, shut = false } = node;
        const window = { ...OPEN, open: !shut };
        return [{ node: id, domain: "d", units: ["u"], role, leads, unsafe, window }];
      });
      return { turns, absent: [] };
    },
    async run({ node, role }): Promise<TurnEnd> {
      order.push(node);
      owed.delete(node);
      return { node, role, status: "changed", ms: 1 };
    },
    ...change,
  };
  return { owed, order, rolling, go: () => goThroughDomain("d", Object.keys(nodes), rolling) };
}

test("clients go first, who leads goes last, and who leads is asked anew before each", async () => {
  const { owed, order, rolling } = fleet({ s1: { leads: true }, s2: {}, s3: {}, c1: { role: "client" } });
  const run = rolling.run.bind(rolling);
  const moved: Rolling = {
    ...rolling,
    async run(turn) {
      const end = await run(turn);
      // The leader has changed meanwhile.
      if (turn.node === "c1") {
        owed.set("s1", {});
        owed.set("s2", { leads: true });
      }
      return end;
    },
  };
  const end = await goThroughDomain("d", ["s1", "s2", "s3", "c1"], moved);
  expect(order).toEqual(["c1", "s1", "s3", "s2"]);
  expect(end).toMatchObject({ state: "done", left: [] });
});

test("a node that fails stops its domain, and those behind it stay as they are", async () => {
  const { go, order } = fleet(
    { a: {}, b: {}, c: {} },
    {
      async run({ node, role }) {
        order.push(node);
        return { node, role, status: "failed", ms: 1, error: { code: "gate/closed", message: "it is down" } };
      },
    },
  );
  expect(await go()).toMatchObject({ state: "stopped", why: "a: it is down", left: ["b", "c"] });
  expect(order).toEqual(["a"]);
});

test("a gate that stays shut after a restart is named as what stopped its domain", async () => {
  const gate = { code: "gate/closed", message: "down: it does not answer", hint: "" };
  const result = (id: string, more: object) => ({ id, state: "x", changes: {}, comment: "", ms: 1, ...more });
  const value = {
    ok: false,
    catalog: "c",
    results: [
      result("service.running(a)", { result: "changed" }),
      result("gate.http(a)", { result: "failed", error: gate }),
    ],
    summary: summaryOf([], 1),
    cut: false,
  };
  const { go } = fleet(
    { a: {}, b: {} },
    { run: async ({ node, role }) => ({ node, role, status: "failed", ms: 1, value }) },
  );
  expect(await go()).toMatchObject({ state: "stopped", why: "a: gate.http(a) failed", left: ["b"] });
});

test("one that the cluster could not do without is waited for, and then stops the domain with the cause", async () => {
  let looks = 0;
  const waited = fleet(
    { a: { unsafe: "no quorum" }, b: { leads: true } },
    { patience: () => async () => ++looks < 3 },
  );
  const end = await waited.go();
  expect(end).toMatchObject({ state: "stopped", why: "a is not safe to restart: no quorum" });
  // That who leads is safe does not bring its turn forward.
  expect(waited.order).toEqual([]);
  const mended = fleet({ a: { unsafe: "no quorum" } });
  Object.assign(mended.rolling, {
    patience: () => async () => {
      mended.owed.set("a", {});
      return true;
    },
  });
  expect((await mended.go()).state).toBe("done");
});

test("one that says no when its turn has come is asked again, as long as there is patience", async () => {
  let tries = 0;
  const refusing = fleet({ a: {} }, { patience: () => async () => tries < 3 });
  Object.assign(refusing.rolling, {
    run: async ({ node, role }: Turn): Promise<TurnEnd> => {
      tries += 1;
      const error = { code: "maintenance/unsafe", message: "not now" };
      return { node, role, status: "refused", ms: 1, error };
    },
  });
  expect(await refusing.go()).toMatchObject({ state: "stopped", why: "a: not now" });
  expect(tries).toBe(3);
});

test("nodes whose windows are shut wait for them, unless it is done now", async () => {
  const shut = { a: {}, b: { shut: true } };
  const waits = fleet(shut);
  expect(await waits.go()).toMatchObject({ state: "shut", left: ["b"] });
  expect(waits.order).toEqual(["a"]);
  const now = fleet(shut, { now: true });
  expect((await now.go()).state).toBe("done");
});

test("of hundreds of nodes some are asked at a time, and who leads still goes last", async () => {
  const nodes: Record<string, Node> = { a: { leads: true } };
  for (let at = 0; at < 200; at++) nodes[`c${at}`] = { role: at % 2 ? "client" : "server" };
  const many = fleet(nodes);
  let most = 0;
  const rolling: Rolling = {
    ...many.rolling,
    ask(ids) {
      most = Math.max(most, ids.length);
      return many.rolling.ask(ids);
    },
  };
  const end = await goThroughDomain("d", Object.keys(nodes), rolling);
  expect(end).toMatchObject({ state: "done", left: [] });
  expect(many.order).toHaveLength(201);
  expect(many.order.at(-1)).toBe("a");
  expect(most).toBeLessThanOrEqual(50);
});

test("one that does not say what it owes stops the domain", async () => {
  const { rolling } = fleet({ a: {} });
  const silent: Rolling = {
    ...rolling,
    ask: async () => ({ turns: [], absent: [{ id: "a", why: "offline" }] }),
  };
  expect(await goThroughDomain("d", ["a"], silent)).toMatchObject({
    state: "stopped",
    why: "a does not say what it owes: offline",
  });
});
