/** All that is known of a disk that somebody wants wiped: which one it is, what is on it, and what speaks against it. */
import { createHash } from "node:crypto";

import { BomaError, pack } from "@boma/protocol";
import { z } from "zod";

import { sorted } from "../../catalog/catalog.ts";
import type { ReadHost } from "../../host/host.ts";
import type { BlockDevice } from "../../host/storage.ts";
import { placesInFstab } from "../../states/mount/fstab-places.ts";

/** A name that stays with the device over a boot, or the kernel's own. */
export const DevicePath = z
  .string()
  .max(4096)
  .regex(
    /^\/dev\/[A-Za-z0-9][A-Za-z0-9._:+@/-]*$/,
    "a device such as `/dev/disk/by-id/wwn-0x5000c500a1b2c3d4`",
  )
  .refine((path) => !path.split("/").includes(".."), "a path without `..`");

const Found = z.strictObject({
  path: z.string(),
  type: z.string().nullable(),
  label: z.string().nullable(),
  uuid: z.string().nullable(),
  partitionTable: z.string().nullable(),
  signatures: z.array(z.string()),
});

const Facts = z.strictObject({
  device: z.string(),
  /** The kernel's name for it at that moment. */
  path: z.string(),
  kind: z.string(),
  bytes: z.int(),
  serial: z.string().nullable(),
  wwn: z.string().nullable(),
  /** The disk itself, and each partition of it. */
  contents: z.array(Found).min(1).max(256),
  /** The group of volumes that it belongs to. */
  group: z.string().nullable(),
});
export type DiskFacts = z.output<typeof Facts>;

export const DiskEvidence = Facts.extend({
  /** Why it is not wiped whatever a token says. */
  objections: z.array(z.string()),
  /** Of everything but the objections. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});
export type DiskEvidence = z.output<typeof DiskEvidence>;

export async function evidenceOf(device: string, host: ReadHost): Promise<DiskEvidence> {
  const found = await host.storage.device(device);
  if (!found)
    throw new BomaError("permit/evidence", `there is no device ${device}`, {
      hint: "`lsblk -o NAME,SERIAL,WWN,SIZE` on the node lists what there is.",
    });
  const facts = await factsOf(device, found, host);
  return { ...facts, objections: await objectionsTo(found, facts, host), digest: digestOf(facts) };
}

async function factsOf(device: string, found: BlockDevice, { storage }: ReadHost): Promise<DiskFacts> {
  const { path, type: kind, bytes, serial = null, wwn = null, children } = found;
  const contents: DiskFacts["contents"] = [];
  for (const one of [path, ...children].slice(0, CONTENTS_MAX)) {
    const { type = null, label = null, uuid = null, partitionTable = null } = await storage.probe(one);
    const signatures = [...(await storage.signatures(one))].sort();
    contents.push({ path: one, type, label, uuid, partitionTable, signatures });
  }
  const volume = (await storage.physicalVolumes()).find(({ device: one }) => one === path);
  return { device, path, kind, bytes, serial, wwn, contents, group: volume?.group ?? null };
}

const CONTENTS_MAX = 256;
export const NO_SERIAL = "it has no serial number to be known by";

/** What no token answers: the disk is in use, or it cannot be told from another one. */
async function objectionsTo(
  { path, type, parent, readOnly, mountpoints, children }: BlockDevice,
  { serial, wwn, contents, group }: DiskFacts,
  host: ReadHost,
): Promise<string[]> {
  const labels = contents.flatMap(({ label }) => label ?? []);
  const uuids = contents.flatMap(({ uuid }) => uuid ?? []);
  const places = await placesInFstab({ paths: [path, ...children], uuids, labels }, host);
  return [
    type !== "disk" && type !== "loop" && `it is no whole disk (${type})`,
    parent !== undefined && `it is a part of ${parent}`,
    readOnly && "it can only be read",
    type !== "loop" && serial === null && wwn === null && NO_SERIAL,
    mountpoints.length > 0 && `it is in use at ${mountpoints.join(", ")}`,
    places.length > 0 && `/etc/fstab mounts it at ${places.join(", ")}`,
    group !== null && `it belongs to the volume group ${group}: \`vgreduce\` it first`,
    children.length >= CONTENTS_MAX && "too much lies on it to be looked at",
    (await host.storage.isHeld(path)) && "something on this machine has it in use",
  ].filter((one) => typeof one === "string");
}

const digestOf = (facts: DiskFacts): string =>
  createHash("sha256")
    .update(pack(sorted(Facts.strip().parse(facts))))
    .digest("hex");

export const evidenceText = ({ device, path, bytes, serial, wwn, contents, group }: DiskFacts): string[] => [
  `${device} is ${path}, ${bytes} bytes, serial number ${serial ?? "none"}, WWN ${wwn ?? "none"}`,
  ...contents.map(({ path: one, type, label, uuid, partitionTable, signatures }) => {
    const known = [type, label && `"${label}"`, uuid, partitionTable && `partition table ${partitionTable}`];
    const words = known.filter((word) => word !== null && word !== "");
    return `  ${one}: ${words.join(" ") || "nothing that is known"}${signatures.length > 0 ? ` (${signatures.join(", ")})` : ""}`;
  }),
  ...(group === null ? [] : [`  of the volume group ${group}`]),
];
