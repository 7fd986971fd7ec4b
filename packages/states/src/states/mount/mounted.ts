import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Change, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import type { Mount, WantedMount } from "../../host/mounts.ts";
import { aboveOf, Path } from "../file/parameters.ts";
import { makeDirectories } from "../owned-file.ts";
import { type Entry, entriesFor, FSTAB, printLine, withEntry } from "./fstab.ts";
import { shown, visible } from "./mount-options.ts";
import { claimsOf, isSystem, mountAt, mountsAbove, readFstab } from "./parameters.ts";

const Word = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^\0\n#][^\0\n]*$/, "one line, and not a comment");

interface Want extends WantedMount {
  readonly nofail?: boolean | undefined;
  readonly persist: boolean;
  readonly pass: number;
}

export default defineState({
  name: "mount.mounted",
  summary: "A filesystem that is mounted at a path, now and after every boot.",
  key: "path",
  params: z.strictObject({
    path: Path.describe("Where it is mounted; the directory is made where there is none."),
    source: Word.describe("What is mounted: UUID=…, LABEL=…, a path below /dev/disk, server:/export, tmpfs."),
    fstype: z
      .string()
      .regex(/^[a-z0-9._-]+$/i, "a type of filesystem: ext4")
      .describe("The type of its filesystem; `none` for a directory with `bind`."),
    options: z
      .array(z.string().regex(/^[^\s,\0]+$/, "one option, without blanks and commas"))
      .default([])
      .describe("Options of the mount, one a piece."),
    nofail: z
      .boolean()
      .optional()
      .describe("The machine comes up without it; so for all but the system's own directories."),
    persist: z.boolean().default(true).describe("Keep a line in /etc/fstab."),
    pass: z.int().min(0).max(2).default(0).describe("In which turn it is checked at boot; 0 for never."),
  }),
  claims: ({ path }) => claimsOf(path),
  after: ({ path, source }) => [
    ...aboveOf(path),
    `file:${path}`,
    ...mountsAbove(path),
    ...(source.startsWith("/") ? [`blk:${source}`, `file:${source}`] : []),
  ],
  warnings: ({ source }) =>
    /^\/dev\/(sd|vd|xvd|nvme)/.test(source)
      ? [`${source} may be another disk after a boot: name it by UUID= or /dev/disk/by-id`]
      : [],

  async check(want, host) {
    const live = await mountAt(want.path, host);
    await assertPlace(want, live, host);
    const is = {
      mounted: live && want.source,
      options: live && shown(live.options),
      fstab: await lineNow(want, host),
    };
    return diff(is, {
      mounted: want.source,
      options: visible(want.options),
      fstab: want.persist ? printLine(entryOf(want)) : undefined,
    });
  },

  async apply({ mounted, options, fstab }, want, host) {
    await makeDirectories(host.files, want.path);
    if (fstab) await assertReadable(want, host);
    const wanted = { ...want, options: optionsOf(want) };
    // Before the line is kept, so that what the kernel refuses is not tried again at the next boot.
    if (mounted) await host.mounts.mount(wanted);
    else if (options || optionsMoved(fstab)) await host.mounts.remount(wanted);
    if (fstab) await keepLine(want, host);
  },

  examples: [
    {
      title: "a disk for data, by what is on it",
      key: "/srv/data",
      params: {
        source: "UUID=6e1c2a4e-8c5b-4f0e-9f0a-0c9d2f6b7a11",
        fstype: "ext4",
        options: ["noatime"],
        pass: 2,
      },
      given: {
        files: { "/etc/fstab": "# the root\nUUID=1234 / ext4 errors=remount-ro 0 1\n" },
        devices: {
          "/dev/sdb1": { bytes: 1e9, filesystem: "ext4", uuid: "6e1c2a4e-8c5b-4f0e-9f0a-0c9d2f6b7a11" },
        },
      },
    },
    {
      title: "memory for scratch files, which grew an option",
      key: "/scratch",
      params: { source: "tmpfs", fstype: "tmpfs", options: ["size=64M", "noexec"] },
      given: {
        files: {
          "/etc/fstab": "tmpfs /scratch tmpfs size=64M,nofail 0 0\n",
          "/scratch": { directory: true },
        },
        mounts: [{ path: "/scratch", source: "tmpfs", fstype: "tmpfs" }],
      },
    },
    {
      title: "mounted already, under the device's other name",
      key: "/srv/data",
      params: { source: "LABEL=data", fstype: "ext4" },
      given: {
        files: { "/etc": { directory: true } },
        mounts: [{ path: "/srv/data", source: "/dev/sdb1", fstype: "ext4" }],
        devices: { "/dev/sdb1": { bytes: 1e9, filesystem: "ext4", label: "data" } },
      },
    },
  ],
});

const optionsOf = ({ path, options, nofail = !isSystem(path) }: Want): string[] => [
  ...options,
  ...(nofail && !options.includes("nofail") ? ["nofail"] : []),
];

const entryOf = (want: Want): Entry => ({
  source: want.source,
  path: want.path,
  fstype: want.fstype,
  options: optionsOf(want).join(",") || "defaults",
  dump: "0",
  pass: String(want.pass),
});

/** What is mounted there is left alone unless it is the very thing; what lies in the directory would be hidden. */
async function assertPlace(want: Want, live: Mount | undefined, { mounts, files }: ReadHost): Promise<void> {
  if (live) {
    const identity = await mounts.identify(want);
    if (identity === live.identity) return;
    throw new BomaError(
      "state/blocked",
      `${live.source} (${live.fstype}) is mounted at ${want.path}, which is not ${want.source}`,
      { hint: "It is never unmounted for another: declare mount.unmounted, or unmount it by hand." },
    );
  }
  const place = await files.stat(want.path);
  if (place && place.type !== "directory")
    throw new BomaError("state/wrong-type", `${want.path} is a ${place.type}, nothing can be mounted there`);
  const [inside] = place ? await files.list(want.path) : [];
  if (inside !== undefined)
    throw new BomaError(
      "state/blocked",
      `${want.path} is not empty: it holds ${inside}, which a mount would hide`,
      {
        hint: "Move away what is there.",
      },
    );
}

async function lineNow({ path }: Want, host: ReadHost): Promise<string | undefined> {
  const entries = entriesFor(await readFstab(host), path);
  if (entries.length > 1)
    throw new BomaError("state/blocked", `${FSTAB} has ${entries.length} lines for ${path}`, {
      hint: "Leave the one that is meant.",
    });
  return entries[0] && printLine(entries[0]);
}

/** The options in the line changed, and so those of the filesystem may have, which cannot be seen. */
function optionsMoved(fstab: Change<string> | undefined): boolean {
  if (fstab?.from === undefined) return false;
  return fstab.from.split(" ")[3] !== fstab.to.split(" ")[3];
}

async function assertReadable(want: Want, { mounts }: Host): Promise<void> {
  const problems = await mounts.verify(`${printLine(entryOf(want))}\n`);
  if (problems.length === 0) return;
  throw new BomaError("state/blocked", `this line of ${FSTAB} would not do: ${problems.join("; ")}`);
}

async function keepLine(want: Want, host: Host): Promise<void> {
  await host.files.write(FSTAB, withEntry(await readFstab(host), want.path, entryOf(want)));
  // systemd made units of the lines that it read.
  await host.services.daemonReload();
}
