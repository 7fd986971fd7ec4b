import { z } from "zod";

import { defineState } from "../../define-state.ts";
import { Group, Owner, Path } from "../file/parameters.ts";
import { EXAMPLE_KEY, sayAuth } from "./example-cluster.ts";
import { giveIdentity, type Identity, lookAtIdentity } from "./identity.ts";
import { keyringText } from "./keyring.ts";
import { assertKey, Key } from "./parameters.ts";

const Cap = z.string().regex(/^[^"\0\n]{1,1000}$/, "one line without quotes: `allow rw pool=web`");

const params = z
  .strictObject({
    client: z
      .string()
      .regex(/^client\.(?!admin$|bootstrap-)[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "a name such as `client.web`")
      .describe("Its name: client.web. The administrator's is for `ceph.cluster`."),
    key: Key.describe("Its key: secret(`gen:ceph/client/web?enc=ceph`)."),
    caps: z
      .strictObject({ mon: Cap.optional(), osd: Cap.optional(), mds: Cap.optional(), mgr: Cap.optional() })
      .optional()
      .describe("What it may do; said on a machine that administers the cluster."),
    path: Path.optional().describe(
      "Where this machine keeps its key, such as /etc/ceph/ceph.client.web.keyring.",
    ),
    format: z
      .enum(["keyring", "secret"])
      .default("keyring")
      .describe("A whole keyring, or the bare key as the kernel's mount takes it."),
    owner: Owner.default("root"),
    group: Group.default("root"),
    mode: z
      .string()
      .regex(/^0[4-6][04]0$/, "for its owner, and for its group at most to be read: 0600, 0640")
      .default("0600")
      .describe("Who may read it."),
  })
  .refine(({ caps, path }) => caps !== undefined || path !== undefined, "`caps`, `path`, or both");
type Want = z.output<typeof params>;

export default defineState({
  name: "ceph.client",
  summary: "A user of a Ceph cluster: what it may do there, and where its key lies here.",
  key: "client",
  params,
  secretive: ["key"],
  stage: "storage",
  claims: ({ client, caps, path }) => [
    ...(caps ? [`ceph:${client}`] : []),
    ...(path === undefined ? [] : [`file:${path}`]),
  ],
  after: ({ owner, group }) => [`user:${owner}`, `group:${group}`],
  async check(want, host) {
    assertKey("key", want.key);
    return lookAtIdentity(identityOf(want), host);
  },
  apply: (changes, want, host) => giveIdentity(changes, identityOf(want), host),
  examples: [
    {
      title: "one that mounts a directory of CephFS",
      key: "client.web",
      params: {
        key: EXAMPLE_KEY,
        caps: { mon: "allow r", mds: "allow rw path=/web", osd: "allow rw tag cephfs data=cephfs" },
        path: "/etc/ceph/ceph.client.web.keyring",
      },
      given: sayAuth(
        [],
        [
          {
            entity: "client.web",
            key: EXAMPLE_KEY,
            caps: { mon: "allow r", mds: "allow rw path=/web", osd: "allow rw tag cephfs data=cephfs" },
          },
        ],
      ),
    },
    {
      title: "its key on a machine that uses it",
      key: "client.web",
      params: { key: EXAMPLE_KEY, path: "/etc/ceph/client.web.secret", format: "secret", mode: "0640" },
    },
  ],
});

function identityOf({ client, key, caps, path, format, owner, group, mode }: Want): Identity {
  const said =
    caps &&
    Object.fromEntries(Object.entries(caps).flatMap(([to, cap]) => (cap === undefined ? [] : [[to, cap]])));
  const member: Identity = { entity: client, key, caps: said };
  if (path === undefined) return member;
  const text = format === "secret" ? `${key}\n` : keyringText({ entity: client, key });
  return { ...member, file: { path, text, owner, group, mode } };
}
