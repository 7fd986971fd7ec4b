/** What the states of Ceph have in common. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { PortNeed } from "../../catalog/needs.ts";
import { PLACEHOLDER } from "../../check-params.ts";

export const CONF = "/etc/ceph/ceph.conf";
export const ADMIN_KEYRING = "/etc/ceph/ceph.client.admin.keyring";
export const BOOTSTRAP_KEYRING = "/var/lib/ceph/bootstrap-osd/ceph.keyring";

/** Whose the files of daemons are. */
export const CEPH = { owner: "ceph", group: "ceph" } as const;

export const Fsid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "a UUID in small letters, as `uuidgen` prints it")
  .describe("The cluster's own id, a UUID that is made once and never changed.");

export const DaemonName = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9-]{0,62}$/, "letters, digits and hyphens");
export const PoolName = z.string().regex(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,99}$/, "letters, digits, and _ . -");

export const Monitor = z.strictObject({
  name: DaemonName.describe("Its name, mostly that of its machine."),
  address: z.union([z.ipv4(), z.ipv6()]).describe("The address that the whole cluster knows it by."),
});
export type Monitor = z.output<typeof Monitor>;

export const Monitors = z
  .array(Monitor)
  .min(1)
  .max(15)
  .refine(
    (all) =>
      ["name", "address"].every(
        (word) => new Set(all.map((one) => one[word as keyof Monitor])).size === all.length,
      ),
    "each name and each address once",
  )
  .describe("All monitors: an odd number, such as three.");

/** A reference such as `gen:ceph/admin?enc=ceph`; what it stands for is looked at on the node. */
export const Key = z.string().min(1);

const KEY = /^[A-Za-z0-9+/]{38}==$/;

/** Says which parameter holds no key, and never what it holds. */
export function assertKey(parameter: string, key: string): void {
  if (KEY.test(key) || key === PLACEHOLDER) return;
  throw new BomaError("state/params", `\`${parameter}\` is no key of Ceph`, {
    hint: "Let the master make one: secret(`gen:ceph/NAME?enc=ceph`).",
  });
}

export const From = z
  .array(z.union([z.cidrv4(), z.cidrv6()]))
  .max(50)
  .optional()
  .describe("The networks that may reach it; the local ones where it is not said.");

/** Monitors have ports of their own, all others take the first free ones of a range. */
export const monitorPorts = (from: readonly string[] | undefined): PortNeed[] =>
  [3300, 6789].map((port) => need(`ceph-mon-${port}`, port, from));
export const daemonPorts = (kind: string, from: readonly string[] | undefined): PortNeed[] => [
  need(`ceph-${kind}`, "6800-7300", from),
];

const need = (name: string, port: PortNeed["port"], from: readonly string[] | undefined): PortNeed => ({
  name,
  proto: "tcp",
  port,
  exposure: "lan",
  ...(from && { from: [...from] }),
});
