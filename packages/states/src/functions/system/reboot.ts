import { setTimeout as sleep } from "node:timers/promises";

import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import { type Call, defineFunction } from "../../define-function.ts";
import { forgetOrder, readOrder, writeOrder } from "../../states/reboot/order.ts";

/** Time for the agent to say that it has begun, before systemd stops it. */
const DELAY_MS = 2_000;
const WAIT_MS_MAX = 24 * 3_600_000;

const Wait = z
  .string()
  .refine((text) => {
    try {
      return parseDuration(text) <= WAIT_MS_MAX;
    } catch {
      return false;
    }
  }, "a time of at most a day: 30s, 10m")
  .default("0s");

export default defineFunction({
  name: "system.reboot",
  summary: "Boots the machine anew, and succeeds when it is up again and the agent is back.",
  params: z.strictObject({
    delay: Wait.describe("How long to wait before; until then a cancelled job calls it off."),
    reason: z
      .string()
      .max(200)
      .regex(/^[^\0\n]*$/)
      .default("an operator asked for it")
      .describe("What those who are logged in on the machine are told."),
  }),
  result: z.strictObject({
    previousBootId: z.string(),
    bootId: z.string(),
    /** From the order until the agent was back. */
    tookMs: z.int(),
  }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: WAIT_MS_MAX + 30 * 60_000,
  examples: [
    "boma-master run web01 system.reboot",
    "boma-master run 'env:dev' system.reboot delay=5m reason='a new kernel'",
  ],

  async run({ delay, reason }, call) {
    const waitMs = parseDuration(delay);
    // The job is begun anew after the boot, and finds here what it was about.
    const order = (await readOrder(call.job, call.host.files)) ?? (await remember(waitMs, call));
    if (order.bootId === (await call.host.machine.bootId())) await boot(order.dueAtMs, reason, call);
    const bootId = await call.host.machine.bootId();
    await forgetOrder(call.job, call.host.files);
    const tookMs = Math.max(0, Date.now() - order.dueAtMs);
    return { previousBootId: order.bootId, bootId, tookMs };
  },
  outcome: ({ bootId, previousBootId }) => (bootId === previousBootId ? "failed" : "changed"),
});

async function remember(waitMs: number, { job, host }: Call): Promise<{ bootId: string; dueAtMs: number }> {
  const order = { bootId: await host.machine.bootId(), dueAtMs: Date.now() + waitMs };
  await writeOrder(job, order, host.files);
  return order;
}

/** Does not return on a real machine: the agent is stopped with it. */
async function boot(dueAtMs: number, reason: string, { job, host, signal, line }: Call): Promise<void> {
  const leftMs = dueAtMs - Date.now();
  if (leftMs > 0) line({ stream: "stdout", text: `boots anew in ${Math.ceil(leftMs / 1000)} s` });
  try {
    if (leftMs > 0) await sleep(leftMs, undefined, { signal });
    await host.machine.reboot({ delayMs: DELAY_MS, reason });
  } catch (thrown) {
    if (!signal.aborted) await forgetOrder(job, host.files);
    throw thrown;
  }
}
