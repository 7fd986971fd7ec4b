/** How long a boot took: each stage, from the moment the machine was switched on. */
import { NETBOOT_STAGES, type NetbootStage } from "@boma/protocol";

import type { BootLan, ImageFigures } from "./boot-lan.ts";

interface Status {
  readonly machines: readonly {
    readonly mac: string;
    readonly stages: Readonly<Partial<Record<NetbootStage, number>>>;
  }[];
}

export type BootSeconds = Readonly<Partial<Record<NetbootStage, number>>>;

/** As the master has written it down; emulator and master have one clock. */
export async function bootSeconds(lan: BootLan, mac: string, switchedOn: number): Promise<BootSeconds> {
  const { machines } = (await lan.fleet.json<Status>("netboot", "status")).value;
  const stages = machines.find((machine) => machine.mac === mac)?.stages ?? {};
  return Object.fromEntries(
    NETBOOT_STAGES.flatMap((stage) => {
      const at = stages[stage];
      return at === undefined || at < switchedOn ? [] : [[stage, (at - switchedOn) / 1000]];
    }),
  );
}

/** A line for whoever reads the test's output. */
export function figuresText(what: string, boot: BootSeconds, image: ImageFigures): string {
  const stages = Object.entries(boot).map(([stage, seconds]) => `${stage} ${seconds.toFixed(1)} s`);
  const { kernel, initrd } = image.files;
  return `${what}: ${stages.join(", ")}; kernel ${kernel.bytes}, initramfs ${initrd.bytes} bytes, built in ${image.seconds} s`;
}
