/**
 * Goal: a whole Ceph on one machine by its kit, twice; disks that hold something are
 * refused to the last byte; a maintenance that was killed is taken back.
 * Method: Debian's packages on a host with systemd; disks are loop devices with a name and a serial number.
 */
import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";

import { functions, type RunReport } from "@boma/states";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { exec, type LoopDisk, loopDisk, MIB } from "../../packages/agent/src/testing/loop.ts";
import { makeCephKey } from "../../packages/master/src/secrets/ceph-key.ts";
import { FSID, giveDisk, giveFuse, LAB_CONF } from "../support/ceph.ts";
import { type Host, REPOSITORY, startHost } from "../support/host.ts";
import { CEPH } from "../support/hosts/layer.ts";

const errorsOf = (report: RunReport): readonly unknown[] =>
  report.results.flatMap(({ id, error }) => (error ? [{ id, error }] : []));

let host: Host;
let disk: LoopDisk;
let given: Awaited<ReturnType<typeof giveDisk>>;

let reported = "";

const keys = new Map<string, string>();
const keyOf = (name: string): string => {
  if (!keys.has(name)) keys.set(name, makeCephKey());
  return keys.get(name)!;
};

/** The kit with keys in the open, as a tree that a machine applies to itself. */
function treeOf(extra = ""): string {
  const names = ["mon", "admin", "bootstrap-osd", "mgr.one", "mds.one", "osd/LAB-0", "client.one-cephfs"];
  const known = JSON.stringify(Object.fromEntries(names.map((name) => [name, keyOf(name)])));
  return `import { cephKit, tree } from "@boma/states";
const keys = ${known};
export default tree(() => cephKit({
  name: "one", mgr: true, mds: true,
  osds: [{ device: "${given.path}", expect: ${JSON.stringify(given.expect)} }],
  mounts: [{ path: "/srv/shared", filesystem: "cephfs", via: "fuse" }],
  cluster: {
    fsid: "${FSID}", publicNetworks: ["10.66.0.0/24"], mons: [{ name: "one", address: "${host.address}" }],
    conf: ${LAB_CONF(1)}, osds: 1, filesystems: [{ name: "cephfs", size: 1, allowNoRedundancy: true }],
    keyOf: (name) => keys[name], ${extra}
  },
}));
`;
}

const ceph = async (...words: readonly string[]): Promise<unknown> =>
  JSON.parse(await host.must(["ceph", "--connect-timeout", "5", "--format", "json", ...words]));

async function call(name: string, args: object = {}): Promise<{ result?: unknown; error?: unknown }> {
  expect(Object.keys(functions)).toContain(name);
  const script = `${REPOSITORY}/test/hosts/call.ts`;
  const { stdout } = await host.node(script, [name, "job-1", JSON.stringify(args)]);
  return JSON.parse(stdout) as { result?: unknown; error?: unknown };
}

beforeAll(async () => {
  host = await startHost({ name: "one", layer: CEPH });
  disk = await loopDisk(6 * 1024);
  given = await giveDisk(host, disk, "LAB-0");
  await giveFuse(host);
  await host.write("/root/ceph.ts", treeOf());
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await disk?.[Symbol.asyncDispose]();
});

describe("a cluster on one machine", { timeout: 300_000 }, () => {
  test("comes up by its kit, is written to through CephFS, and the second time nothing is to do", async () => {
    const first = await host.apply("/root/ceph.ts", [], { timeoutMs: 280_000 });
    reported = JSON.stringify(first);
    expect(errorsOf(first)).toEqual([]);
    expect(first).toMatchObject({ ok: true, summary: { failed: 0, skipped: 0 } });
    await host.write("/srv/shared/hello", "from CephFS\n");
    expect(await host.must(["stat", "-f", "-c", "%T", "/srv/shared"])).not.toContain("overlay");
    const second = await host.apply("/root/ceph.ts", [], { timeoutMs: 280_000 });
    expect(errorsOf(second)).toEqual([]);
    expect(second.summary).toMatchObject({ changed: 0, failed: 0, ok: first.summary.total });
  });

  test("has the keys that it was given, and its report has none of them", async () => {
    const { auth_dump } = (await ceph("auth", "ls")) as { auth_dump: { entity: string; key: string }[] };
    const known = Object.fromEntries(auth_dump.map(({ entity, key }) => [entity, key]));
    expect(known).toMatchObject({
      "client.admin": keyOf("admin"),
      "client.bootstrap-osd": keyOf("bootstrap-osd"),
      "mgr.one": keyOf("mgr.one"),
      "osd.0": keyOf("osd/LAB-0"),
    });
    expect(reported).toContain("ceph.osd(");
    for (const key of keys.values()) expect(reported).not.toContain(key);
  });

  test("goes on after its monitor was restarted, and after the machine was", async () => {
    await host.must(["systemctl", "restart", "ceph-mon@one"]);
    const gate = { osds: 1, mons: ["one"], filesystems: ["cephfs"], within: "60s" };
    expect(await host.converge("ceph.ready", FSID, gate)).toMatchObject({ left: {} });
    await host.reboot();
    await given.again();
    await giveFuse(host);
    const report = await host.apply("/root/ceph.ts", [], { timeoutMs: 280_000 });
    expect(errorsOf(report)).toEqual([]);
    expect(await host.read("/srv/shared/hello")).toBe("from CephFS\n");
  });

  test("is mounted once it is there by a machine that was up before it, unless the mount was stopped meanwhile", async () => {
    const mount = "srv-shared.mount";
    const again = "boma-mount-srv-shared.service";
    const state = async (unit: string) => (await host.run(["systemctl", "is-active", unit])).stdout.trim();
    const cutOff = async () => {
      await host.must(["systemctl", "stop", mount, "ceph-mds@one"]);
      await host.must(["ceph", "mds", "fail", "0"]);
      expect((await host.run(["systemctl", "start", mount], { timeoutMs: 120_000 })).exitCode).toBe(1);
      // Between two attempts: one that is under way is ended by a stop, and what was ended counts as failed.
      const phase = () => host.must(["systemctl", "show", "--value", "-p", "SubState", again]);
      await expect.poll(phase, { timeout: 60_000, interval: 200 }).toBe("auto-restart\n");
    };
    await cutOff();
    await host.must(["systemctl", "stop", mount]);
    expect(await state(again)).toBe("inactive");
    await cutOff();
    await host.must(["systemctl", "reset-failed", "ceph-mds@one"]);
    await host.must(["systemctl", "start", "ceph-mds@one"]);
    await expect.poll(() => state(mount), { timeout: 120_000, interval: 1000 }).toBe("active");
    expect(await host.read("/srv/shared/hello")).toBe("from CephFS\n");
    expect(await host.converge("ceph.ready", FSID, { filesystems: ["cephfs"], within: "60s" })).toMatchObject(
      {
        left: {},
      },
    );
  });
});

