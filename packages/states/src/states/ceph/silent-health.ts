/** Nobody answers: the units of this machine say whether something is starting, failed, or elsewhere. */
import type { ReadHost } from "../../host/host.ts";
import { type Health, notReady } from "../gate/define-gate.ts";

export async function silentHealth(pattern: string, why: string, { services }: ReadHost): Promise<Health> {
  const units = await services.list(`${pattern}.service`);
  const failed = units.find(({ active }) => active === "failed");
  if (failed) return notReady("down", `${failed.unit} failed (${failed.result})`);
  const trying = units.find(({ active, sub }) => active === "activating" && sub === "auto-restart");
  if (trying) return notReady("misconfigured", `${trying.unit} restarts again and again (${trying.result})`);
  if (why.endsWith("not found")) return notReady("misconfigured", "the program `ceph` is not there");
  if (/keyring|auth|permission/i.test(why)) return notReady("misconfigured", why);
  return notReady(units.length > 0 ? "starting" : "down", `no answer: ${why}`);
}
