/** The system that this machine booted from memory: whether it is one that can be put on a disk, and where its root is. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Host, ReadHost } from "../host/host.ts";
import type { Architecture } from "./disk-layout.ts";
import { SOURCE } from "./workplace.ts";

/** Written into the images that carry a kernel and a boot loader. */
export const DISK_SYSTEM = "/usr/lib/boma/disk-system.json";
const DiskSystem = z.object({ kernel: z.string().regex(/^[A-Za-z0-9.+~_-]{1,128}$/) });

const Loops = z.object({
  loopdevices: z.array(z.object({ name: z.string(), "back-file": z.string().nullable() })),
});

export interface LiveSystem {
  readonly arch: Architecture;
  readonly kernel: string;
  /** The device of the packed root. */
  readonly device: string;
}

export async function liveSystem(host: ReadHost): Promise<LiveSystem> {
  const { commands, files } = host;
  const device = await packedRoot(host);
  if (device === undefined)
    throw new BomaError(
      "install/not-live",
      "this machine does not run from memory, so nothing is installed",
      {
        hint: "Open a window with --install, and let the machine boot from the network.",
      },
    );
  if (!(await files.stat(DISK_SYSTEM)))
    throw new BomaError("install/not-live", "this machine's image holds no system for a disk", {
      hint: "Build one: `boma-master image build --install`.",
    });
  const { kernel } = DiskSystem.parse(JSON.parse(await files.readText(DISK_SYSTEM)));
  const { stdout } = await commands.read({ argv: ["dpkg", "--print-architecture"] });
  return { arch: stdout.trim() === "arm64" ? "arm64" : "amd64", kernel, device };
}

/** The first stage has mounted it below the root, where nobody sees it any more; its device is still there. */
async function packedRoot({ commands }: ReadHost): Promise<string | undefined> {
  const { exitCode, stdout } = await commands.read({
    argv: ["losetup", "--json", "--list", "--output", "NAME,BACK-FILE"],
  });
  if (exitCode !== 0 || stdout.trim() === "") return undefined;
  const { loopdevices } = Loops.parse(JSON.parse(stdout));
  return loopdevices.find((one) => /^\/root\.squashfs\b/.test(one["back-file"] ?? ""))?.name;
}

export const mountSource = async ({ device }: LiveSystem, { commands }: Host): Promise<void> =>
  void (await commands.must({
    argv: ["mount", "-t", "squashfs", "-o", "ro", device, SOURCE],
    quiet: true,
  }));
