import { BomaError } from "@boma/protocol";

import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

const LOOK_MS = 10_000;
const SLACK = 2;

export const memory = defineBeacon({
  kind: "beacon.memory",
  start({ usedPercent: most }, eyes, { every, read, now }) {
    let since: number | undefined;
    return every(
      LOOK_MS,
      async () => {
        const { totalBytes, availableBytes } = parseMemory(await read("/proc/meminfo"));
        const usedPercent = (1 - availableBytes / totalBytes) * 100;
        const scarce = usedPercent >= most - (since === undefined ? 0 : SLACK);
        since = scarce ? (since ?? now()) : undefined;
        eyes.blind(undefined);
        eyes.is(scarce, {
          usedPercent: Math.round(usedPercent * 10) / 10,
          availableBytes,
          forMs: since === undefined ? 0 : Math.round(now() - since),
        });
      },
      (thrown) => eyes.blind(messageOf(thrown)),
    );
  },
});

export function parseMemory(text = ""): { readonly totalBytes: number; readonly availableBytes: number } {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
  const [totalBytes, availableBytes] = [bytes("MemTotal"), bytes("MemAvailable")];
  if (!(totalBytes > 0) || !(availableBytes >= 0))
    throw new BomaError("internal", "/proc/meminfo does not say how much memory is available");
  return { totalBytes, availableBytes: Math.min(availableBytes, totalBytes) };
}
