/** Gates: one look in a plan, patience in an apply, and a cause when the time is over. */
import { expect, test } from "vitest";
import { z } from "zod";

import { compileCatalog } from "../../catalog/compile.ts";
import { runCatalog } from "../../engine/run.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { optionsFor, trial } from "../../testing/trial.ts";
import { defineGate, type Health, notReady, ready } from "./define-gate.ts";
import http from "./http.ts";
import unit from "./unit.ts";

function gateOf(answers: readonly Health[]) {
  const left = [...answers];
  let looks = 0;
  const gate = defineGate({
    name: "trial.ready",
    summary: "Ready some time.",
    key: "name",
    params: z.strictObject({ name: z.string() }),
    async probe() {
      looks += 1;
      return left.length > 1 ? left.shift()! : left[0]!;
    },
    examples: [],
  });
  return { gate, looks: () => looks, states: { "trial.ready": gate.spec } };
}

const down = notReady("down", "nobody there");
const quick = { every: "1ms", within: "50ms" };

async function ran({ gate, states }: ReturnType<typeof gateOf>, mode: "apply" | "plan") {
  const { catalog } = compileCatalog([gate("it", quick)]);
  return (await runCatalog(catalog, { ...optionsFor(memoryHost().ports), mode, states })).results[0]!;
}

test("one that is ready is no change", async () => {
  expect(await ran(gateOf([ready("fine")]), "apply")).toMatchObject({ result: "ok", changes: {} });
});

test("a plan looks once, and says why it is not ready", async () => {
  const closed = gateOf([down]);
  expect(await ran(closed, "plan")).toMatchObject({
    result: "would-change",
    changes: { state: { from: "down: nobody there", to: "ready" } },
  });
  expect(closed.looks()).toBe(1);
});

test("an apply waits until it was ready as often in a row as it must be", async () => {
  const flapping = gateOf([down, ready("a"), down, ready("b"), ready("c")]);
  expect(await ran(flapping, "apply")).toMatchObject({ result: "changed" });
  // The last two looks of the wait, and the one that proves it.
  expect(flapping.looks()).toBe(6);
});

test("it fails with the cause when the time is over", async () => {
  const { error } = await ran(gateOf([down, notReady("sealed", "three shares are missing")]), "apply");
  expect(error).toMatchObject({
    code: "gate/closed",
    message: "trial.ready was not ready within 50ms: sealed: three shares are missing",
  });
});

test("an address that answers otherwise is starting; one that does not answer is down", async () => {
  const url = "http://127.0.0.1:8080/health";
  const states = { "gate.http": http.spec };
  const looked = async (given: Parameters<typeof trial>[0]) =>
    (await trial(given).run([http(url)], { mode: "plan", states })).results[0]!.changes["state"]?.from;
  expect(await looked({ http: { [`GET ${url}`]: { status: 503 } } })).toBe("starting: it answers 503");
  expect(await looked({})).toMatch(/^down: connection refused/);
});

test("a unit that is not there is misconfigured, one that is stopped is down", async () => {
  const states = { "gate.unit": unit.spec };
  const looked = async (given: Parameters<typeof trial>[0]) =>
    (await trial(given).run([unit("web")], { mode: "plan", states })).results[0]!.changes["state"]?.from;
  expect(await looked({})).toMatch(/^misconfigured: there is no web\.service/);
  expect(await looked({ services: { web: {} } })).toMatch(/^down: web\.service is inactive/);
});
