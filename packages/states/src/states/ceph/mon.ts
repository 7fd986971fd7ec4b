import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { clear } from "../file/ownership.ts";
import { readIfThere } from "../owned-file.ts";
import { ask, askProgram, silence, tell } from "./ask.ts";
import { addressesOf, BOOTSTRAP_CAPS } from "./conf.ts";
import { EXAMPLE_KEY, FSID } from "./example-cluster.ts";
import { keyIn, keyringText } from "./keyring.ts";
import {
  ADMIN_KEYRING,
  assertKey,
  BOOTSTRAP_KEYRING,
  CEPH,
  CONF,
  DaemonName,
  From,
  Fsid,
  Key,
  monitorPorts,
  Monitors,
} from "./parameters.ts";
import { Quorum } from "./reports.ts";

const params = z
  .strictObject({
    name: DaemonName.describe("Its name, one of those in `mons`."),
    fsid: Fsid,
    mons: Monitors,
    key: Key.describe("The key that all monitors have in common: secret(`gen:ceph/mon?enc=ceph`)."),
    forms: z
      .boolean()
      .default(true)
      .describe(
        "Whether it may begin a cluster where no monitor answers. Say `false` once the cluster stands: one that lost its disk then joins, or waits.",
      ),
    from: From,
  })
  .refine(({ name, mons }) => mons.some((mon) => mon.name === name), "its name is not among `mons`");
type Want = z.output<typeof params>;

const MON_DIR = "/var/lib/ceph/mon";
const dirOf = (name: string): string => `${MON_DIR}/ceph-${name}`;
const socketOf = (name: string): string => `/run/ceph/ceph-mon.${name}.asok`;

export default defineState({
  name: "ceph.mon",
  summary: "The store of a Ceph monitor. It is made once, and never made anew.",
  key: "name",
  params,
  secretive: ["key"],
  stage: "storage",
  claims: ({ name }) => [`ceph:mon.${name}`, `file:${dirOf(name)}`],
  after: () => [`file:${CONF}`, "user:ceph"],
  needs: ({ from }) => monitorPorts(from),
  warnings: ({ forms, mons }) =>
    forms && mons.length > 1
      ? ["say `forms: false` once the cluster stands, so that monitors with lost disks cannot begin another"]
      : [],

  async check(want, host) {
    assertKey("key", want.key);
    const store = (await isStore(dirOf(want.name), host)) ? "made" : undefined;
    if (store) await assertOwn(want, host);
    else await assertFree(want, host);
    return diff({ store }, { store: "made" });
  },

  async apply(_, want, host) {
    const dir = dirOf(want.name);
    const [draft, papers] = [`${dir}.draft`, `${dir}.papers`];
    await clear(host.files, draft);
    await clear(host.files, papers);
    await host.files.makeDirectory(draft, { ...CEPH, mode: "0750" });
    await host.files.makeDirectory(papers, { ...CEPH, mode: "0700" });
    try {
      await host.files.write(`${papers}/keyring`, await firstKeyring(want, host), { ...CEPH, mode: "0600" });
      await drawMap(want, `${papers}/monmap`, host);
      await makeStore(want.name, { draft, papers }, host);
      // Complete or not there at all: what a killed run leaves is a draft.
      await host.files.rename(draft, dir);
    } finally {
      await clear(host.files, papers);
    }
  },

  examples: [
    {
      title: "the first one of a cluster",
      key: "node-1",
      params: { fsid: FSID, mons: [{ name: "node-1", address: "10.20.0.11" }], key: EXAMPLE_KEY },
      given: {
        files: { [MON_DIR]: { directory: true } },
        commands: {
          chown: {},
          monmaptool: {},
          "ceph-mon": {
            makes: {
              [`${MON_DIR}/ceph-node-1.draft/kv_backend`]: "rocksdb\n",
              [`${MON_DIR}/ceph-node-1.draft/store.db`]: { directory: true },
              [`${MON_DIR}/ceph-node-1.draft/keyring`]: `[mon.]\n\tkey = ${EXAMPLE_KEY}\n`,
            },
          },
        },
      },
    },
  ],
});

const STORE = ["kv_backend", "store.db", "keyring"];

