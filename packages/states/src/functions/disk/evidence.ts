import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { DevicePath, DiskEvidence, evidenceOf } from "./disk-evidence.ts";

export default defineFunction({
  name: "disk.evidence",
  summary: "Which disk a device is, what is on it, and what speaks against wiping it. Looks only.",
  params: z.strictObject({ device: DevicePath.describe("The disk, by a name that stays with it.") }),
  positional: ["device"],
  result: DiskEvidence,
  effect: "read",
  onRestart: "fail",
  timeoutMs: 2 * 60_000,
  examples: ["boma-master run node-1 disk.evidence /dev/disk/by-id/wwn-0x5000c500a1b2c3d4"],
  run: ({ device }, { host }) => evidenceOf(device, host),
});
