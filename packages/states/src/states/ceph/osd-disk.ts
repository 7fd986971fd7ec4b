/**
 * May this disk become one of Ceph's? Only when it is the very disk that was
 * meant, and all that can be known of it says that nothing is on it. There is
 * no way in here that wipes a disk: that takes a token, and `disk.wipe`.
 */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { ReadHost } from "../../host/host.ts";
import type { BlockDevice } from "../../host/storage.ts";
import { contentsOf, findDevice } from "../fs/proven-empty.ts";
import { placesInFstab } from "../mount/fstab-places.ts";
import { FSTAB } from "../mount/fstab.ts";
import { askProgram } from "./ask.ts";

export interface WantedDisk {
  readonly device: string;
  readonly expect: { readonly serial: string; readonly bytes: number };
  readonly fsid: string;
}

/** What a disk is to the cluster that asks for it. */
export type DiskState =
  | { readonly is: "empty" }
  /** Its making was begun under this id, and not finished. */
  | { readonly is: "unfinished" }
  | { readonly is: "made"; readonly id: number; readonly uuid: string };

/** `never`: whatever anybody says. `content`: what only its owner can know to be worthless. */
interface Objection {
  readonly kind: "never" | "content";
  readonly says: string;
}

/** Throws `state/blocked`, naming all that was found, unless the disk is empty, or one of this cluster already. */
export async function stateOfDisk(want: WantedDisk, uuid: string, host: ReadHost): Promise<DiskState> {
  const device = await findDevice(want.device, host.storage);
  const identity = objectionsToIdentity(device, want);
  // Of a disk that is another one than was meant nothing else is of interest.
  if (identity.length > 0) throw refusal(want.device, identity);
  const label = await labelOf(want.device, host);
  if (label?.ceph_fsid === want.fsid && label.mkfs_done === "yes" && label.whoami !== undefined)
    return { is: "made", id: label.whoami, uuid: label.osd_uuid };
  const ours = label?.osd_uuid === uuid && (label.ceph_fsid ?? want.fsid) === want.fsid;
  if (ours && label.mkfs_done !== "yes") return { is: "unfinished" };
  const objections = await objectionsToContent(want, device, host);
  if (label)
    objections.push({
      kind: "content",
      says: `it is a disk of Ceph already, ${label.osd_uuid}, of the cluster ${label.ceph_fsid ?? "(unfinished)"}`,
    });
  if (objections.length > 0) throw refusal(want.device, objections);
  return { is: "empty" };
}

function objectionsToIdentity(device: BlockDevice, { expect }: WantedDisk): Objection[] {
  const { serial, bytes, type, parent, readOnly, removable } = device;
  return [
    serial !== expect.serial && `its serial number is ${serial ?? "unknown"}, not ${expect.serial}`,
    bytes !== expect.bytes && `it has ${bytes} bytes, not ${expect.bytes}`,
    // A loop device has a stable name and a serial number only where a test gave it both.
    type !== "disk" && type !== "loop" && `it is no whole disk (${type})`,
    parent !== undefined && `it is a part of ${parent}`,
    readOnly && "it can only be read",
    removable && "it can be taken out",
  ].flatMap((says) => (typeof says === "string" ? [{ kind: "never", says } as const] : []));
}

async function objectionsToContent(
  { device: name }: WantedDisk,
  device: BlockDevice,
  host: ReadHost,
): Promise<Objection[]> {
  const never: Objection[] = [];
  if (await host.storage.isHeld(device.path))
    never.push({ kind: "never", says: "something on this machine has it in use" });
  for (const path of await placesInFstab({ paths: [device.path] }, host))
    never.push({ kind: "never", says: `${FSTAB} mounts it at ${path}` });
  const found = await contentsOf(device, host.storage);
  const written = await host.storage.firstWritten(name);
  if (written !== undefined) found.push(`data stands on it at byte ${written}, whatever it is`);
  return [...never, ...found.map((says) => ({ kind: "content", says }) as const)];
}

/** Wiping it is asked for by name, with a token for this disk as it is: a state never does. */
function refusal(device: string, objections: readonly Objection[]): BomaError {
  const final = objections.some(({ kind }) => kind === "never");
  return new BomaError(
    "state/blocked",
    `${device} was left as it is: ${objections.map(({ says }) => says).join("; ")}`,
    {
      hint: final
        ? "Look with `lsblk -o NAME,SERIAL,SIZE,MOUNTPOINTS` which disk is meant."
        : `If nothing on it is needed: boma-master allow NODE disk.wipe ${device} --reason TEXT --run SERIAL --whole`,
    },
  );
}

const Label = z.object({
  osd_uuid: z.string(),
  ceph_fsid: z.string().optional(),
  mkfs_done: z.string().optional(),
  whoami: z.coerce.number().int().min(0).optional(),
});
type Label = z.output<typeof Label>;

/** What BlueStore wrote on it of itself. That nothing was read means nothing: the content is looked at anyway. */
async function labelOf(device: string, { commands }: ReadHost): Promise<Label | undefined> {
  const argv = ["ceph-bluestore-tool", "show-label", "--dev", device];
  const asked = await askProgram(commands, argv, z.record(z.string(), Label));
  return "said" in asked ? asked.said[device] : undefined;
}
