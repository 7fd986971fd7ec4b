import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { markerPath, readMarker, writeMarker } from "./marker.ts";

const DELAY_MS = 2_000;

interface Want {
  readonly name: string;
  readonly when: "required" | "always";
  readonly reasons: readonly string[];
}

export default defineState({
  name: "reboot.required",
  summary: "A machine that was booted since something asked for it, once for each reason.",
  key: "name",
  params: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i, "letters, digits and hyphens")
      .describe("By which it is remembered what was booted for."),
    when: z
      .enum(["required", "always"])
      .default("required")
      .describe("When the system asks for it, or once for the reasons that are given here."),
    reasons: z
      .array(z.string().min(1).max(200))
      .max(20)
      .default([])
      .describe("Why, with `always`: other reasons are another boot."),
  }),
  claims: ({ name }) => [`reboot:${name}`],
  warnings: ({ when, reasons }) =>
    when === "required" && reasons.length > 0 ? ["`reasons` mean something with `when: always` only"] : [],

  async check(want, host) {
    const reasons = await reasonsNow(want, host);
    if (reasons.length === 0 || (await wasDone(want, reasons, host))) return {};
    return diff({ reasons: [] as readonly string[] }, { reasons });
  },

  /** Does not return on a real machine: the agent is stopped with it, and takes the run up again after the boot. */
  async apply({ reasons }, { name }, { machine, files }) {
    if (!reasons) return;
    // Before the boot, or nobody would know after it that it was this one.
    await writeMarker(name, { bootId: await machine.bootId(), reasons: [...reasons.to] }, files);
    await machine.reboot({ delayMs: DELAY_MS, reason: `${name}: ${reasons.to.join("; ")}` });
  },

  /** A change that is watched asks for a boot, too. The refresh stays owed until it was done, and so is called again. */
  async refresh({ name }, { machine, files }) {
    const kept = `${name}.refresh`;
    const bootId = await machine.bootId();
    const marker = await readMarker(kept, files);
    if (!marker || marker.bootId === bootId) {
      await writeMarker(kept, { bootId, reasons: ["something that it watches changed"] }, files);
      await machine.reboot({ delayMs: DELAY_MS, reason: `${name}: something that it watches changed` });
    }
    await files.remove(markerPath(kept));
  },
  timeoutMs: 20 * 60_000,
  enforcedWhenDeclared: true,

  examples: [
    {
      title: "a new kernel that waits to be used",
      key: "kernel",
      given: { machine: { rebootReasons: ["kernel 6.1.0-2-amd64 is installed, and 6.1.0-1-amd64 runs"] } },
    },
    {
      title: "once, for a setting of the boot loader",
      key: "boot-loader",
      params: { when: "always", reasons: ["iommu=on"] },
    },
    { title: "nothing asks for it", key: "kernel" },
  ],
});

const reasonsNow = async ({ when, reasons }: Want, { machine }: ReadHost): Promise<readonly string[]> =>
  when === "required" ? machine.rebootReasons() : reasons.length > 0 ? reasons : ["it was asked for"];

/** The machine was booted for these very reasons. If they hold all the same, another boot would not help either. */
async function wasDone({ name, when }: Want, reasons: readonly string[], host: ReadHost): Promise<boolean> {
  const marker = await readMarker(name, host.files);
  if (!marker || marker.bootId === (await host.machine.bootId())) return false;
  if (reasons.some((reason) => !marker.reasons.includes(reason))) return false;
  if (when === "always") return true;
  throw new BomaError("state/blocked", `it was booted for this, and still: ${reasons.join("; ")}`, {
    hint: `Does the boot loader start what it should? Remove ${markerPath(name)} to try again.`,
  });
}
