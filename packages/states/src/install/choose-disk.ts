/** Which disk the system goes on: the one that is named, or the only one that can be meant. */
import { BomaError } from "@boma/protocol";

import type { ReadHost } from "../host/host.ts";
import { type Judged, judgeDisk } from "./disk-proof.ts";

export async function chooseDisk(named: string | undefined, host: ReadHost): Promise<Judged> {
  if (named !== undefined) return judgeDisk(named, host);
  const judged: Judged[] = [];
  for (const path of await disksOf(host)) judged.push(await judgeDisk(path, host));
  return theOnlyOne(judged);
}

/** Begun anew where it was begun; else the one that is empty. Two that could be meant are two too many. */
function theOnlyOne(judged: readonly Judged[]): Judged {
  for (const standing of ["unfinished", "empty"] as const) {
    const fitting = judged.filter((one) => one.standing === standing);
    if (fitting.length > 1)
      throw new BomaError(
        "install/disk",
        `${fitting.length} disks could be meant: ${fitting.map(nameOf).join(", ")}`,
        { hint: "Name one: disk=/dev/disk/by-id/…" },
      );
    if (fitting[0]) return fitting[0];
  }
  const each = judged.map((one) => `${nameOf(one)}: ${one.why}`);
  throw new BomaError(
    "install/disk",
    `no disk of this machine is proven empty${each.map((line) => `\n${line}`).join("")}`,
    {
      hint: "Name one with disk=/dev/disk/by-id/…; where data is on it, with a token of `boma-master allow NODE disk.wipe DEVICE`.",
    },
  );
}

export const nameOf = ({ evidence: { device, serial, bytes } }: Judged): string =>
  `${device} (serial number ${serial ?? "none"}, ${bytes} bytes)`;

const NOT_DISKS = /^\/dev\/(?:zram|ram|nbd|fd|sr)\d/;

/** What is plugged in and pulled out again is nobody's root, unless somebody names it. */
async function disksOf({ storage }: ReadHost): Promise<readonly string[]> {
  const fixed: string[] = [];
  for (const path of await storage.disks()) {
    const device = NOT_DISKS.test(path) ? undefined : await storage.device(path);
    if (device && !device.removable && device.bytes > 0) fixed.push(path);
  }
  return fixed;
}
