/** What is read out of a cluster's answers, and what is written for its programs. */
import { describe, expect, test } from "vitest";

import { memoryHost, recorded } from "../../testing/memory-host.ts";
import { tryState } from "../../testing/try-state.ts";
import { ask } from "./ask.ts";
import cephCluster from "./cluster.ts";
import { addressesOf, confText } from "./conf.ts";
import { cluster, EXAMPLE_KEY, FSID, json, sayAuth, words } from "./example-cluster.ts";
import filesystem from "./filesystem.ts";
import { keyIn, keyringText } from "./keyring.ts";
import { endLeases, leasesOf, setFlags } from "./lease.ts";
import maintenance from "./maintenance.ts";
import mgr from "./mgr.ts";
import mon from "./mon.ts";
import { mountUnitOf } from "./mount-units.ts";
import pool from "./pool.ts";
import { Quorum, type Status } from "./reports.ts";
import { isClean, verdictOf } from "./verdict.ts";

const HEALTHY: Status = {
  fsid: FSID,
  health: { status: "HEALTH_OK", checks: {} },
  quorum_names: ["a", "b", "c"],
  osdmap: { num_osds: 3, num_up_osds: 3, num_in_osds: 3 },
  pgmap: { num_pgs: 8, pgs_by_state: [{ state_name: "active+clean", count: 8 }] },
  mgrmap: { available: true },
};
const WANT = { fsid: FSID, mons: ["a", "b", "c"], osds: 3, filesystems: [], allow: ["OSDMAP_FLAGS"] };
const check = (code: string, severity = "HEALTH_WARN", muted = false) => ({
  health: { status: severity, checks: { [code]: { severity, summary: { message: "so" }, muted } } },
});
const groups = (...states: [string, number][]) => ({
  pgmap: { num_pgs: 8, pgs_by_state: states.map(([state_name, count]) => ({ state_name, count })) },
});

describe("a cluster", () => {
  test.each<[string, Partial<Status>]>([
    ["is well", {}],
    [
      "scrubs",
      groups(["active+clean", 6], ["active+clean+scrubbing+deep", 1], ["active+clean+scrubbing", 1]),
    ],
    ["has flags that are allowed", check("OSDMAP_FLAGS")],
    ["has a warning that somebody muted", check("RECENT_CRASH", "HEALTH_WARN", true)],
  ])("that %s is ready", (_why, more) => {
    expect(verdictOf({ ...HEALTHY, ...more }, undefined, WANT)).toMatchObject({ healthy: true });
  });

  test.each<[string, Partial<Status>, string]>([
    ["is another one", { fsid: "0" }, "misconfigured"],
    ["lacks a monitor", { quorum_names: ["a", "b"] }, "down"],
    ["has no manager", { mgrmap: { available: false } }, "starting"],
    ["has a disk that is down", { osdmap: { num_osds: 3, num_up_osds: 2, num_in_osds: 3 } }, "down"],
    [
      "has fewer disks yet than it will",
      { osdmap: { num_osds: 1, num_up_osds: 1, num_in_osds: 1 } },
      "starting",
    ],
    [
      "has one group that is not clean",
      groups(["active+clean", 7], ["active+undersized+degraded", 1]),
      "starting",
    ],
    ["has reported one group of eight", groups(["active+clean", 1]), "starting"],
    ["has a warning that nobody allowed", check("POOL_APP_NOT_ENABLED"), "misconfigured"],
    ["has slow disks", check("SLOW_OPS"), "contended"],
    [
      "has an error, allowed and muted though it is",
      check("OSDMAP_FLAGS", "HEALTH_ERR", true),
      "misconfigured",
    ],
    ["misses copies, muted though it is", check("PG_DEGRADED", "HEALTH_WARN", true), "misconfigured"],
  ])("that %s is not ready, and the cause is said", (_why, more, cause) => {
    expect(verdictOf({ ...HEALTHY, ...more }, undefined, WANT)).toMatchObject({ healthy: false, cause });
  });

  test("whose filesystem has no active metadata server is not ready", () => {
    const dump = (state: string) => ({
      standbys: [],
      filesystems: [{ mdsmap: { fs_name: "fs", max_mds: 1, info: { g: { name: "a", state, rank: 0 } } } }],
    });
    const want = { ...WANT, filesystems: ["fs"] };
    expect(verdictOf(HEALTHY, dump("up:active"), want)).toMatchObject({ healthy: true });
    expect(verdictOf(HEALTHY, dump("up:creating"), want)).toMatchObject({ cause: "starting" });
    expect(verdictOf(HEALTHY, undefined, want)).toMatchObject({ cause: "misconfigured" });
  });

  test.each([
    ["active+clean", true],
    ["active+clean+snaptrim", true],
    ["active+cleanish", false],
    ["active+recovering", false],
    ["peering", false],
  ])("group in %s: clean is %s", (state, clean) => {
    expect(isClean(state)).toBe(clean);
  });
});

