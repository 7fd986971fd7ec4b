/**
 * Goal: three machines become one cluster in one run of a real master, with keys that
 * it made, and what one writes the others read; one that loses its power comes back by itself.
 * Method: Debian's packages on three hosts; each keeps its data in a file.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { FSID, giveFuse, LAB_CONF } from "../support/ceph.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { CEPH } from "../support/hosts/layer.ts";
import { run } from "../support/run.ts";

const NAMES = ["one", "two", "three"];
/**
 * By Ceph's own times: where the machine that is gone had the active MDS, it is missed after 15 s, the next one waits 45 s for
 * that machine's own mount before it serves the others, and with the OSD's and the monitor's own times two minutes were seen.
 */
const FOLLOWED_MS = 300_000;
const GATE = { mons: NAMES, osds: 3, filesystems: ["cephfs"], within: "4m" };

let hosts: readonly Host[] = [];
let fleet: Fleet;

function siteOf(): string {
  const mons = hosts.map(({ name, address }) => ({ name, address }));
  return `import { cephKit, top, tree } from "@boma/states";
const cluster = {
  fsid: "${FSID}", publicNetworks: ["10.66.0.0/24"], mons: ${JSON.stringify(mons)},
  conf: ${LAB_CONF(3)}, osds: 3, filesystems: [{ name: "cephfs", size: 3 }],
};
const base = tree(({ node }) => cephKit({
  cluster, name: node.id, mgr: node.id !== "three", mds: node.id !== "one",
  labOsds: [{ name: "0", bytes: ${4 * 1024 ** 3} }],
  mounts: [{ path: "/srv/shared", filesystem: "cephfs", via: "fuse" }],
  within: "6m",
}));
export default top({ "env:ceph": [base] });
`;
}

beforeAll(async () => {
  hosts = await Promise.all(NAMES.map((name) => startHost({ name, layer: CEPH })));
  await Promise.all(hosts.map(giveFuse));
  fleet = await Fleet.start(await onBridge());
  await Promise.all(hosts.map((host) => host.enrol(fleet, { env: "ceph" })));
  const site = join(fleet.home, "site");
  mkdirSync(site, { recursive: true });
  writeFileSync(join(site, "top.ts"), siteOf());
}, 300_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
});

describe("three machines", { timeout: 540_000 }, () => {
  test("become one cluster in one run, share a filesystem, and a second run changes nothing", async () => {
    const first = await run(fleet, "env:ceph", "state.apply", "--timeout", "8m");
    expect(first.value).not.toHaveProperty("error");
    expect(first.value.nodes).toMatchObject(
      Object.fromEntries(NAMES.map((id) => [id, { status: "changed" }])),
    );
    const [one, , three] = hosts as [Host, Host, Host];
    await one.write("/srv/shared/hello", "from one\n");
    expect(await three.read("/srv/shared/hello")).toBe("from one\n");
    const second = await run(fleet, "env:ceph", "state.apply", "--timeout", "8m");
    expect(second.value.nodes).toMatchObject(Object.fromEntries(NAMES.map((id) => [id, { status: "ok" }])));
  });

  test("go on without one that lost its power, which comes back unattended", async () => {
    const [one, , three] = hosts as [Host, Host, Host];
    await three.powerCut();
    expect(await one.must(["cat", "/srv/shared/hello"], { timeoutMs: FOLLOWED_MS })).toBe("from one\n");
    await three.boot();
    expect(await one.converge("ceph.ready", FSID, GATE, { timeoutMs: 300_000 })).toMatchObject({ left: {} });
  });
});
