import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import type { WantedMount } from "../../host/mounts.ts";
import { aboveOf, Path } from "../file/parameters.ts";
import { entriesFor, FSTAB, printLine, withEntry } from "../mount/fstab.ts";
import { claimsOf, mountAt, mountsAbove, readFstab } from "../mount/parameters.ts";
import { makeDirectories, writeBelow } from "../owned-file.ts";
import { silence } from "./ask.ts";
import { mountUnitOf, unitFilesOf, unitTexts, wantedTexts } from "./mount-units.ts";
import { CONF, PoolName } from "./parameters.ts";

const params = z
  .strictObject({
    path: Path.describe("Where it is mounted; the directory is made where there is none."),
    filesystem: PoolName.describe("The CephFS."),
    client: z
      .string()
      .regex(/^client\.[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "a name such as `client.web`")
      .describe("As whom; its key is declared with `ceph.client`."),
    directory: Path.default("/").describe("The directory of the filesystem that is mounted."),
    via: z
      .enum(["kernel", "fuse"])
      .default("kernel")
      .describe(
        "By the kernel's own client, or by the program `ceph-fuse`, which needs nothing of the kernel.",
      ),
    secretFile: Path.optional().describe("The file with the bare key, where the kernel mounts it."),
    options: z
      .array(z.string().regex(/^[^\s,\0]+$/, "one option, without blanks and commas"))
      .max(30)
      .default(["noatime"])
      .describe("Further options of the mount."),
  })
  .refine(
    ({ via, secretFile }) => via === "fuse" || secretFile !== undefined,
    "the kernel wants a `secretFile`",
  );
type Want = z.output<typeof params>;

interface Properties {
  mounted: string;
  answers: string;
  fstab: string;
  /** What tries again after a boot. */
  units: string;
}

const TYPES = { kernel: ["ceph"], fuse: ["fuse.ceph-fuse", "fuse.ceph"] };

export default defineState({
  name: "ceph.mounted",
  summary: "A CephFS that is mounted at a path and answers, now and after every boot.",
  key: "path",
  params,
  stage: "storage",
  claims: ({ path }) => [...claimsOf(path), ...unitFilesOf(path).map((unit) => `file:${unit.path}`)],
  after: ({ path, filesystem, client, secretFile }) => [
    ...aboveOf(path),
    `file:${path}`,
    ...mountsAbove(path),
    `file:${CONF}`,
    `ceph:fs/${filesystem}`,
    `ceph:${client}`,
    ...(secretFile === undefined ? [] : [`file:${secretFile}`]),
  ],
  timeoutMs: 10 * 60_000,

  async check(want, host) {
    const live = await mountAt(want.path, host);
    if (live && !TYPES[want.via].includes(live.fstype))
      throw new BomaError("state/blocked", `${live.source} (${live.fstype}) is mounted at ${want.path}`, {
        hint: "It is never unmounted for another: declare mount.unmounted, or unmount it by hand.",
      });
    if (!live) await assertPlace(want.path, host);
    const [line, ...more] = entriesFor(await readFstab(host), want.path);
    if (more.length > 0) throw new BomaError("state/blocked", `${FSTAB} has several lines for ${want.path}`);
    const units = unitFilesOf(want.path);
    return diff<Properties>(
      {
        mounted: live && want.filesystem,
        answers: live && (await answerOf(want.path, host)),
        fstab: line && printLine(line),
        units: await unitTexts(units, host.files),
      },
      {
        mounted: want.filesystem,
        answers: "yes",
        fstab: printLine(entryOf(want)),
        units: wantedTexts(units),
      },
    );
  },

  async apply({ mounted, answers, fstab, units }, want, host) {
    // One whose program has died: nothing in it can be lost any more.
    if (!mounted && answers) await host.mounts.unmount(want.path);
    await makeDirectories(host.files, want.path);
    if (units) for (const { path, text } of unitFilesOf(want.path)) await writeBelow(host.files, path, text);
    if (fstab) await keepLine(want, host);
    // systemd makes units of the lines that it reads.
    if (units || fstab) await host.services.daemonReload();
    if (!mounted && !answers) return;
    if (want.via === "kernel") return host.mounts.mount(mountOf(want));
    // Its program has to live on when we are done: systemd is whose it is, by the line that it has just read.
    await host.services.resetFailed(mountUnitOf(want.path));
    await host.services.start(mountUnitOf(want.path));
  },

  examples: [
    {
      title: "by ceph-fuse, mounted already and only until the next boot",
      key: "/srv/shared",
      params: { filesystem: "cephfs", client: "client.web", via: "fuse" },
      given: {
        files: { "/etc/fstab": "", "/srv/shared": { directory: true } },
        mounts: [{ path: "/srv/shared", source: "ceph-fuse", fstype: "fuse.ceph-fuse" }],
        commands: { stat: {} },
      },
    },
    {
      title: "a directory of it, by the kernel",
      key: "/srv/web",
      params: {
        filesystem: "cephfs",
        client: "client.web",
        directory: "/web",
        secretFile: "/etc/ceph/client.web.secret",
      },
      given: { files: { "/etc/fstab": "" }, commands: { stat: {} } },
    },
  ],
});

/** Names of users are without `client.` here. */
function mountOf({ path, filesystem, client, directory, via, secretFile, options }: Want): WantedMount {
  const id = client.slice("client.".length);
  if (via === "kernel") {
    const own = [`name=${id}`, `secretfile=${secretFile}`, `fs=${filesystem}`];
    return { path, source: `:${directory}`, fstype: "ceph", options: [...own, ...options, "_netdev"] };
  }
  const own = [`ceph.id=${id}`, `ceph.client_fs=${filesystem}`];
  const below = directory === "/" ? [] : [`ceph.client_mountpoint=${directory}`];
  // Access times are for the kernel to keep; ceph-fuse knows no such word.
  const rest = options.filter((option) => option !== "noatime" && option !== "relatime");
  return { path, source: "none", fstype: "fuse.ceph", options: [...own, ...below, ...rest, "_netdev"] };
}

/** A machine whose storage is not there yet still comes up. */
function entryOf(want: Want) {
  const { path, source, fstype, options } = mountOf(want);
  return { path, source, fstype, options: [...options, "nofail"].join(","), dump: "0", pass: "0" };
}

async function keepLine(want: Want, host: Host): Promise<void> {
  const problems = await host.mounts.verify(`${printLine(entryOf(want))}\n`);
  if (problems.length > 0)
    throw new BomaError("state/blocked", `this line of ${FSTAB} would not do: ${problems.join("; ")}`);
  await host.files.write(FSTAB, withEntry(await readFstab(host), want.path, entryOf(want)));
}

async function assertPlace(path: string, { files }: ReadHost): Promise<void> {
  const place = await files.stat(path);
  if (place && place.type !== "directory")
    throw new BomaError("state/wrong-type", `${path} is a ${place.type}, nothing can be mounted there`);
  const [inside] = place ? await files.list(path) : [];
  if (inside !== undefined)
    throw new BomaError("state/blocked", `${path} holds ${inside}, which a mount would hide`, {
      hint: "Move away what is there.",
    });
}

/** After a cold start a mount that has outlived its cluster takes a while until it finds it again. */
const ANSWER_MS = 45_000;

/** In a program of its own: who asks a filesystem whose cluster is away may wait for ever. */
async function answerOf(path: string, { commands }: ReadHost): Promise<string> {
  const exit = await commands
    .read({ argv: ["stat", "-f", path], timeoutMs: ANSWER_MS })
    .catch(() => undefined);
  if (exit?.exitCode === 0) return "yes";
  if (exit && /not connected/i.test(exit.stderr)) return "no: its program has ended";
  throw silence(`the filesystem at ${path} does not answer`);
}
