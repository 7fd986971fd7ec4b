import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Path } from "../file/parameters.ts";
import { claimsOf } from "./parameters.ts";
import { sourcesAt, unmountAll } from "./unmount.ts";

export default defineState({
  name: "mount.unmounted",
  summary: "A path at which nothing is mounted now; its line in /etc/fstab, if there is one, stays.",
  key: "path",
  params: z.strictObject({ path: Path.describe("Where nothing is to be mounted.") }),
  claims: ({ path }) => claimsOf(path),

  async check({ path }, { mounts }) {
    return diff({ mounts: await sourcesAt(path, mounts) }, { mounts: [] as string[] });
  },

  apply: (_changes, { path }, { mounts }) => unmountAll(path, mounts),

  examples: [
    {
      title: "a stick that was plugged in",
      key: "/media/stick",
      given: { mounts: [{ path: "/media/stick", source: "/dev/sdc1", fstype: "vfat" }] },
    },
    {
      title: "two mounts, one on top of the other",
      key: "/mnt",
      given: {
        mounts: [
          { path: "/mnt", source: "/dev/sdc1", fstype: "vfat" },
          { path: "/mnt", source: "tmpfs", fstype: "tmpfs" },
        ],
      },
    },
  ],
});