async function isStore(dir: string, { files }: Pick<ReadHost, "files">): Promise<boolean> {
  const parts = await Promise.all(STORE.map((part) => files.stat(`${dir}/${part}`)));
  return parts.every((part) => part !== undefined);
}

/** What is there belongs to somebody, though it is no whole store. */
async function assertFree({ name }: Want, { files }: ReadHost): Promise<void> {
  const dir = dirOf(name);
  const [inside] = (await files.stat(dir)) ? await files.list(dir) : [];
  if (inside === undefined) return;
  throw new BomaError("state/blocked", `${dir} is no monitor's store, and holds ${inside}`, {
    hint: "It was left as it is. Look what it is, and move it away.",
  });
}

const MonStatus = z.object({ monmap: z.object({ fsid: z.string() }) });

async function assertOwn({ name, key, fsid }: Want, { files, commands }: ReadHost): Promise<void> {
  const kept = keyIn((await readIfThere(files, `${dirOf(name)}/keyring`)) ?? "", "mon.");
  if (kept !== key)
    throw new BomaError("state/blocked", `the monitor ${name} was made with another key than \`key\``, {
      hint: "Monitors keep the key of their cluster. Give back the old secret; it is never replaced.",
    });
  if (!(await files.stat(socketOf(name)))) return;
  const argv = ["ceph", "--admin-daemon", socketOf(name), "mon_status"];
  const asked = await askProgram(commands, argv, MonStatus);
  if (!("said" in asked) || asked.said.monmap.fsid === fsid) return;
  throw new BomaError(
    "state/blocked",
    `the monitor ${name} is one of another cluster, ${asked.said.monmap.fsid}`,
  );
}

/** By it the first monitors know the administrator, and whoever announces disks. */
async function firstKeyring({ key }: Want, { files }: Host): Promise<string> {
  const admin = keyIn((await readIfThere(files, ADMIN_KEYRING)) ?? "", "client.admin");
  const bootstrap = keyIn((await readIfThere(files, BOOTSTRAP_KEYRING)) ?? "", "client.bootstrap-osd");
  const all = { mon: "allow *", mgr: "allow *", osd: "allow *", mds: "allow *" };
  return keyringText(
    { entity: "mon.", key, caps: { mon: "allow *" } },
    ...(admin === undefined ? [] : [{ entity: "client.admin", key: admin, caps: all }]),
    ...(bootstrap === undefined
      ? []
      : [{ entity: "client.bootstrap-osd", key: bootstrap, caps: BOOTSTRAP_CAPS }]),
  );
}

/** Where there is a cluster it has the map; only where nobody answers is the first one drawn. */
async function drawMap(want: Want, path: string, { commands }: Host): Promise<void> {
  const asked = await ask(commands, "quorum_status", Quorum);
  if ("said" in asked) {
    const { fsid } = asked.said.monmap;
    if (fsid !== want.fsid)
      throw new BomaError("state/blocked", `the monitors that answer are those of another cluster, ${fsid}`);
    await tell(commands, `mon getmap -o ${path}`);
  } else if (!want.forms) throw silence(`${asked.silent}; ${want.name} may join a cluster, and begin none`);
  else {
    const members = want.mons.flatMap((mon) => ["--addv", mon.name, addressesOf(mon)]);
    await commands.must({ argv: ["monmaptool", "--create", "--fsid", want.fsid, ...members, path] });
  }
  await commands.must({ argv: ["chown", "ceph:ceph", path] });
}

/** Its exit code says nothing: it is 0 where it refused as well. */
async function makeStore(
  name: string,
  { draft, papers }: { readonly draft: string; readonly papers: string },
  host: Host,
): Promise<void> {
  const paths = ["--mon-data", draft, "--monmap", `${papers}/monmap`, "--keyring", `${papers}/keyring`];
  const argv = ["ceph-mon", "--mkfs", "-i", name, ...paths, "--setuser", "ceph", "--setgroup", "ceph"];
  const { stderr } = await host.commands.run({ argv, quiet: true });
  if (await isStore(draft, host)) return;
  throw new BomaError(
    "state/command-failed",
    `ceph-mon made no store: ${stderr.trim().split("\n").slice(-5).join("\n")}`,
  );
}
