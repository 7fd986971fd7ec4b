import { BomaError, type Permit, PERMIT_TEXT_MAX } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { DevicePath, type DiskEvidence, evidenceOf } from "./disk-evidence.ts";

export default defineFunction({
  name: "disk.wipe",
  summary:
    "Wipes the one disk that a token of `boma-master allow` was made for, if it is still as it was then.",
  params: z.strictObject({
    device: DevicePath.describe("The disk, by the name that the token has."),
    token: z.string().max(PERMIT_TEXT_MAX).describe("What `boma-master allow` printed. It works once."),
    whole: z
      .boolean()
      .default(false)
      .describe("Zeros all of it, and not its ends only: hours on a large disk, and what Ceph asks for."),
  }),
  positional: ["device", "token"],
  result: z.strictObject({
    device: z.string(),
    path: z.string(),
    bytes: z.int(),
    serial: z.string().nullable(),
    whole: z.boolean(),
    permit: z.string(),
  }),
  effect: "write",
  // Half done it is wiped again with another token, by somebody who has looked.
  onRestart: "fail",
  attended: true,
  timeoutMs: 24 * 3_600_000,
  examples: ["boma-master run node-1 disk.wipe /dev/disk/by-id/wwn-0x5000c500a1b2c3d4 boma-permit-…"],
  async run({ device, token, whole }, { host, line }) {
    const permit = await host.permits.open(token, "disk.wipe");
    const evidence = await evidenceOf(device, host);
    assertAsAllowed(permit, evidence);
    const { path, bytes, serial, contents } = evidence;
    // Before the first byte: one that is killed from here on has used its token.
    await host.permits.spend(permit);
    line({ stream: "stdout", text: `wipes ${path}, ${bytes} bytes, serial number ${serial ?? "none"}` });
    await host.storage.wipe(path, { parts: contents.slice(1).map((part) => part.path), whole });
    return { device, path, bytes, serial, whole, permit: permit.id };
  },
  outcome: () => "changed",
});

/** Nothing begins where the disk is not what the operator was shown. */
export function assertAsAllowed({ resource, digest, serial, bytes }: Permit, evidence: DiskEvidence): void {
  const { device, objections } = evidence;
  if (resource !== device)
    throw new BomaError("permit/refused", `the token is for ${resource}, and not for ${device}`);
  if (objections.length > 0)
    throw new BomaError("permit/evidence", `${device} is not wiped: ${objections.join("; ")}`);
  if (digest === evidence.digest) return;
  const other =
    serial !== evidence.serial || bytes !== evidence.bytes
      ? `it has the serial number ${evidence.serial ?? "none"} and ${evidence.bytes} bytes, not ${serial ?? "none"} and ${bytes}`
      : "what is on it has changed";
  throw new BomaError("permit/evidence", `${device} is not as it was when the token was made: ${other}`);
}
