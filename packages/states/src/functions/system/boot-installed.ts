import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { Installed, installedBefore, installedHere } from "../../install/same-node.ts";

/** Time for the agent to say that it has begun, before systemd stops it. */
const DELAY_MS = 2_000;

export default defineFunction({
  name: "system.boot-installed",
  summary:
    "Restarts the machine into the system that system.install put on its disk, and succeeds when that runs.",
  params: z.strictObject({}),
  result: Installed.extend({ bootId: z.string() }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: 60 * 60_000,
  examples: ["boma-master run node-1 system.boot-installed"],
  async run(_, { host }) {
    const { machine } = host;
    const here = await installedHere(host);
    if (here) return { ...here, bootId: await machine.bootId() };
    if (!(await installedBefore(host)))
      throw new BomaError("install/not-live", "nothing was installed by the system that runs here", {
        hint: "`boma-master run NODE system.install` comes first.",
      });
    // It does not return: the agent on the disk finds the job in its mailbox, and answers.
    await machine.reboot({ delayMs: DELAY_MS, reason: "its system is on the disk" });
    return { ...(await mustBeHere(host)), bootId: await machine.bootId() };
  },
  outcome: () => "changed",
});

async function mustBeHere(host: Parameters<typeof installedHere>[0]): Promise<Installed> {
  const here = await installedHere(host);
  if (here) return here;
  throw new BomaError("install/not-live", "the machine booted, and not from the disk");
}
