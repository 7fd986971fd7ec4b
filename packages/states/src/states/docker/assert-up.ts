/** For those who ask the daemon on somebody's order: over its socket they would start what was stopped. */
import { BomaError } from "@boma/protocol";

import type { ReadHost } from "../../host/host.ts";
import { UNIT } from "./parameters.ts";

export async function assertUp({ services }: ReadHost): Promise<void> {
  const { active, load } = await services.status(UNIT);
  if (active === "active") return;
  throw new BomaError("service/unfit", `${UNIT} is ${load === "loaded" ? active : load}`, {
    hint: "`boma-master run NODE service.start docker` starts it.",
  });
}
