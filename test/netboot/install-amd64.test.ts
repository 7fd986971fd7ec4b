// Goal: a machine is switched on and puts itself on its disk, with nobody's hand on it but where data would be lost; it is the same node from there on.
// Method: an image that can be put on a disk, a real master, the boot service; a machine in an emulator that starts by PXE first, loses its power in
// the middle, and goes on from its disk.
import { afterAll, beforeAll, expect, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { BootLan } from "../support/netboot/boot-lan.ts";
import { blankDisk, writeInto } from "../support/netboot/disk.ts";
import { run } from "../support/run.ts";

/** What an emulated processor takes to configure a system's packages, on a host that has other work. */
const LIFE_S = 3600;
const MAC = "52:54:00:b0:09:01";
const ID = "disk-1";
const DISK = "/dev/disk/by-id/virtio-data-1";

let lan: BootLan;
let machine: Parameters<BootLan["machine"]>[0];
beforeAll(async () => {
  lan = await BootLan.start();
  await lan.build("amd64", "--install");
  await lan.serve();
  const disk = blankDisk(lan.fleet.dir, "data-1");
  // Somebody's data, far behind the front, of which nothing is known but that it is there.
  writeInto(disk, 5 * 1024 ** 3, 256);
  machine = { arch: "amd64", mac: MAC, memoryMiB: 2048, lifeSeconds: LIFE_S, disks: [disk] };
});
afterAll(() => lan?.[Symbol.asyncDispose]());

const steps = (text: string, after = 0) =>
  lan.fleet.event(
    "job.line",
    ({ sequence, data }) => sequence > after && JSON.stringify(data).includes(text),
  );

const key = async (): Promise<string> => {
  const { value } = await lan.fleet.json<NodeView[]>("nodes");
  return value.find(({ id, status }) => id === ID && status === "approved")!.key;
};

test(
  "a disk with data is left as it is, until somebody allows it; a power cut in the middle loses nothing but time",
  { timeout: LIFE_S * 1000 },
  async () => {
    const { fleet } = lan;
    await fleet.ok("netboot", "open", "--mac", MAC, "--env", "dev", "--id", ID, "--install", "--disk", DISK);
    await using first = await lan.machine(machine);
    await lan.stage(MAC, "installing");
    const refused = await fleet.event("job.returned", ({ data }) => data["function"] === "system.install");
    expect(refused.data).toMatchObject({ status: "failed", error: "install/disk" });
    const { value } = await fleet.json<{ machines: { why?: string }[] }>("netboot", "status");
    expect(value.machines[0]!.why).toMatch(/is not empty: it is not zero at byte 5\d{9}/);
    const allowed = await fleet.json<{ token: string }>("allow", ID, "disk.wipe", DISK, "--reason", "a test");
    await fleet.ok("run", ID, "system.install", DISK, `token=${allowed.value.token}`, "--async");
    await steps("configures its packages");
    await first.stop("SIGKILL");
  },
);

test(
  "begun again, it comes to its end, boots from its disk as the same node, and is as the site says",
  { timeout: LIFE_S * 1000 },
  async () => {
    const { fleet } = lan;
    const { sequence } = await steps("configures its packages");
    await using second = await lan.machine(machine);
    await lan.stage(MAC, "installed", sequence);
    const installed = await key();
    // Told to start anew, this machine is switched off.
    await second.ended;
    const { text } = await lan.script(MAC);
    expect(text).toMatch(/boots from its disk\nexit\n$/);
    await using _ = await lan.machine(machine);
    await lan.stage(MAC, "converged", sequence);
    expect(await key()).toBe(installed);
    expect(await lan.onNode(ID, "findmnt --noheadings --output SOURCE,FSTYPE /")).toMatch(
      /^\/dev\/vda3 +ext4\n$/,
    );
    expect(
      await lan.onNode(ID, "dpkg --audit; lsblk --noheadings --output PARTLABEL /dev/vda | sort -u | xargs"),
    ).toBe("boma-bios boma-esp boma-root\n");
    const { value } = await run(fleet, ID, "state.apply");
    expect(value.nodes[ID]).toMatchObject({ status: "ok" });
    const { value: status } = await fleet.json<{ windows: unknown[] }>("netboot", "status");
    expect(status.windows).toEqual([]);
  },
);