describe("maintenance", { timeout: 300_000 }, () => {
  const flags = async (): Promise<readonly string[]> =>
    ((await ceph("osd", "dump")) as { flags_set: string[] }).flags_set;

  test("holds the cluster still, and ends with what was set before", async () => {
    await host.must(["ceph", "osd", "set", "noscrub"]);
    expect(await call("ceph.set-flags", { flags: ["noout", "noscrub"] })).toMatchObject({
      result: { set: ["noout"] },
    });
    expect(await flags()).toEqual(expect.arrayContaining(["noout", "noscrub"]));
    expect(await call("ceph.unset-flags")).toEqual({ result: { unset: ["noout"] } });
    expect(await flags()).toContain("noscrub");
    await host.must(["ceph", "osd", "unset", "noscrub"]);
  });

  test("that nobody ended, as of a machine that died in it, is taken back when its time is over, and not before", async () => {
    await call("ceph.set-flags", { for: "1h" });
    expect(await host.converge("ceph.maintenance", "ceph")).toEqual({ first: {}, left: {} });
    // As a machine leaves it that died: the note is there, and its time is over.
    await call("ceph.set-flags", { for: "1s", reason: "killed" });
    await expect
      .poll(() => host.converge("ceph.maintenance", "ceph"), { timeout: 200_000 })
      .toMatchObject({
        first: { one: { from: expect.stringContaining("noout") as string } },
        left: {},
      });
    expect(await flags()).not.toContain("noout");
  });

  test("is not for a machine without which nothing is left", async () => {
    expect(await call("ceph.ok-to-stop")).toMatchObject({ result: { ok: false } });
    expect(await call("ceph.status")).toMatchObject({ result: { osds: { up: 1, in: 1 }, maintenance: [] } });
    expect(await call("ceph.osd-tree")).toMatchObject({ result: [{ osd: 0, below: "one", status: "up" }] });
  });
});

describe("a disk", { timeout: 300_000 }, () => {
  async function refused(fill: (path: string) => Promise<unknown>, said: string | RegExp): Promise<void> {
    await using other = await loopDisk(256);
    await fill(other.path);
    const { path, expect: expected } = await giveDisk(host, other, "LAB-X");
    const before = (await exec("sha256sum", [other.file])).stdout;
    const params = { expect: expected, fsid: FSID, key: makeCephKey() };
    const { error } = await host.converge("ceph.osd", path, params, { timeoutMs: 60_000 });
    expect(error).toMatchObject({ code: "state/blocked", message: expect.stringMatching(said) as string });
    expect((await exec("sha256sum", [other.file])).stdout).toBe(before);
    expect(((await ceph("osd", "dump")) as { osds: unknown[] }).osds).toHaveLength(1);
  }
  const writeAt = async (path: string, at: number, bytes: Buffer): Promise<void> => {
    await using device = await open(path, "r+");
    await device.write(bytes, 0, bytes.length, at);
    await device.sync();
  };

  test("with a filesystem is left as it is, to the last byte", () =>
    refused((path) => exec("mkfs.ext4", ["-q", path]), /ext4/));
  test("with raw data in its midst, which no program knows, is left as it is", () =>
    refused((path) => writeAt(path, 100 * MIB, randomBytes(64 * MIB)), /data stands on it/));
  test("of another cluster is left as it is", async () => {
    await refused(async (path) => {
      // What BlueStore calls itself at the beginning of a disk.
      await writeAt(path, 0, Buffer.from("bluestore block device\n11111111-2222-4333-8444-555555555555\n"));
    }, /ceph_bluestore/);
  });
  test("with another serial number is left as it is", async () => {
    const params = { expect: { ...given.expect, serial: "OTHER" }, fsid: FSID, key: makeCephKey() };
    const { error } = await host.converge("ceph.osd", given.path, params);
    expect(error).toMatchObject({ message: expect.stringContaining("LAB-0, not OTHER") as string });
  });
});
