import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";
import { cluster, EXAMPLE_KEY, FSID, json } from "./example-cluster.ts";
import {
  announce,
  assertNotLost,
  dirOf,
  furnish,
  type HomeProperties,
  instance,
  lookAtHome,
  makeStore,
  OSD_DIR,
  restart,
  start,
  uuidOf,
} from "./osd-home.ts";
import { assertKey, CONF, DaemonName, daemonPorts, From, Fsid, Key } from "./parameters.ts";
import { restartsOsd } from "./turns.ts";

const params = z.strictObject({
  name: DaemonName.describe("What it is called on this machine, such as `0`."),
  bytes: z
    .int()
    .min(1024 ** 3)
    .describe("How much it may hold."),
  fsid: Fsid,
  key: Key.describe("Its key: secret(`gen:ceph/osd/NAME?enc=ceph`), another one for each."),
  from: From,
});
type Want = z.output<typeof params>;

interface Properties extends HomeProperties {
  store: string;
}

export default defineState({
  name: "ceph.lab-osd",
  summary: "A file that keeps data of a Ceph cluster as a disk would: for trying it out, never for data.",
  key: "name",
  params,
  secretive: ["key"],
  stage: "storage",
  claims: ({ name }) => [`ceph:lab-osd.${name}`],
  after: () => [`file:${CONF}`, "user:ceph"],
  needs: ({ from }) => daemonPorts("osd", from),
  warnings: ({ name }) => [
    `${name} is a file, and no disk: it is slow, and what is in it is as safe as its file system`,
  ],
  timeoutMs: 10 * 60_000,

  async check(want, host): Promise<Changes<Properties>> {
    assertKey("key", want.key);
    const uuid = await idOf(want, host);
    const id = await madeAs(uuid, host);
    if (id !== undefined) return lookAtHome({ id, uuid, key: want.key }, host);
    await assertNotLost(uuid, `the place of ${want.name}`, host);
    return diff<Pick<Properties, "store" | "active">>({}, { store: "made", active: "active" });
  },

  async apply(_, { key, bytes, ...want }, host) {
    const uuid = await idOf(want, host);
    const made = await madeAs(uuid, host);
    const osd = { id: made ?? (await announce(uuid, key, host)), uuid, key };
    await furnish(osd, host);
    if (made === undefined) await makeStore(osd, host, ["--bluestore-block-size", String(bytes)]);
    await start(osd, host);
  },

  async refresh(want, host) {
    const id = await madeAs(await idOf(want, host), host);
    if (id !== undefined) await restart({ id }, host);
  },
  protects: async () => "the cluster would be without it for a while",
  restarts: ({ name }) => restartsOsd(`ceph-osd on ${name}`),
  async instance(want, host) {
    const id = await madeAs(await idOf(want, host), host);
    return id === undefined ? undefined : instance({ id }, host.services);
  },

  examples: [
    {
      title: "ten gigabytes in a file",
      key: "0",
      params: { bytes: 10 * 1024 ** 3, fsid: FSID, key: EXAMPLE_KEY },
      given: exampleFile(),
    },
  ],
});

/** Machines are told apart by the id that systemd gave them, for their names may change. */
async function idOf(
  { fsid, name }: Pick<Want, "fsid" | "name">,
  { files }: Pick<ReadHost, "files">,
): Promise<string> {
  return uuidOf(fsid, ((await readIfThere(files, "/etc/machine-id")) ?? "").trim(), name);
}

/** Under which number it was made, if it was to the end. */
async function madeAs(uuid: string, { files }: Pick<ReadHost, "files">): Promise<number | undefined> {
  const names = (await files.stat(OSD_DIR)) ? await files.list(OSD_DIR) : [];
  for (const id of names.flatMap((name) => /^ceph-(\d+)$/.exec(name)?.[1] ?? [])) {
    const [fsid, done] = await Promise.all(
      ["fsid", "mkfs_done"].map((file) => readIfThere(files, `${OSD_DIR}/ceph-${id}/${file}`)),
    );
    if (fsid?.trim() === uuid && done?.trim() === "yes") return Number(id);
  }
  return undefined;
}

function exampleFile() {
  const uuid = uuidOf(FSID, "", "0");
  const size = `--bluestore-block-size ${10 * 1024 ** 3}`;
  const mkfs = `ceph-osd --mkfs -i 0 --osd-uuid ${uuid} --osd-objectstore bluestore ${size} --setuser ceph --setgroup ceph`;
  return {
    files: { [OSD_DIR]: { directory: true as const }, "/etc/ceph/ceph.client.admin.keyring": "" },
    services: { "ceph-osd@0": {} },
    commands: {
      ...cluster({
        "osd dump": json({ fsid: FSID, flags_set: [], osds: [] }),
        [`osd new ${uuid} -i -`]: json({ osdid: 0 }),
      }),
      [mkfs]: { makes: { [`${dirOf(0)}/fsid`]: `${uuid}\n`, [`${dirOf(0)}/mkfs_done`]: "yes\n" } },
    },
  };
}