describe("asking", () => {
  const answered = async (answer: object) => {
    const { ports } = memoryHost({ commands: { [words("quorum_status")]: answer } });
    return ask(ports.commands.read, "quorum_status", Quorum);
  };
  test("takes no exit code for an answer, and no text", async () => {
    expect(await answered({ exitCode: 0, stdout: "" })).toEqual({ silent: "it said nothing" });
    expect(await answered({ exitCode: 1, stderr: "timed out" })).toEqual({ silent: "timed out" });
    expect(await answered({ exitCode: 0, stdout: "{" })).toHaveProperty("silent");
    expect(await answered({ exitCode: 0, stdout: '{"quorum_names":7}' })).toHaveProperty("silent");
  });
  test("hears an answer that is told beside a failure", async () => {
    const said = { quorum_names: ["a"], quorum_leader_name: "a", monmap: { fsid: FSID, mons: [] } };
    expect(await answered({ exitCode: 16, stdout: JSON.stringify(said) })).toEqual({ said });
  });
});

describe("what is written", () => {
  test("an address of version 6 is in brackets", () => {
    expect(addressesOf({ name: "a", address: "fd00::1" })).toBe("[v2:[fd00::1]:3300,v1:[fd00::1]:6789]");
  });
  test("a setting is the same however its name is written, and one of ours can be another", () => {
    const conf = { global: { "auth allow-insecure-global_id reclaim": true }, osd: { osd_memory_target: 1 } };
    const text = confText({ fsid: FSID, publicNetworks: ["10.0.0.0/8"], mons: [], conf });
    expect(text.match(/auth_allow_insecure_global_id_reclaim = .*/g)).toEqual([
      "auth_allow_insecure_global_id_reclaim = true",
    ]);
    expect(text).toMatch(/\n\[osd\]\nosd_memory_target = 1\n$/);
  });
  test("a keyring gives back the key of whom it is asked for, and of nobody else", () => {
    const text = keyringText(
      { entity: "mon.", key: "AAA=", caps: { mon: "allow *" } },
      { entity: "client.a", key: "BBB=" },
    );
    expect([keyIn(text, "mon."), keyIn(text, "client.a"), keyIn(text, "client")]).toEqual([
      "AAA=",
      "BBB=",
      undefined,
    ]);
  });
});

test.each([
  ["/srv/shared", "srv-shared.mount"],
  ["/srv/my-data", "srv-my\\x2ddata.mount"],
  ["/.é", "\\x2e\\xc3\\xa9.mount"],
])("what is mounted at %s is the unit %s", (path, unit) => {
  expect(mountUnitOf(path)).toBe(unit);
});

describe("what is never made anew", () => {
  const PARAMS = { fsid: FSID, mons: [{ name: "a", address: "10.0.0.1" }], key: EXAMPLE_KEY };
  const DIR = "/var/lib/ceph/mon/ceph-a";
  const store = (key: string) => ({
    [`${DIR}/kv_backend`]: "rocksdb\n",
    [`${DIR}/store.db`]: { directory: true as const },
    [`${DIR}/keyring`]: `[mon.]\n\tkey = ${key}\n`,
  });
  test("the configuration of another cluster", async () => {
    const given = { files: { "/etc/ceph/ceph.conf": "[global]\nfsid = 1\n" } };
    const params = { fsid: FSID, publicNetworks: ["10.0.0.0/8"], mons: PARAMS.mons };
    await expect(tryState(cephCluster, "ceph", params, given)).rejects.toMatchObject({
      code: "state/blocked",
    });
  });
  test("the store of a monitor, by whatever key", async () => {
    expect((await tryState(mon, "a", PARAMS, { files: store(EXAMPLE_KEY) })).changes).toEqual({});
    await expect(tryState(mon, "a", PARAMS, { files: store("other") })).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.not.stringContaining(EXAMPLE_KEY) as string,
    });
  });
  test("half a store, which was not made by us", async () => {
    const files = { [`${DIR}/store.db/000003.log`]: "data" };
    await expect(tryState(mon, "a", PARAMS, { files })).rejects.toMatchObject({ code: "state/blocked" });
  });
  test("a cluster, by a monitor that may only join", async () => {
    const given = { files: { "/var/lib/ceph/mon": { directory: true as const } } };
    await expect(tryState(mon, "a", { ...PARAMS, forms: false }, given)).rejects.toMatchObject({
      code: "ceph/silent",
    });
  });
  test("copies of a pool, and the pools of a filesystem", async () => {
    const made = {
      pool_name: "data",
      size: 3,
      min_size: 2,
      pg_num_target: 8,
      pg_autoscale_mode: "on",
      application_metadata: {},
    };
    const pools = { commands: cluster({ "osd pool ls detail": json([made]) }) };
    await expect(tryState(pool, "data", { size: 2 }, pools)).rejects.toMatchObject({ code: "state/blocked" });
    const fs = {
      commands: cluster({ "fs ls": json([{ name: "fs", metadata_pool: "m", data_pools: ["d"] }]) }),
    };
    await expect(
      tryState(filesystem, "fs", { metadataPool: "m", dataPools: ["other"] }, fs),
    ).rejects.toMatchObject({ code: "state/blocked" });
  });
});

