/**
 * What may be done with a disk: nothing at all, everything, or everything with a
 * token. A disk counts as empty when that is proven, and not when nothing is known.
 */
import { type DiskEvidence, evidenceOf, NO_SERIAL } from "../functions/disk/disk-evidence.ts";
import type { ReadHost } from "../host/host.ts";
import type { BlockDevice } from "../host/storage.ts";
import { DISK_BYTES_MIN, MIB, partitionNames, UNFINISHED } from "./disk-layout.ts";

export type Standing =
  /** Nothing is on it. */
  | "empty"
  /** An installation that did not come to its end, and nothing else. */
  | "unfinished"
  /** Something is on it, or may be. */
  | "data"
  /** It cannot be used, whoever allows it. */
  | "unfit";

export interface Judged {
  readonly evidence: DiskEvidence;
  readonly standing: Standing;
  readonly why: string;
}

export interface Looked {
  readonly device: Pick<BlockDevice, "bytes" | "removable">;
  readonly evidence: DiskEvidence;
  /** The names of its partitions; `undefined` where it has no table. */
  readonly names: readonly string[] | undefined;
  /** Where the first byte stands that is not zero, as far as was looked. */
  readonly writtenAt: number | undefined;
}

export async function judgeDisk(path: string, host: ReadHost): Promise<Judged> {
  const evidence = await evidenceOf(path, host);
  const device = (await host.storage.device(path))!;
  const names = evidence.contents[0]!.partitionTable === null ? undefined : await partitionNames(path, host);
  const writtenAt = await host.storage.firstWritten(path);
  return { evidence, ...standingOf({ device, evidence, names, writtenAt }) };
}

export function standingOf({ device, evidence, names, writtenAt }: Looked): Omit<Judged, "evidence"> {
  // Where nothing is wiped, nothing need be known by its serial number.
  const objections = evidence.objections.filter((objection) => objection !== NO_SERIAL);
  if (objections.length > 0) return { standing: "unfit", why: objections.join("; ") };
  if (device.bytes < DISK_BYTES_MIN)
    return {
      standing: "unfit",
      why: `it has ${Math.floor(device.bytes / MIB)} MiB, and a system needs 4 GiB`,
    };
  if (names !== undefined && names.length > 0 && names.every((name) => name === UNFINISHED))
    return { standing: "unfinished", why: "an installation that did not come to its end is on it" };
  const found = evidence.contents.flatMap(({ path, type, partitionTable, signatures }) => {
    const words = new Set([type, partitionTable, ...signatures].filter((word) => word !== null));
    return words.size === 0 ? [] : [`${path}: ${[...words].join(", ")}`];
  });
  if (found.length > 0) return { standing: "data", why: `something is on it (${found.join("; ")})` };
  if (evidence.contents.length > 1) return { standing: "data", why: "it has partitions" };
  if (writtenAt !== undefined)
    return { standing: "data", why: `it is not zero at byte ${writtenAt}, and nothing says what that is` };
  return { standing: "empty", why: "nothing is on it" };
}
