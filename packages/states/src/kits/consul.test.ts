/** Consul's kit: what is taken up while it runs owes no restart, and all else one that waits. */
import { expect, test } from "vitest";

import { builtInSpecs } from "../built-in.ts";
import { compileCatalog } from "../catalog/compile.ts";
import type { EngineOptions } from "../engine/options.ts";
import { runCatalog } from "../engine/run.ts";
import { UNITS_DIR } from "../states/systemd/unit-file.ts";
import { memoryHost } from "../testing/memory-host.ts";
import { keptPending, optionsFor } from "../testing/trial.ts";
import { consulKit, type ConsulKit } from "./consul.ts";

const KIT: ConsulKit = {
  node: "a",
  agent: { mode: "client", retryJoin: ["10.0.0.11"] },
  settings: { logLevel: "info" },
};

function machine() {
  const host = memoryHost({
    files: {
      "/etc/consul.d/consul.hcl": 'data_dir = "/opt/consul"\n',
      "/run": { directory: true },
      [UNITS_DIR]: { directory: true },
    },
    commands: { consul: {}, "systemd-analyze": { exitCode: 0 } },
    packages: { consul: "1.16.6-1" },
    services: { consul: {} },
    http: {
      "PUT http://127.0.0.1:8500/v1/agent/reload": {},
      "GET http://127.0.0.1:8500/v1/status/leader": { body: '"10.0.0.11:8300"' },
      "GET http://127.0.0.1:8500/v1/agent/members": { body: [{ Name: "a", Status: 1 }] },
    },
  });
  const pending = keptPending();
  return async (kit: ConsulKit, more: Partial<EngineOptions> = {}) => {
    const { catalog } = compileCatalog(consulKit(kit));
    const from = host.log.length;
    const options = { ...optionsFor(host.ports), states: builtInSpecs, pending, ...more };
    const { results } = await runCatalog(catalog, options);
    const not = results.filter(({ result }) => result !== "ok").map(({ id }) => id);
    const restarted = host.log.slice(from).includes("services.restart consul.service");
    return { results, not, restarted, unit: results.find(({ id }) => id.startsWith("service.running"))! };
  };
}

test("a first run starts it with all of its configuration, and a second finds nothing to do", async () => {
  const run = machine();
  const { results, not } = await run(KIT);
  expect(results.filter(({ error }) => error)).toEqual([]);
  expect(not).toContain("service.running(consul.service)");
  expect((await run(KIT)).not).toEqual([]);
});

test("what is taken up with a reload owes the unit no restart", async () => {
  const run = machine();
  await run(KIT);
  const { not, unit } = await run({ ...KIT, settings: { logLevel: "debug" } });
  expect(not).toEqual(["consul.settings(a)"]);
  expect(unit.pending).toBeUndefined();
});

test("what is read at the start only leaves a restart pending until there is maintenance", async () => {
  const run = machine();
  await run(KIT);
  const other = { ...KIT, agent: { ...KIT.agent, raftMultiplier: 5, ui: true } };
  const waiting = await run(other);
  expect(waiting.not).toEqual(["consul.agent(a)"]);
  expect(waiting.restarted).toBe(false);
  expect(waiting.unit.pending).toContain("maintenance");
  expect((await run(other)).unit.pending).toContain("maintenance");
  const done = await run(other, { maintenance: true });
  expect([done.restarted, done.unit.pending]).toEqual([true, undefined]);
  expect((await run(other)).not).toEqual([]);
});
