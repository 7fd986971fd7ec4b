/** What the gates of daemons have in common: how an answer that did not come is told. */
import type { HttpAnswer, Unreachable } from "../../host/http.ts";
import type { ReadServices } from "../../host/services.ts";
import { type Health, notReady } from "./define-gate.ts";

/** Nobody answers: the unit says whether it is down, starting, or cannot start. */
export async function silence(
  services: ReadServices,
  unit: string,
  { unreachable, why }: Unreachable,
): Promise<Health> {
  const { load, active, result, sub } = await services.status(unit);
  if (load !== "loaded") return notReady("down", `there is no ${unit} (${load})`);
  if (active === "activating" && sub === "auto-restart")
    return notReady("misconfigured", `${unit} restarts again and again (${result})`);
  if (active === "activating" || active === "reloading") return notReady("starting", `${unit} is ${active}`);
  if (active === "failed") return notReady("down", `${unit} failed (${result})`);
  if (active !== "active") return notReady("down", `${unit} is ${active}`);
  if (unreachable === "tls") return notReady("misconfigured", why);
  return notReady("starting", `${unit} runs and does not answer: ${why}`);
}

export const isSilent = (answer: HttpAnswer): answer is Unreachable => "unreachable" in answer;
