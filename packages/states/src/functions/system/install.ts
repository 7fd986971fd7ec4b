import { BomaError, PERMIT_TEXT_MAX } from "@boma/protocol";
import { z } from "zod";

import { type Call, defineFunction } from "../../define-function.ts";
import { chooseDisk, nameOf } from "../../install/choose-disk.ts";
import type { Judged } from "../../install/disk-proof.ts";
import { type LiveSystem, liveSystem, mountSource } from "../../install/live-system.ts";
import { writeSettings } from "../../install/own-settings.ts";
import { copyNode, Installed, installedHere, rememberHere } from "../../install/same-node.ts";
import { configure, installLoader, makeInitramfs, prepare } from "../../install/second-stage.ts";
import { inWorkplace } from "../../install/workplace.ts";
import { copySystem, divide, markDone } from "../../install/write-disk.ts";
import { DevicePath } from "../disk/disk-evidence.ts";
import { assertAsAllowed } from "../disk/wipe.ts";

export default defineFunction({
  name: "system.install",
  summary:
    "Puts the system that this machine booted from memory on a disk that is proven empty, or named with a token.",
  params: z.strictObject({
    disk: DevicePath.optional().describe("The disk; without it the only one that is proven empty."),
    token: z
      .string()
      .max(PERMIT_TEXT_MAX)
      .optional()
      .describe("For a disk with data: what `boma-master allow NODE disk.wipe DEVICE` printed for it."),
  }),
  positional: ["disk"],
  result: Installed,
  effect: "write",
  // A disk that was begun with is known by that, and begun with again.
  onRestart: "resume",
  timeoutMs: 3 * 3_600_000,
  examples: [
    "boma-master run node-1 system.install",
    "boma-master run node-1 system.install /dev/disk/by-id/wwn-0x5000c500a1b2c3d4 token=boma-permit-…",
  ],
  async run({ disk, token }, call) {
    const { host, job, line } = call;
    const done = await installedHere(host);
    // The job is taken up by the system that it has made.
    if (done?.job === job) return done;
    const live = await liveSystem(host);
    const chosen = await chooseDisk(disk, host);
    await assertMayBeWritten(chosen, { disk, token }, call);
    const { evidence } = chosen;
    line({ stream: "stdout", text: `installs on ${nameOf(chosen)}` });
    const installed: Installed = {
      job,
      disk: evidence.path,
      serial: evidence.serial,
      bytes: evidence.bytes,
      hostname: await host.machine.hostname(),
      kernel: live.kernel,
    };
    await inWorkplace(host, () => putOnDisk(installed, live, call));
    await rememberHere(installed, host);
    return installed;
  },
  outcome: () => "changed",
});

interface Asked {
  readonly disk: string | undefined;
  readonly token: string | undefined;
}

/** Data goes only by a token, of a disk that was named, as it was shown; what a token is not needed for does not use it. */
async function assertMayBeWritten(
  { evidence, standing, why }: Judged,
  { disk, token }: Asked,
  { host, line }: Call,
): Promise<void> {
  const { device, path, contents } = evidence;
  if (standing === "empty" || standing === "unfinished") return;
  if (standing === "unfit") throw new BomaError("install/disk", `${device} cannot be used: ${why}`);
  if (disk === undefined || token === undefined)
    throw new BomaError("install/disk", `${device} is not empty: ${why}`, {
      hint: `Look at it, and allow it: \`boma-master allow NODE disk.wipe ${device} --reason TEXT\`; then system.install with disk= and token=.`,
    });
  const permit = await host.permits.open(token, "disk.wipe");
  assertAsAllowed(permit, evidence);
  await host.permits.spend(permit);
  line({ stream: "stdout", text: `wipes ${path}, as ${permit.operator} allowed it: ${permit.reason}` });
  await host.storage.wipe(path, { parts: contents.slice(1).map((part) => part.path), whole: false });
}

async function putOnDisk(installed: Installed, live: LiveSystem, call: Call): Promise<void> {
  const { host, signal } = call;
  const { disk, hostname } = installed;
  const says = (text: string): void => {
    signal.throwIfAborted();
    call.line({ stream: "stdout", text });
  };
  await mountSource(live, host);
  says(`divides ${disk}`);
  const parts = await divide(disk, live, host);
  says("copies the system");
  await copySystem(parts, host);
  await writeSettings(parts, hostname, host);
  await prepare(host);
  says("configures its packages");
  await configure(host);
  says("makes the initramfs");
  await makeInitramfs(live, host);
  says("installs the boot loader");
  await installLoader(disk, live, host);
  says("becomes this node");
  await copyNode(installed, host);
  await markDone(disk, live, host);
  says("is done");
}
