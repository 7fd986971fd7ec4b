import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import absent from "./absent.ts";
import { entriesFor, parseLine, printLine, withEntry } from "./fstab.ts";
import { shown, visible } from "./mount-options.ts";
import mounted from "./mounted.ts";
import unmounted from "./unmounted.ts";

const DEVICES = {
  "/dev/sdb1": { bytes: 1e9, uuid: "u-1", label: "data" },
  "/dev/sdc1": { bytes: 1e9, uuid: "u-2" },
};
const ETC = { "/etc": { directory: true } } as const;

function step(given: Given, params: object = { source: "UUID=u-1", fstype: "ext4" }, path = "/srv/data") {
  const host = memoryHost({ devices: DEVICES, ...given, files: { ...ETC, ...given.files } });
  const want = checkParams(mounted.spec, { ...params, path });
  return { ...host, one: { spec: mounted.spec, want, ports: host.ports } };
}
const fstabOf = ({ ports }: ReturnType<typeof step>) => ports.files.read.readText("/etc/fstab");

describe("the line in /etc/fstab", () => {
  test("leaves all other lines byte for byte as they are", () => {
    const before =
      "# <fs>\t<mp>\n\nUUID=1\t/\text4  errors=remount-ro 0\t1   \n  tmpfs /srv/data tmpfs\n/x /y none bind\n";
    const entry = parseLine("UUID=u-1 /srv/data ext4 nofail 0 2")!;
    expect(withEntry(before, "/srv/data", entry)).toBe(
      before.replace("  tmpfs /srv/data tmpfs", "UUID=u-1 /srv/data ext4 nofail 0 2"),
    );
    expect(withEntry(before, "/srv/data", undefined)).toBe(before.replace("  tmpfs /srv/data tmpfs\n", ""));
  });
  test("that lacks fields is the entry it stands for, not another one", () => {
    expect(entriesFor("tmpfs /srv/data/ tmpfs\n", "/srv/data")).toEqual([
      { source: "tmpfs", path: "/srv/data", fstype: "tmpfs", options: "defaults", dump: "0", pass: "0" },
    ]);
  });
  test("holds blanks of a path in octal, and is read back the same", () => {
    const entry = parseLine("LABEL=a /srv/my\\040data ext4 defaults 0 0")!;
    expect(entry.path).toBe("/srv/my data");
    expect(printLine(entry)).toBe("LABEL=a /srv/my\\040data ext4 defaults 0 0");
  });
  test("has nofail for data, and not for what the system needs", async () => {
    const data = step({});
    await make(data.one, await check(data.one));
    expect(await fstabOf(data)).toBe("UUID=u-1 /srv/data ext4 nofail 0 0\n");
    const system = step(
      { files: { "/var": { directory: true } } },
      { source: "UUID=u-1", fstype: "ext4" },
      "/var",
    );
    await make(system.one, await check(system.one));
    expect(await fstabOf(system)).toBe("UUID=u-1 /var ext4 defaults 0 0\n");
  });
  test("twice for one path is an error, not a third line", async () => {
    const two = step({ files: { "/etc/fstab": "/dev/a /srv/data ext4\n/dev/b /srv/data ext4\n" } });
    await expect(check(two.one)).rejects.toMatchObject({ code: "state/blocked" });
  });
  test("is followed by a reload of systemd", async () => {
    const { one, log } = step({});
    await make(one, await check(one));
    const [write, reload] = [
      log.findIndex((call) => call.startsWith("files.write /etc/fstab")),
      log.findIndex((call) => call.startsWith("services.daemonReload")),
    ];
    expect(write).toBeGreaterThanOrEqual(0);
    expect(reload).toBeGreaterThan(write);
  });
});

describe("what is mounted there already", () => {
  test("is the same when the device is, whatever it was called: it is not touched", async () => {
    const { one, log } = step({
      mounts: [{ path: "/srv/data", source: "/dev/sdb1", fstype: "ext4" }],
      files: { "/etc/fstab": "UUID=u-1 /srv/data ext4 nofail 0 0\n" },
    });
    expect(await check(one)).toEqual({});
    expect(log).toEqual([]);
  });
  test("is never unmounted for another device", async () => {
    const { one } = step({ mounts: [{ path: "/srv/data", source: "/dev/sdc1", fstype: "ext4" }] });
    await expect(check(one)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("/dev/sdc1"),
    });
  });
  test("is remounted when its visible options differ, and only then", async () => {
    const given: Given = { mounts: [{ path: "/srv/data", source: "/dev/sdb1", fstype: "ext4" }] };
    const other = step(given, {
      source: "UUID=u-1",
      fstype: "ext4",
      options: ["noexec", "commit=30", "x-systemd.device-timeout=5"],
      persist: false,
    });
    await make(other.one, await check(other.one));
    expect(other.log.filter((call) => call.startsWith("mounts."))).toEqual([
      expect.stringMatching(/^mounts\.remount/),
    ]);
    const same = step(given, {
      source: "UUID=u-1",
      fstype: "ext4",
      options: ["commit=30", "nofail"],
      persist: false,
    });
    expect(await check(same.one)).toEqual({});
  });
});

test("a directory that holds something is not mounted over", async () => {
  const { one } = step({ files: { "/srv/data/precious": "x" } });
  await expect(check(one)).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("precious"),
  });
});

test("a mount that fails leaves no line behind that would be tried at the next boot", async () => {
  const { one, tree } = step({}, { source: "UUID=nowhere", fstype: "ext4" });
  await expect(make(one, await check(one))).rejects.toMatchObject({ code: "state/command-failed" });
  expect(tree.has("/etc/fstab")).toBe(false);
});

test("options that no kernel shows do not differ, and those that it shows do", () => {
  const live = shown(["rw", "relatime", "errors=remount-ro", "size=65536k"]);
  for (const options of [
    [],
    ["defaults"],
    ["nofail", "_netdev", "x-systemd.automount", "size=64M"],
    ["auto", "async"],
  ])
    expect(visible(options), options.join()).toEqual(live);
  for (const options of [["ro"], ["noatime"], ["nosuid"], ["user"], ["sync"]])
    expect(visible(options), options.join()).not.toEqual(live);
  expect(visible(["user", "exec"])).toContain("exec");
  expect(shown(["rw"])).toContain("strictatime");
});

describe.each([
  ["mount.unmounted", unmounted],
  ["mount.absent", absent],
])("%s", (_name, { spec }) => {
  test("fails on a mount that is in use, and does not force it", async () => {
    const { ports } = memoryHost({
      files: ETC,
      mounts: [{ path: "/mnt", source: "/dev/sdb1", fstype: "ext4", busy: true }],
    });
    const one = { spec, want: checkParams(spec, { path: "/mnt" }), ports };
    await expect(make(one, await check(one))).rejects.toMatchObject({
      message: expect.stringContaining("busy"),
    });
    expect(await ports.mounts.read.list()).toHaveLength(1);
  });
});
