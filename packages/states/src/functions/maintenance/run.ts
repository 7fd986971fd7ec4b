import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Call, defineFunction } from "../../define-function.ts";
import { RunReport } from "../../engine/report.ts";
import type { Owed } from "../../host/maintenance.ts";
import { Domain } from "../../maintenance/domain.ts";
import { roleNow } from "../../maintenance/role.ts";
import { outcomeOfReport } from "../../state-runner.ts";

export default defineFunction({
  name: "maintenance.run",
  summary: "Does the restarts that one node owes in one failure domain, and waits for the gates behind them.",
  params: z.strictObject({
    domain: Domain.describe("The failure domain, as `maintenance.pending` names it."),
    reason: z
      .string()
      .min(3)
      .max(500)
      .optional()
      .describe("Why it is done outside of the node's windows; it stands in the audit."),
    unsafe: z
      .boolean()
      .default(false)
      .describe("Also where the role says that it is an outage: the only server, a Vault that people open."),
  }),
  positional: ["domain"],
  result: RunReport,
  effect: "write",
  // Taken up again after a crash it would run without its lease.
  onRestart: "fail",
  timeoutMs: 15 * 60_000,
  lease: ({ domain }) => String(domain),
  examples: [
    "boma-master run consul01 maintenance.run consul/dc1",
    "boma-master run consul01 maintenance.run consul/dc1 reason='CVE-2026-1234'",
  ],
  async run({ domain, reason, unsafe }, call) {
    const { maintenance } = call.host;
    const owed = await maintenance.owed(domain, call.signal);
    const shut = owed.find(({ window }) => !window.open);
    if (shut && reason === undefined) throw outsideOf(shut, maintenance.windows);
    if (!unsafe) await assertSafe(owed, call);
    const line = (text: string): void => call.line({ stream: "stdout", text });
    return maintenance.run({ domain, signal: call.signal, line });
  },
  outcome: outcomeOfReport,
});

function outsideOf({ domain, window: { window, at } }: Owed, windows: number): BomaError {
  const next =
    at === null
      ? windows === 0
        ? "it has no maintenance.window"
        : "none of its windows opens for it any more"
      : `${window} opens at ${new Date(at).toISOString()}`;
  return new BomaError("maintenance/window", `no window for ${domain} is open on this node: ${next}`, {
    hint: "Wait for it, or say why it cannot wait: `reason=…`, `boma-master maintain --now --reason …`.",
  });
}

/** Asked here and now, under the lease: what somebody saw a minute ago proves nothing. */
async function assertSafe(owed: readonly Owed[], call: Call): Promise<void> {
  for (const { role, unit } of owed) {
    if (role === undefined) continue;
    const now = await roleNow(role, call);
    if (!now.safe)
      throw new BomaError("maintenance/unsafe", `${unit} (${now.role}) is not restarted now: ${now.why}`, {
        hint: "Where that will not change, because it is the only one, say `unsafe=true`.",
      });
  }
}