test("a cluster that does not answer is no difference where it did before, and one where it never did", async () => {
  const { changes } = await tryState(
    mgr,
    "a",
    { key: EXAMPLE_KEY },
    sayAuth(
      [],
      [
        {
          entity: "mgr.a",
          key: EXAMPLE_KEY,
          caps: { mds: "allow *", mon: "allow profile mgr", osd: "allow *" },
        },
      ],
    ),
  );
  expect(changes).toMatchObject({ auth: { to: "as given" }, keyring: { to: "as given" } });
  const files = { "/var/lib/ceph/mgr/ceph-a/keyring": "[mgr.a]\n" };
  await expect(tryState(mgr, "a", { key: EXAMPLE_KEY }, { files })).rejects.toMatchObject({
    code: "ceph/silent",
  });
});

test("a key that is none is refused, and not repeated", async () => {
  await expect(tryState(mgr, "a", { key: "hunter2" })).rejects.toMatchObject({
    code: "state/params",
    message: expect.not.stringContaining("hunter2") as string,
  });
});

describe("flags", () => {
  const LEASES = "config-key dump boma/maintenance/";
  const lease = (node: string, flags: string[]) => ({
    [`boma/maintenance/${node}`]: JSON.stringify({ flags, untilMs: 1, reason: "r" }),
  });
  const host = (set: string[], leases: object) =>
    memoryHost({
      commands: cluster({
        "osd dump": json({ fsid: FSID, flags_set: set, osds: [] }),
        [LEASES]: json(leases),
        "config-key set boma/maintenance/a -i -": {},
        "config-key rm boma/maintenance/a": {},
        "osd set noout": {},
        "osd unset noout": {},
      }),
    });
  const wanted = { node: "a", untilMs: 2, reason: "r", flags: ["noout" as const] };

  test("are noted before they are set", async () => {
    const { ports, log } = host([], {});
    expect(await setFlags(wanted, ports.commands.write)).toEqual(["noout"]);
    expect(
      log.map((line) => /config-key|osd set/.exec(JSON.stringify(line).replace(/\\?",\\?"/g, " "))?.[0]),
    ).toEqual(["config-key", "osd set"]);
  });
  test("that somebody set by hand stay his", async () => {
    const { ports } = host(["noout"], {});
    expect(await setFlags(wanted, ports.commands.write)).toEqual([]);
  });
  test("that another machine holds as well are not taken back under it", async () => {
    const { ports, log } = host(["noout"], { ...lease("a", ["noout"]), ...lease("b", ["noout"]) });
    const asked = await leasesOf(ports.commands.read);
    const own = "said" in asked ? asked.said.filter(({ node }) => node === "a") : [];
    expect(await endLeases(own, ports.commands.write)).toEqual([]);
    expect(log).toHaveLength(1);
  });

  test("are none any more after the node that set them was killed, at whatever step", async () => {
    const dump = (...set: string[]) => json({ fsid: FSID, flags_set: set, osds: [] });
    for (const killAt of [0, 1, 2]) {
      const { ports } = memoryHost({
        commands: cluster({
          "osd dump": dump(),
          [LEASES]: json({}),
          "config-key set boma/maintenance/a -i -": {
            teaches: { [words(LEASES)]: json(lease("a", ["noout"])) },
          },
          "config-key rm boma/maintenance/a": { teaches: { [words(LEASES)]: json({}) } },
          "osd set noout": { teaches: { [words("osd dump")]: dump("noout") } },
          "osd unset noout": { teaches: { [words("osd dump")]: dump() } },
        }),
      });
      let steps = 0;
      const deadly = recorded(ports, [], () => {
        if (steps++ === killAt) throw new Error("killed");
      });
      await setFlags(wanted, deadly.commands.write).catch(() => undefined);
      const left = await tryState(maintenance, "ceph", {}, { ports, tree: new Map(), log: [] });
      expect(left.left).toEqual({});
      const { stdout } = await ports.commands.read.read({ argv: words("osd dump").split(" ") });
      expect(stdout, `killed before step ${killAt}`).not.toContain("noout");
    }
  });
});
