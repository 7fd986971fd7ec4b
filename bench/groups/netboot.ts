/** Whole machines in an emulator, from power-on to converged: with the image, the boot service and the DHCP of `npm run test:netboot`. */
import { NETBOOT_STAGES } from "../../packages/protocol/src/events/index.ts";
import { type BootSeconds, bootSeconds } from "../../test/support/netboot/boot-figures.ts";
import { BootLan, type ImageFigures } from "../../test/support/netboot/boot-lan.ts";
import { switchOn } from "../../test/support/netboot/machine.ts";
import type { TestProcess } from "../../test/support/process.ts";
import type { Bench } from "../run.ts";

type Arch = "amd64" | "arm64";

const MACHINES = {
  amd64: { mac: "52:54:00:b0:09:01", how: "BIOS, PXE, DHCP and HTTP on a LAN of their own" },
  arm64: { mac: "52:54:00:b0:09:02", how: "Cortex-A72, from its kernel on: no loader" },
} as const;

export async function netboot(bench: Bench): Promise<void> {
  for (const arch of ["amd64", "arm64"] as const) {
    await using lan = await (arch === "amd64" ? BootLan.onOwn() : BootLan.start());
    const image = await lan.build(arch);
    if (arch === "amd64") await lan.serveDhcp("full");
    else await lan.serve();
    const { mac } = MACHINES[arch];
    const id = `bench-${arch}`;
    await lan.fleet.ok("netboot", "open", "--mac", mac, "--env", "dev", "--id", id, "--diskless");
    const boots: BootSeconds[] = [];
    for (let run = 0, after = 0; run < (bench.quick ? 1 : 3); run++) {
      const switchedOn = Date.now();
      const machine = await powerOn(lan, arch, image);
      const { sequence } = await lan.stage(mac, "converged", after);
      boots.push(await bootSeconds(lan, mac, switchedOn));
      await machine.stop();
      await lan.fleet.event("node.disconnected", (event) => event.id === id && event.sequence > sequence);
      after = sequence;
    }
    tell(bench, arch, { image, boots });
  }
}

async function powerOn(lan: BootLan, arch: Arch, image: ImageFigures): Promise<TestProcess> {
  const { mac } = MACHINES[arch];
  if (arch === "amd64") return lan.machine({ arch, mac });
  return switchOn({ arch, mac, direct: await lan.direct(image, mac) });
}

interface Measured {
  readonly image: ImageFigures;
  readonly boots: readonly BootSeconds[];
}

function tell(bench: Bench, arch: Arch, { image, boots }: Measured): void {
  const { kernel, initrd } = image.files;
  const mb = (bytes: number) => [bytes / 1e6];
  bench.add({ name: `netboot ${arch}: kernel`, unit: "MB", runs: mb(kernel.bytes) });
  bench.add({ name: `netboot ${arch}: initramfs with the whole root`, unit: "MB", runs: mb(initrd.bytes) });
  const note = "packages fetched before; squashfs at level 3";
  bench.add({ name: `netboot ${arch}: image built`, unit: "s", runs: [image.seconds], note });
  for (const stage of NETBOOT_STAGES) {
    const runs = boots.flatMap((boot) => boot[stage] ?? []);
    const { how } = MACHINES[arch];
    if (runs.length > 0)
      bench.add({ name: `netboot ${arch}: power-on to ${stage}`, unit: "s", runs, note: how });
  }
}
