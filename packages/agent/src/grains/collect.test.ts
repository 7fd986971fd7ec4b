import { GRAINS_BYTES_MAX, Grains } from "@boma/protocol";
import { describe, expect, test } from "vitest";

import { collectGrains, coreCollectors, type CollectOptions } from "./collect.ts";
import { block, debian, plantTree } from "./fixture.ts";
import { sizeOf } from "./revision.ts";
import type { Collector } from "./source.ts";

const collect = (options: Partial<CollectOptions>) => collectGrains({ agentVersion: "0.1.0", ...options });

describe("what goes wrong", () => {
  const fixed = (name: string, grains: Grains): Collector => ({
    name,
    collect: () => Promise.resolve(grains),
  });

  test("a collector that hangs is a problem, and the rest appears", async () => {
    const hanging: Collector = { name: "stuck", collect: () => new Promise(() => {}) };
    const failing: Collector = { name: "broken", collect: () => Promise.reject(new Error("no luck")) };
    const throwing: Collector = {
      name: "worse",
      collect: () => {
        throw new Error("at once");
      },
    };
    const collectors = [hanging, failing, throwing, fixed("good", { fine: true })];
    const started = performance.now();
    const { grains, problems } = await collect({ root: await plantTree({}), collectors, timeLimitMs: 50 });
    expect(performance.now() - started).toBeLessThan(1000);
    expect(grains).toMatchObject({ fine: true, boma_version: "0.1.0" });
    expect(problems).toEqual([
      { collector: "stuck", message: "no answer within 50 ms" },
      { collector: "broken", message: "no luck" },
      { collector: "worse", message: "at once" },
    ]);
  });

  test("a caller that gives up is not kept waiting", async () => {
    const hanging: Collector = { name: "stuck", collect: () => new Promise(() => {}) };
    const stop = new AbortController();
    const collected = collect({ root: await plantTree({}), collectors: [hanging], signal: stop.signal });
    stop.abort(new Error("going down"));
    await expect(collected).rejects.toThrow("going down");
    await expect(collect({ signal: AbortSignal.abort(new Error("already")) })).rejects.toThrow("already");
  });

  test("an empty tree gives no grains and no problems", async () => {
    const { grains, problems } = await collect({ root: await plantTree({}) });
    expect(problems).toEqual([]);
    expect(grains).toEqual({
      boma_version: "0.1.0",
      node_version: process.version.slice(1),
      interfaces: {},
      macs: [],
      ipv4: [],
      ipv6: [],
      virtual: "physical",
    });
  });

  test("garbage and hostile names become clean text or nothing", async () => {
    const garbage = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 37) % 256));
    const root = await plantTree({
      "proc/meminfo": garbage,
      "proc/cpuinfo": garbage,
      "proc/net/dev": "x\u001b[31m: 1\n../../etc: 2\n..: 3\n__proto__: 4\nok0: 5\n",
      "proc/swaps": garbage,
      "proc/mounts": garbage,
      "proc/self/mountinfo": garbage,
      "proc/cmdline": garbage,
      "proc/1/environ": garbage,
      "run/systemd/container": "evil\u001b]0;x\u0007; rm -rf /\n",
      "etc/os-release": `ID="de\u001b[31mbian"\nNAME=${"x".repeat(10_000)}\nVERSION_ID=\u202e21\n__proto__=1\n`,
      "etc/machine-id": "../../../etc/passwd\n",
      "sys/devices/system/cpu/online": "0-99999999999999999999\n",
      ...block("sda", "pci/block", { size: "-5\n" }),
      ...block("sdb", "pci/block", {
        size: "10\n",
        dev: "../../etc/shadow\n",
        "device/model": garbage,
        "device/vpd_pg80": new Uint8Array([1]),
        "device/wwid": "naa.x\n",
      }),
      "sys/block/evil\u001b[2J": null,
      "sys/bus/pci/devices/0000:00:01.0/class": "0x030000\n",
      "sys/bus/pci/devices/0000:00:01.0/vendor": "constructor\n",
      "sys/class/net/ok0/type": "toString\n",
      "sys/bus/pci/devices/..evil/class": "0x030000\n",
      "proc/sys/kernel": "a file where a folder should be",
    });
    const { grains, problems } = await collect({ root });
    expect(problems).toEqual([]);
    expect(Grains.safeParse(grains).success).toBe(true);
    // oxlint-disable-next-line no-control-regex
    expect(JSON.stringify(grains)).not.toMatch(/[\u0000-\u001f\u007f\u202e]|\\u00[01]/);
    expect(grains["osfullname"]).toHaveLength(255);
    expect(grains["osrelease"]).toBe("21");
    expect(Object.keys(grains["interfaces"] as Grains)).toEqual(["ok0"]);
    expect(Object.keys(grains["disks"] as Grains)).toEqual(["sdb"]);
    expect(grains).not.toHaveProperty("machine_id");
    expect(grains).not.toHaveProperty("cpus");
  });
});

describe("custom grains", () => {
  test("files in the order of their names, then --grain; core grains stay", async () => {
    const root = await plantTree(debian, {
      "proc/cmdline": "quiet boma.env=dev boma.role=web boma.url=nats://x\n",
      "etc/boma/grains.d/10-rack.yaml": "rack: {row: A}\npower: [a, b]\nram: 1\n",
      "etc/boma/grains.d/20-more.json": '{"rack": "B7", "role": "db"}',
    });
    const { grains, problems } = await collect({ root, extra: { power: "c", os: "Plan 9" } });
    expect(grains).toMatchObject({ rack: "B7", power: "c", env: "dev", role: "db", os: "Debian" });
    expect(grains).not.toHaveProperty("url");
    expect(grains["ram"]).toBe(4018744 * 1024);
    expect(problems).toEqual([
      { collector: "custom", message: "ram is a core grain: the custom value is not used" },
      { collector: "custom", message: "os is a core grain: the custom value is not used" },
    ]);
  });

  test("the largest custom grain gives way when all do not fit", async () => {
    const large = Array.from({ length: 1000 }, () => "x".repeat(120));
    const extra = { large, larger: [...large, ...large.slice(0, 20)], small: "s" };
    const { grains, problems } = await collect({ root: await plantTree(debian), extra });
    expect(sizeOf(grains)).toBeLessThanOrEqual(GRAINS_BYTES_MAX);
    expect(grains).toMatchObject({ small: "s", large });
    expect(problems).toEqual([
      { collector: "size", message: expect.stringMatching(/^larger is left out/) as string },
    ]);
  });

  test("every collector has a name of its own", () => {
    expect(new Set(coreCollectors.map((one) => one.name)).size).toBe(coreCollectors.length);
  });
});
