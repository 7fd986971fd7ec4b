import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { NodeEventBody } from "@boma/protocol";
import type { Duty } from "@boma/states/core";
import { expect, test, vi } from "vitest";

import { MasterTime } from "../clock.ts";
import { DutyBook } from "../duties/duty-book.ts";
import { silentLog } from "../log.ts";
import { temporaryDirectory } from "../testing/support.ts";
import { defineBeacon, type Eyes } from "./beacon.ts";
import { LevelFile } from "./level-file.ts";
import { NodeBeacons, type NodeBeaconsPorts } from "./node-beacons.ts";
import { machineWorld } from "./world.ts";

const duty = (params: object): Duty => ({
  kind: "beacon.link",
  params: { link: "eth0", hold: "0s", ...params },
});

/** A node whose one kind of beacon sees what the test says. */
async function watched(dir: string, change: Partial<NodeBeaconsPorts> = {}) {
  const duties = await DutyBook.open(join(dir, "duties.json"), { durable: false });
  const told: NodeEventBody[] = [];
  const begun: { eyes: Eyes<"beacon.link">; stopped: boolean }[] = [];
  const link = defineBeacon({
    kind: "beacon.link",
    start(_, eyes) {
      const one = { eyes, stopped: false };
      begun.push(one);
      return () => void (one.stopped = true);
    },
  });
  const node = new NodeBeacons({
    duties,
    world: machineWorld(dir, new MasterTime()),
    levels: new LevelFile(join(dir, "beacons.json"), silentLog),
    tell: (event) => told.push(event),
    log: silentLog,
    beacons: { "beacon.link": link },
    ...change,
  });
  await node.start();
  const { write } = duties.port;
  const levels = () => told.map(({ data }) => ("level" in data ? data.level : undefined));
  return { node, duties: write, told, begun, levels };
}

const down = { link: "eth0", state: "down" };
const up = { link: "eth0", state: "up" };

test("a beacon that changes is begun anew, and the others go on", async () => {
  await using dir = await temporaryDirectory();
  const { node, duties, begun } = await watched(dir.path);
  await duties.set("one", duty({}));
  await duties.set("two", duty({}));
  await duties.set("one", duty({ hold: "9s" }));
  await duties.set("two", duty({}));
  expect(begun.map(({ stopped }) => stopped)).toEqual([true, false, false]);
  await duties.remove("two");
  expect(begun.map(({ stopped }) => stopped)).toEqual([true, true, false]);
  await node.stop();
  expect(begun.every(({ stopped }) => stopped)).toBe(true);
});

test("what was raised is neither raised again by the next process nor forgotten", async () => {
  await using dir = await temporaryDirectory();
  const first = await watched(dir.path);
  await first.duties.set("one", duty({}));
  first.begun[0]!.eyes.is(true, down);
  expect(first.told).toEqual([{ kind: "beacon.link", data: { beacon: "one", level: "raised", ...down } }]);
  await first.node.stop();
  const second = await watched(dir.path);
  expect(second.node.list()[0]).toMatchObject({ beacon: "one", level: "raised" });
  second.begun[0]!.eyes.is(true, down);
  second.begun[0]!.eyes.is(false, up);
  expect(second.levels()).toEqual(["cleared"]);
  await second.node.stop();
});

test("one that cannot begin is said once, listed, and begun again", async () => {
  await using dir = await temporaryDirectory();
  const warn = vi.fn<(fields: object, message: string) => void>();
  let tries = 0;
  const { node, duties } = await watched(dir.path, {
    log: { ...silentLog, warn },
    beacons: {
      "beacon.link": defineBeacon({
        kind: "beacon.link",
        start(_, eyes) {
          if (++tries < 3) throw new Error("no luck");
          eyes.blind(undefined);
          return () => undefined;
        },
      }),
    },
  });
  await duties.set("one", duty({}));
  expect(node.list()[0]).toMatchObject({ problem: "no luck" });
  await vi.waitFor(() => expect(node.list()[0]).not.toHaveProperty("problem"), { timeout: 15_000 });
  expect(warn).toHaveBeenCalledTimes(1);
  await node.stop();
});

test("a beacon that this agent does not know, or does not understand, is listed with the reason", async () => {
  await using dir = await temporaryDirectory();
  const { node, duties } = await watched(dir.path);
  await duties.set("new", { kind: "beacon.moon", params: {} });
  await duties.set("odd", duty({ colour: "red" }));
  expect(node.list().map(({ problem }) => problem)).toEqual([
    "this agent knows no beacon.moon",
    "this agent does not understand what is asked of it",
  ]);
  await node.stop();
});

test("below a root the real beacons see its files, and say that they see no units there", async () => {
  await using dir = await temporaryDirectory();
  await mkdir(join(dir.path, "proc"));
  await mkdir(join(dir.path, "etc"));
  await writeFile(join(dir.path, "proc/meminfo"), "MemTotal: 100 kB\nMemAvailable: 5 kB\n");
  const { beacons } = await import("./kinds/index.ts");
  const { node, duties, told } = await watched(dir.path, { beacons: { ...beacons } });
  await duties.set("memory", { kind: "beacon.memory", params: { of: "node", usedPercent: 90, hold: "0s" } });
  await duties.set("unit", { kind: "beacon.service", params: { unit: "a.service", hold: "0s" } });
  await duties.set("file", { kind: "beacon.file", params: { path: "/etc/x" } });
  await vi.waitFor(() => expect(told).toMatchObject([{ data: { level: "raised", usedPercent: 95 } }]));
  await writeFile(join(dir.path, "etc/x"), "");
  await vi.waitFor(() =>
    expect(told[1]).toEqual({
      kind: "beacon.file",
      data: { beacon: "file", level: "happened", path: "/etc/x", what: "made" },
    }),
  );
  expect(node.list().find(({ beacon }) => beacon === "unit")?.problem).toContain("--root");
  await node.stop();
});
