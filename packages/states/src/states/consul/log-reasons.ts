/** Why an agent that runs is alone: it knows, and says it in its journal only. */
import type { ReadServices } from "../../host/services.ts";
import type { Cause } from "../gate/define-gate.ts";
import { UNIT } from "./parameters.ts";

/** An agent says why it was not let in when it tries, every half minute, and much else in between. */
const LINES = 500;
const BEGIN = "==> Starting Consul agent";
const SAID_MAX = 300;

/** The first that fits any line counts: what is more particular stands above. */
const REASONS: readonly { readonly says: RegExp; readonly cause: Cause; readonly means: string }[] = [
  {
    says: /no installed keys could decrypt|encryption is not configured|not encrypted|decrypt/i,
    cause: "misconfigured",
    means: "its gossip key is not the cluster's",
  },
  { says: /x509:|tls: /i, cause: "misconfigured", means: "certificates are refused" },
  {
    says: /bootstrap_expect|expected number of servers/i,
    cause: "misconfigured",
    means: "servers do not agree on how many they are",
  },
  {
    says: /datacenter.*wrong|wrong datacenter|has wrong DC/i,
    cause: "misconfigured",
    means: "the datacenter is another",
  },
  {
    says: /failed to join|couldn't join|connection refused|i\/o timeout|no route to host/i,
    cause: "down",
    means: "nobody that it should join answers",
  },
  {
    // Last: before the tokens are there it says so all the time, and is let in all the same.
    says: /acl not found|permission denied/i,
    cause: "misconfigured",
    means: "its token is unknown, or has too few rights",
  },
];

export async function reasonIn(
  services: ReadServices,
): Promise<{ readonly cause: Cause; readonly says: string } | undefined> {
  const all = await services.logs(UNIT, LINES).catch(() => []);
  // What an agent before this one said may be mended since.
  const began = all.findLastIndex(({ text }) => text.startsWith(BEGIN));
  const lines = all.slice(Math.max(0, began));
  const found = REASONS.map((reason) => ({
    reason,
    line: lines.findLast(({ text }) => reason.says.test(text)),
  })).find(({ line }) => line !== undefined);
  if (!found?.line) return undefined;
  const { reason, line } = found;
  const text = line.text.replace(/^[|\s*]+/, "").trimEnd();
  return { cause: reason.cause, says: `${reason.means}: ${text.slice(0, SAID_MAX)}` };
}
