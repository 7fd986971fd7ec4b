import { describe, expect, test } from "vitest";

import { realHost } from "./hosts.ts";
import { parseMountinfo } from "./mountinfo.ts";
import { everySaid, mountCommand, problemsIn } from "./mounts.ts";

const { read, write } = realHost.ports({
  signal: new AbortController().signal,
  line: () => undefined,
}).mounts;

describe("lines of mountinfo", () => {
  test("are read with any number of words before the dash, and their blanks in octal", () => {
    const text = [
      "36 35 98:0 /sub\\040dir /mnt/my\\040disk rw,noatime master:1 propagate_from:2 - ext3 /dev/sda1 rw,errors=continue",
      "37 35 0:44 / /a\\134b ro - tmpfs none rw,size=4k",
      "38 35 0:45 / /n rw,relatime shared:9 - nfs4 server:/ex\\040port ro,vers=4.2",
      "not a line",
      "",
    ].join("\n");
    expect(parseMountinfo(text)).toEqual([
      {
        device: "98:0",
        root: "/sub dir",
        path: "/mnt/my disk",
        source: "/dev/sda1",
        fstype: "ext3",
        options: ["rw", "noatime", "errors=continue"],
      },
      {
        device: "0:44",
        root: "/",
        path: "/a\\b",
        source: "none",
        fstype: "tmpfs",
        options: ["ro", "size=4k"],
      },
      {
        device: "0:45",
        root: "/",
        path: "/n",
        source: "server:/ex port",
        fstype: "nfs4",
        options: ["ro", "relatime", "vers=4.2"],
      },
    ]);
  });
  test("that are torn are left out, not guessed at", () => {
    for (const torn of ["36 35 98:0 / /mnt rw - ext4", "36 35 98:0 / /mnt rw", "- - - - - - - - -", "\0\0\0"])
      expect(() => parseMountinfo(torn)).not.toThrow();
    expect(parseMountinfo("36 35 98:0 / /mnt rw - ext4\n")).toEqual([]);
  });
});

test("mount is told the type and the options that are for it, and not the words for systemd alone", () => {
  const wanted = { source: "UUID=u", path: "/srv", fstype: "ext4", options: ["noatime", "nofail"] };
  expect(mountCommand(wanted)).toEqual([
    "mount",
    "-t",
    "ext4",
    "-o",
    "noatime",
    "--source",
    "UUID=u",
    "--target",
    "/srv",
  ]);
  expect(mountCommand({ ...wanted, options: ["bind"], fstype: "none" })).not.toContain("-t");
});

test("a remount says the defaults too, for what is not said stays as it was", () => {
  expect(everySaid(["noexec", "nofail"])).toEqual([
    "rw",
    "suid",
    "dev",
    "async",
    "diratime",
    "relatime",
    "noexec",
  ]);
});

test("of what findmnt finds, errors count; a source that is not there yet does not", () => {
  const text = [
    "/srv",
    "   [E] unreachable on boot required source: UUID=u",
    "   [W] cannot detect on-disk filesystem type",
    "   [E] unreachable on boot required target: No such file or directory",
    "findmnt: /tmp/fstab: parse error at line 1 -- ignored",
  ].join("\n");
  expect(problemsIn(text)).toEqual([
    "unreachable on boot required target: No such file or directory",
    "findmnt: /tmp/fstab: parse error at line 1 -- ignored",
  ]);
});

test("a line that findmnt cannot read is found out before it is in /etc/fstab", async () => {
  expect(await write.verify("tmpfs /tmp tmpfs nofail 0 0\n")).toEqual([]);
  expect(await write.verify("garbage\n")).toEqual([expect.stringContaining("parse error")]);
  expect(await write.verify("tmpfs /no/such/directory tmpfs nofail 0 0\n")).toHaveLength(1);
});

test("the root is mounted, and known by its device", async () => {
  const root = (await read.list()).findLast(({ path }) => path === "/");
  expect(root?.identity).toBeTruthy();
  if (root?.source.startsWith("/dev/"))
    expect(await read.identify({ source: root.source, fstype: root.fstype, options: [] })).toBe(
      root.identity,
    );
  expect(await read.identify({ source: "/dev/nosuch", fstype: "ext4", options: [] })).toBeUndefined();
  expect(await read.identify({ source: "UUID=no-such", fstype: "ext4", options: [] })).toBeUndefined();
});
