/** Being let in by the master: with the next keys where a change of keys was under way, else with its own, for as long as it takes. */
import { askOnce, enrol, type EnrolPorts, type Knock } from "./enrol.ts";
import { messageOf } from "./files.ts";
import type { Identity } from "./identity.ts";
import type { Log } from "./log.ts";

type Asking = Omit<Knock, "keys">;

/** Whether it was: only the signal ends it otherwise. */
export async function letIn(
  identity: Identity,
  asking: Asking,
  ports: EnrolPorts,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Log },
): Promise<boolean> {
  if (await letInWithNextKeys(identity, asking, ports, log)) return true;
  const approval = await enrol({ ...asking, keys: identity.keys }, ports, signal);
  if (!approval) return false;
  const { id, credential, servers, assigned } = approval;
  await identity.approve({ id, credential, servers, ...(assigned && { assigned }) });
  return true;
}

/** The answer to a rekey may have been lost: then the master knows the next keys as this node's own. */
async function letInWithNextKeys(
  identity: Identity,
  asking: Asking,
  ports: EnrolPorts,
  log: Log,
): Promise<boolean> {
  const keys = await identity.nextKeys();
  if (!keys || !identity.approved) return false;
  try {
    const approval = await askOnce({ ...asking, keys }, ports);
    if (!approval) return false;
    await identity.adoptNextKeys(keys, approval);
    return true;
  } catch (thrown) {
    log.warn({ error: messageOf(thrown) }, "the master could not be asked about the new keys");
    return false;
  }
}
