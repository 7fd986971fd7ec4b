import { z } from "zod";

import { byMaster } from "./event.ts";
import { Line, Moment, Name } from "./words.ts";

/** How far a machine has come on its way from power-on; each is told once a boot. */
export const NETBOOT_STAGES = [
  "dhcp",
  "script",
  "kernel",
  "initrd",
  "asked",
  "approved",
  "installing",
  "installed",
  "converged",
] as const;
export type NetbootStage = (typeof NETBOOT_STAGES)[number];

const Window = z.strictObject({
  window: Name,
  for: Name,
  until: Moment,
  diskless: z.boolean(),
  install: z.boolean().optional(),
});

/** What happens on the boot LAN, as far as the boot service saw it. */
export const netbootEvents = {
  "netboot.opened": byMaster("An operator opened a boot window.", Window),
  "netboot.closed": byMaster("A boot window was closed.", z.strictObject({ window: Name })),
  "netboot.stage": byMaster(
    "A machine that boots from the network came one stage further.",
    z.strictObject({
      mac: Name,
      stage: z.enum(NETBOOT_STAGES),
      address: Name.optional(),
      ms: z.number().optional().describe("Since its boot script was given out."),
    }),
  ),
  "netboot.refused": byMaster(
    "A machine asked for a boot script and was given none.",
    z.strictObject({ mac: Name, address: Name, why: Line }),
  ),
  "netboot.image-refused": byMaster(
    "An image is not what the release key signed; it is not served.",
    z.strictObject({ image: Name, why: Line }),
  ),
  "netboot.rogue-dhcp": byMaster(
    "Another DHCP server answers on the boot LAN.",
    z.strictObject({ server: Name, offers: Line }),
  ),
};
