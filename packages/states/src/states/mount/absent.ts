import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Path } from "../file/parameters.ts";
import { entriesFor, FSTAB, printLine, withEntry } from "./fstab.ts";
import { claimsOf, readFstab } from "./parameters.ts";
import { sourcesAt, unmountAll } from "./unmount.ts";

export default defineState({
  name: "mount.absent",
  summary: "A path at which nothing is mounted, now or after a boot: its line in /etc/fstab is gone.",
  key: "path",
  params: z.strictObject({ path: Path.describe("Where nothing is to be mounted.") }),
  claims: ({ path }) => claimsOf(path),

  async check({ path }, host) {
    const is = {
      mounts: await sourcesAt(path, host.mounts),
      fstab: entriesFor(await readFstab(host), path).map(printLine),
    };
    return diff(is, { mounts: [] as string[], fstab: [] as string[] });
  },

  async apply({ mounts, fstab }, { path }, host) {
    if (mounts) await unmountAll(path, host.mounts);
    if (!fstab) return;
    let text = await readFstab(host);
    for (const _ of entriesFor(text, path)) text = withEntry(text, path, undefined);
    await host.files.write(FSTAB, text);
    await host.services.daemonReload();
  },

  examples: [
    {
      title: "a share that is not used any more",
      key: "/srv/old",
      given: {
        files: { "/etc/fstab": "UUID=1234 / ext4 defaults 0 1\nserver:/old /srv/old nfs defaults 0 0\n" },
        mounts: [{ path: "/srv/old", source: "server:/old", fstype: "nfs" }],
      },
    },
  ],
});
