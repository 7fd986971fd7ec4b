/** Containers are reached by rules of Docker's own: whoever changes a firewall looks whether they are still there. */
import { BomaError } from "@boma/protocol";

import type { ReadHost } from "../../host/host.ts";
import { isUp } from "../docker/api.ts";
import { type Nat, natOf } from "../docker/nat-chain.ts";

/** `undefined` where Docker does not run. */
export const natIfUp = async (host: ReadHost): Promise<Nat | undefined> =>
  (await isUp(host)) ? natOf(host) : undefined;

export async function assertNatStays(before: Nat | undefined, host: ReadHost): Promise<void> {
  if (before !== "there" || (await natIfUp(host)) !== "gone") return;
  throw new BomaError("state/failed", "Docker's rules for ports went away while the firewall was changed", {
    hint: "`systemctl restart docker` makes them anew; `docker.ready` tells.",
  });
}
