import { expect, test } from "vitest";

import type { Call } from "../../define-function.ts";
import usage from "./usage.ts";

const SPACE = { bytes: 100, bytesUsed: 60, bytesFree: 30, inodes: 9, inodesFree: 5 };
const mount = (path: string, fstype: string, source: string) => ({
  path,
  fstype,
  source,
  options: [],
  identity: source,
});

test("each file system on a disk is told of once, the made-up and the dead ones not", async () => {
  const call = {
    host: {
      mounts: {
        list: async () => [
          mount("/", "ext4", "/dev/sda1"),
          mount("/proc", "proc", "proc"),
          mount("/srv", "xfs", "/dev/sdb1"),
          mount("/srv", "nfs4", "nas:/export"),
          mount("/boot", "ext4", "/dev/sda2"),
        ],
      },
      files: {
        space: async (path: string) => (path === "/boot" ? Promise.reject(new Error("gone")) : SPACE),
      },
    },
  } as unknown as Call;
  expect(await usage.run({}, call)).toEqual([
    { mount: "/", device: "/dev/sda1", type: "ext4", ...SPACE },
    { mount: "/srv", device: "nas:/export", type: "nfs4", ...SPACE },
  ]);
  expect(await usage.run({ path: "/srv" }, call)).toHaveLength(1);
});
