/** Time: what chronyd refuses is not written, and the gate knows why the clock is not right yet. */
import { describe, expect, test } from "vitest";

import { readHost } from "../../host/host.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import synced from "../time/synced.ts";
import { CONFIG, DROP_IN, MAIN, SOURCES } from "./chrony-files.ts";
import config from "./config.ts";

const given = (
  more: Given = {},
  main = "confdir /etc/chrony/conf.d\nsourcedir /etc/chrony/sources.d\n",
): Given => ({
  services: { chrony: {} },
  commands: { chronyd: {} },
  ...more,
  files: { [MAIN]: main, "/etc/systemd/system": { directory: true }, ...more.files },
});

describe("chrony.config", () => {
  test("writes what it was told beside the package's own files", async () => {
    const { read, left } = await tryState(
      config,
      "node",
      {
        servers: ["10.0.0.1"],
        pools: [{ host: "pool.example.org", nts: true, maxPoll: 8 }],
        allow: ["10.0.0.0/8"],
      },
      given(),
    );
    expect(left).toEqual({});
    expect(await read(CONFIG)).toContain("makestep 1 3\nallow 10.0.0.0/8\n");
    expect(await read(SOURCES)).toContain(
      "server 10.0.0.1 iburst\npool pool.example.org iburst nts maxpoll 8\n",
    );
  });

  test("leaves everything as it is when chronyd refuses it", async () => {
    const host = memoryHost(given({ commands: { chronyd: { exitCode: 1, stderr: "Invalid directive" } } }));
    await expect(tryState(config, "node", { servers: ["a"] }, host)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("Invalid directive"),
    });
    expect(host.tree.has(CONFIG) || host.tree.has(SOURCES)).toBe(false);
  });

  test("is refused where the main file would not read its files", async () => {
    await expect(tryState(config, "node", {}, given({}, "pool x\n"))).rejects.toMatchObject({
      message: expect.stringContaining("confdir /etc/chrony/conf.d"),
    });
  });

  test("takes back how it was started, once the clock may be set again", async () => {
    const { host, read } = await tryState(config, "node", { setClock: false }, given());
    expect(await read(DROP_IN)).toContain("-x");
    const { changes, left } = await tryState(config, "node", {}, host);
    expect(Object.keys(changes)).toContain("unit");
    expect(left).toEqual({});
    expect(host.tree.has(DROP_IN)).toBe(false);
  });

  test("asks the firewall for its port only where somebody may ask it", () => {
    const needs = (allow: readonly string[]) =>
      config.spec.needs!(config.spec.params.parse({ name: "node", allow }));
    expect(needs([])).toEqual([]);
    expect(needs(["10.0.0.0/8"])).toEqual([
      { name: "ntp", proto: "udp", port: 123, exposure: "lan", from: ["10.0.0.0/8"] },
    ]);
  });
});

describe("the gate", () => {
  const tracking = (offset: string, leap: string) =>
    `0A000001,10.0.0.1,3,1763734800.1,${offset},0.0,0.00002,-1.2,0.0,0.1,0.0004,0.0001,64.2,${leap}\n`;
  const looked = async (machine: Given) => {
    const want = synced.spec.params.parse({ name: "node" });
    return (await synced.spec.check(want, readHost(memoryHost(machine).ports))).state?.from ?? "ready";
  };
  const chronyc = (stdout: string): Given => ({ commands: { chronyc: { stdout } } });

  test.each([
    ["ready", chronyc(tracking("-0.0000123", "Normal"))],
    ["starting: off by 2500.000 ms, from 10.0.0.1, stratum 3", chronyc(tracking("-2.5", "Normal"))],
    ["starting: chronyd has not chosen a source yet", chronyc(tracking("0", "Not synchronised"))],
    ["misconfigured: chronyc said what cannot be read", chronyc("506 Cannot talk to daemon\n")],
    ["down: there is no chrony", {}],
    ["ready", { files: { "/proc/1/status": "CapBnd:\t000001fdfdffffff\n" } }],
    ["ready", { commands: { timedatectl: { stdout: "yes\n" } } }],
  ] satisfies [string, Given][])("is %s", async (state, machine) => {
    expect(await looked(machine)).toBe(state);
  });
});
