/** The machine of an emulated node; apart from the real ones, which then need no machine of memory to be loaded. */
import { memoryHost } from "@boma/states/testing";

import type { Machine } from "./hosts.ts";
import { refusingPorts } from "./refusing-ports.ts";

/** An emulated node has a machine of memory, and nothing to run on it. */
export function emulatedHost(): Machine {
  const { ports } = memoryHost();
  return {
    confined: true,
    root: "/",
    ports: () => ({ ...ports, commands: refusingPorts("emulated").commands }),
  };
}
