/** Managers and metadata servers are kept alike: a directory with a key by which the cluster knows them. */
import { z } from "zod";

import { defineState } from "../../define-state.ts";
import { EXAMPLE_KEY, sayAuth } from "./example-cluster.ts";
import { giveIdentity, type Identity, type IdentityProperties, lookAtIdentity } from "./identity.ts";
import { keepDirectory } from "./kept-file.ts";
import { type Caps, keyringText } from "./keyring.ts";
import { assertKey, CEPH, CONF, DaemonName, daemonPorts, From, Key } from "./parameters.ts";

interface Daemon {
  readonly kind: "mgr" | "mds";
  readonly summary: string;
  readonly caps: Caps;
}

const params = z.strictObject({
  name: DaemonName.describe("Its name, mostly that of its machine."),
  key: Key.describe("Its key, such as secret(`gen:ceph/mgr?enc=ceph&per=node`)."),
  from: From,
});

export function defineDaemon({ kind, summary, caps }: Daemon) {
  const dirOf = (name: string): string => `/var/lib/ceph/${kind}/ceph-${name}`;
  const identityOf = ({ name, key }: z.output<typeof params>): Identity => {
    const member = { entity: `${kind}.${name}`, key, caps };
    const path = `${dirOf(name)}/keyring`;
    return { ...member, file: { path, text: keyringText(member), mode: "0600", ...CEPH } };
  };
  return defineState<typeof params, "name", IdentityProperties, "key">({
    name: `ceph.${kind}`,
    summary,
    key: "name",
    params,
    secretive: ["key"],
    stage: "storage",
    claims: ({ name }) => [`ceph:${kind}.${name}`, `file:${dirOf(name)}/keyring`],
    after: () => [`file:${CONF}`, "user:ceph"],
    needs: ({ from }) => daemonPorts(kind, from),
    async check(want, host) {
      assertKey("key", want.key);
      return lookAtIdentity(identityOf(want), host);
    },
    async apply(changes, want, host) {
      await keepDirectory(host.files, dirOf(want.name), { ...CEPH, mode: "0750" });
      await giveIdentity(changes, identityOf(want), host);
    },
    examples: [
      {
        title: "one that the cluster does not know yet",
        key: "node-1",
        params: { key: EXAMPLE_KEY },
        given: sayAuth([], [{ entity: `${kind}.node-1`, key: EXAMPLE_KEY, caps }]),
      },
    ],
  });
}
