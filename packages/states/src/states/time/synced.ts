import { z } from "zod";

import type { ReadHost } from "../../host/host.ts";
import { mayNotSetClock } from "../chrony/clock.ts";
import { defineGate, type Health, notReady, ready } from "../gate/define-gate.ts";

export default defineGate({
  name: "time.synced",
  summary: "Waits until the clock is right, as far as chrony knows.",
  stage: "time",
  key: "name",
  params: z.strictObject({
    name: z.literal("node").describe("There is one clock for a node, and this is its name."),
    offsetMs: z.int().min(1).max(60_000).default(100).describe("How far off it may be, in milliseconds."),
  }),
  async probe({ offsetMs }, host) {
    const { exitCode, stdout, stderr } = await host.commands.read({
      argv: ["chronyc", "-n", "-c", "tracking"],
    });
    if (exitCode !== 0) return withoutChrony(host, stderr.trim() || stdout.trim());
    return healthOf(stdout.trim().split(","), offsetMs);
  },
  examples: [
    {
      title: "before certificates are looked at",
      key: "node",
      given: {
        commands: {
          chronyc: {
            stdout:
              "0A000001,10.0.0.1,3,1763734800.1,0.000012,-0.000003,0.000020,-1.2,0.0,0.1,0.0004,0.0001,64.2,Normal\n",
          },
        },
      },
    },
  ],
});

/** Fields of `chronyc -c tracking`. */
const [NAME, STRATUM, OFFSET, LEAP] = [1, 2, 4, 13];

function healthOf(fields: readonly string[], offsetMs: number): Health {
  const leap = fields[LEAP] ?? "";
  const offMs = Math.abs(Number(fields[OFFSET])) * 1000;
  const from = `${fields[NAME] || "nobody"}, stratum ${fields[STRATUM]}`;
  if (leap === "" || !Number.isFinite(offMs))
    return notReady("misconfigured", "chronyc said what cannot be read");
  if (leap === "Not synchronised") return notReady("starting", "chronyd has not chosen a source yet");
  const said = `off by ${offMs.toFixed(3)} ms, from ${from}`;
  return offMs <= offsetMs ? ready(said) : notReady("starting", said);
}

async function withoutChrony(host: ReadHost, why: string): Promise<Health> {
  if (await mayNotSetClock(host))
    return ready("the clock is that of the machine around this one, which keeps it");
  const { exitCode, stdout } = await host.commands.read({
    argv: ["timedatectl", "show", "--value", "--property=NTPSynchronized"],
  });
  if (exitCode === 0 && stdout.trim() === "yes") return ready("systemd says that the clock is synchronised");
  const { load, active } = await host.services.status("chrony.service");
  return notReady("down", load === "loaded" ? `chrony is ${active}: ${why}` : "there is no chrony");
}
