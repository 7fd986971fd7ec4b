import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import { readIfThere } from "../owned-file.ts";
import { BOOTSTRAP_CAPS, confText, fsidIn, Settings } from "./conf.ts";
import { EXAMPLE_KEY, FSID } from "./example-cluster.ts";
import { AS_GIVEN, keepFile, type KeptFile, lookAtFile } from "./kept-file.ts";
import { keyringText } from "./keyring.ts";
import {
  ADMIN_KEYRING,
  assertKey,
  BOOTSTRAP_KEYRING,
  CEPH,
  CONF,
  Fsid,
  Key,
  Monitors,
} from "./parameters.ts";

const Networks = z
  .array(z.union([z.cidrv4(), z.cidrv6()]))
  .min(1)
  .max(20);

const params = z.strictObject({
  cluster: z.enum(["ceph"]).describe("Its name: `ceph`, as all units and programs take it."),
  fsid: Fsid,
  publicNetworks: Networks.describe("The networks in which monitors and clients are."),
  clusterNetworks: Networks.optional().describe("Networks for what the disks copy among themselves."),
  mons: Monitors,
  conf: z
    .record(z.string().regex(/^[a-z][a-z0-9._-]*$/i, "a section: `global`, `osd`, `mon.a`"), Settings)
    .default({})
    .describe("Further settings by section, such as { osd: { osd_memory_target: 4294967296 } }."),
  adminKey: Key.optional().describe(
    "The administrator's key, where this machine may administer the cluster.",
  ),
  bootstrapOsdKey: Key.optional().describe("The key by which new disks are announced."),
});
type Want = z.output<typeof params>;

export default defineState({
  name: "ceph.cluster",
  summary: "What a machine knows of its Ceph cluster: its configuration, and the keyrings to speak with it.",
  key: "cluster",
  params,
  secretive: ["adminKey", "bootstrapOsdKey"],
  stage: "storage",
  claims: ({ adminKey, bootstrapOsdKey }) => [
    `file:${CONF}`,
    ...(adminKey === undefined ? [] : [`file:${ADMIN_KEYRING}`]),
    ...(bootstrapOsdKey === undefined ? [] : [`file:${BOOTSTRAP_KEYRING}`]),
  ],
  after: () => ["file:/etc", "file:/etc/ceph", "user:ceph"],
  warnings: ({ mons }) =>
    mons.length % 2 === 0
      ? [`${mons.length} monitors survive no more losses than ${mons.length - 1}: take an odd number`]
      : [],

  async check(want, { files }) {
    await assertOwn(want, files);
    const [admin, bootstrap] = keyringsOf(want);
    return diff<{ conf: string; mode: string; admin: string; bootstrap: string }>(
      {
        conf: await readIfThere(files, CONF),
        mode: (await files.stat(CONF))?.mode,
        admin: admin && (await lookAtFile(files, admin)),
        bootstrap: bootstrap && (await lookAtFile(files, bootstrap)),
      },
      {
        conf: confText(want),
        mode: "0644",
        admin: (admin && AS_GIVEN)!,
        bootstrap: (bootstrap && AS_GIVEN)!,
      },
    );
  },

  async apply({ conf, mode, admin, bootstrap }, want, { files }) {
    const [adminFile, bootstrapFile] = keyringsOf(want);
    if (admin && adminFile) await keepFile(files, adminFile);
    if (bootstrap && bootstrapFile) await keepFile(files, bootstrapFile);
    const text = confText(want);
    if (conf || mode) await keepFile(files, { path: CONF, text, mode: "0644", owner: "root", group: "root" });
  },

  examples: [
    {
      title: "a machine that may administer its cluster",
      key: "ceph",
      params: {
        fsid: FSID,
        publicNetworks: ["10.20.0.0/24"],
        mons: [
          { name: "node-1", address: "10.20.0.11" },
          { name: "node-2", address: "10.20.0.12" },
          { name: "node-3", address: "10.20.0.13" },
        ],
        conf: { osd: { osd_memory_target: 4294967296 } },
        adminKey: EXAMPLE_KEY,
        bootstrapOsdKey: EXAMPLE_KEY,
      },
    },
    {
      title: "a client, whose cluster got another monitor",
      key: "ceph",
      params: {
        fsid: FSID,
        publicNetworks: ["10.20.0.0/24"],
        mons: [{ name: "node-1", address: "10.20.0.21" }],
      },
      given: { files: { "/etc/ceph/ceph.conf": `[global]\nfsid = ${FSID}\nmon_host = 10.20.0.11\n` } },
    },
  ],
});

/** Another cluster is no change of this one: its data would be left behind without a word. */
async function assertOwn({ fsid, adminKey, bootstrapOsdKey }: Want, files: ReadFiles): Promise<void> {
  if (adminKey !== undefined) assertKey("adminKey", adminKey);
  if (bootstrapOsdKey !== undefined) assertKey("bootstrapOsdKey", bootstrapOsdKey);
  const now = fsidIn((await readIfThere(files, CONF)) ?? "");
  if (now === undefined || now === fsid) return;
  throw new BomaError("state/blocked", `${CONF} is that of another cluster, ${now}`, {
    hint: `Its id never changes. If this machine is to leave that one, take ${CONF} away by hand.`,
  });
}

function keyringsOf({
  adminKey,
  bootstrapOsdKey,
}: Want): readonly [KeptFile | undefined, KeptFile | undefined] {
  const admin = adminKey !== undefined && {
    path: ADMIN_KEYRING,
    text: keyringText({ entity: "client.admin", key: adminKey, caps: ADMIN_CAPS }),
    mode: "0600",
    owner: "root",
    group: "root",
  };
  const bootstrap = bootstrapOsdKey !== undefined && {
    path: BOOTSTRAP_KEYRING,
    text: keyringText({ entity: "client.bootstrap-osd", key: bootstrapOsdKey, caps: BOOTSTRAP_CAPS }),
    mode: "0600",
    ...CEPH,
  };
  return [admin || undefined, bootstrap || undefined];
}

const ADMIN_CAPS = { mon: "allow *", mgr: "allow *", osd: "allow *", mds: "allow *" };
