import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import type { AnySpec } from "../../state-spec.ts";
import type { Given, GivenDevice } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import lv from "../lvm/lv.ts";
import { bytesOf, sizeOf } from "../lvm/parameters.ts";
import vg from "../lvm/vg.ts";
import formatted from "./formatted.ts";

function step(spec: AnySpec, given: Given, params: object) {
  const host = memoryHost(given);
  return { ...host, one: { spec, want: checkParams(spec, params), ports: host.ports } };
}

const FULL: [string, Partial<GivenDevice>, string][] = [
  ["has a signature", { signatures: ["zfs_member"] }, "zfs_member"],
  ["has partitions", { children: ["/dev/vdb1"] }, "/dev/vdb1"],
  ["is mounted", { mountpoints: ["/srv"] }, "/srv"],
  ["is swapped to", { mountpoints: ["[SWAP]"] }, "SWAP"],
  ["has something in its first or last MiB", { written: true }, "not blank"],
  ["can only be read", { readOnly: true }, "read"],
  ["holds another filesystem", { filesystem: "xfs", label: "precious" }, "xfs"],
];

describe.each([
  ["fs.formatted", formatted.spec as AnySpec, { device: "/dev/vdb", type: "ext4" }],
  ["lvm.vg", vg.spec as AnySpec, { name: "vg0", devices: ["/dev/vdb"] }],
])("%s", (_name, spec, params) => {
  test.each(FULL)("leaves a disk alone that %s, and says what is on it", async (_why, device, said) => {
    const { one, log } = step(spec, { devices: { "/dev/vdb": { bytes: 1e9, ...device } } }, params);
    await expect(check(one)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining(said),
    });
    expect(log).toEqual([]);
  });
  test("takes a disk on which nothing is", async () => {
    const { one } = step(spec, { devices: { "/dev/vdb": { bytes: 1e9 } } }, params);
    await make(one, await check(one));
    expect(await check(one)).toEqual({});
  });
});

test("a disk that was filled between check and apply is not formatted", async () => {
  const empty = step(
    formatted.spec,
    { devices: { "/dev/vdb": { bytes: 1e9 } } },
    { device: "/dev/vdb", type: "ext4" },
  );
  const changes = await check(empty.one);
  const filled = step(
    formatted.spec,
    { devices: { "/dev/vdb": { bytes: 1e9, written: true } } },
    { device: "/dev/vdb", type: "ext4" },
  );
  await expect(make(filled.one, changes)).rejects.toMatchObject({ code: "state/blocked" });
  expect(filled.log).toEqual([]);
});

describe("fs.formatted", () => {
  const params = { device: "/dev/vdb", type: "ext4" };
  const of = (device: Partial<GivenDevice>, more: object = {}) =>
    step(
      formatted.spec,
      { devices: { "/dev/vdb": { bytes: 1e9, filesystem: "ext4", filesystemBytes: 1e9, ...device } } },
      { ...params, ...more },
    ).one;

  test("leaves a filesystem of the same kind as it is, with any label where none is asked for", async () => {
    expect(await check(of({ label: "mine" }))).toEqual({});
  });
  test("does not grow for the little that a filesystem leaves unused", async () => {
    expect(await check(of({ filesystemBytes: 1e9 - 7 * 1024 * 1024 }))).toEqual({});
    expect(Object.keys(await check(of({ filesystemBytes: 5e8 })))).toEqual(["bytes"]);
    expect(await check(of({ filesystemBytes: 5e8 }, { grow: false }))).toEqual({});
  });
  test("plans for a volume that an earlier state makes, and fails where none did", async () => {
    const { one } = step(formatted.spec, {}, { device: "/dev/vg0/srv", type: "ext4" });
    const changes = await check(one);
    expect(Object.keys(changes)).toEqual(["type"]);
    await expect(make(one, changes)).rejects.toMatchObject({ code: "state/unsupported" });
    expect(formatted.spec.after!(one.want as never)).toEqual(["lv:vg0/srv"]);
  });
});

describe("lvm", () => {
  const group = (volumes: Record<string, number>): Given => ({
    devices: { "/dev/vdb": { bytes: 2 ** 30, written: true }, "/dev/vdc": { bytes: 2 ** 30 } },
    volumeGroups: { vg0: { devices: ["/dev/vdb"], volumes } },
  });
  test("a disk of another group is not taken", async () => {
    const { one } = step(vg.spec, group({}), { name: "vg1", devices: ["/dev/vdb"] });
    await expect(check(one)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("vg0"),
    });
  });
  test("devices that are not declared stay in the group", async () => {
    const { one, ports } = step(vg.spec, group({}), { name: "vg0", devices: ["/dev/vdc"] });
    await make(one, await check(one));
    expect((await ports.storage.read.physicalVolumes()).map(({ device }) => device)).toEqual([
      "/dev/vdb",
      "/dev/vdc",
    ]);
  });
  test("a volume that was rounded up to whole extents is as large as it was asked for", async () => {
    const { one } = step(lv.spec, group({ srv: 104 * 2 ** 20 }), { volume: "vg0/srv", size: "101M" });
    expect(await check(one)).toEqual({});
  });
  test("a volume is never shrunk, and that is said", async () => {
    const { one } = step(lv.spec, group({ srv: 200 * 2 ** 20 }), { volume: "vg0/srv", size: "100M" });
    await expect(check(one)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("200M"),
    });
  });
  test.each([
    ["512K", 512 * 1024],
    ["1.5T", 1.5 * 2 ** 40],
    ["20G", 20 * 2 ** 30],
  ])("%s is a size", (size, bytes) => {
    expect(bytesOf(size)).toBe(bytes);
    expect(sizeOf(bytes)).toBe(size);
  });
});
