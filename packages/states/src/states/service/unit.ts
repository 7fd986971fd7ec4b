/** What the states of units have in common. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { ReadServices, UnitStatus } from "../../host/services.ts";
import { Duration } from "../pkg/parameters.ts";

const UNIT = /^[A-Za-z0-9:_.\\@-]{1,200}$/;
const KIND = /\.(service|socket|timer|path|target|mount|automount|swap|slice|scope|device)$/;

/** Units are named in full; `nginx` is nginx.service. */
export const UnitName = z
  .string()
  .regex(UNIT, "a unit's name such as `nginx` or `apt-daily.timer`")
  .refine((unit) => !unit.startsWith("-"), "a unit's name does not begin with a dash")
  .transform((unit) => (KIND.test(unit) ? unit : `${unit}.service`))
  .describe("The unit; without a kind it is a service.");

export const StableFor = Duration.default("3s").describe(
  "How long it must have been up, with no restart, to count as running.",
);

/** Where a unit's own file and its drop-ins are, and what says that they come first. */
export const filesOf = (unit: string): string[] => [`file:/etc/systemd/system/${unit}`, `dropins:${unit}`];

/** Words of systemd for units whose being enabled is not to be decided here. */
const GIVEN: readonly string[] = ["static", "indirect", "generated", "alias", "transient"];

/** Whether it starts with the machine; what cannot be changed counts as it is wanted. */
export function isEnabled({ enabled }: UnitStatus, wanted: boolean): boolean {
  return GIVEN.includes(enabled) ? wanted : enabled === "enabled";
}

/** This start of it; none of a unit whose files systemd has not read yet, for it would start again with those of before. */
export async function instanceOf(services: ReadServices, unit: string): Promise<string | undefined> {
  const { active, invocation, needsDaemonReload } = await services.status(unit);
  return active === "active" && !needsDaemonReload && invocation !== "" ? invocation : undefined;
}

export async function existing(services: ReadServices, unit: string): Promise<UnitStatus> {
  const status = await services.status(unit);
  if (status.load === "not-found")
    throw new BomaError("service/unfit", `there is no unit ${unit}`, {
      hint: "Install the package that brings it, or declare it with `systemd.unit`, before this.",
    });
  if (status.load === "bad-setting" || status.load === "error")
    throw new BomaError("service/unfit", `systemd cannot load ${unit}: ${status.load}`, {
      hint: `\`systemctl status ${unit}\` on the node shows the line.`,
    });
  return status;
}

/** As long as a state waits where nothing else is said. */
const STABLE_MS = 3000;
const LOG_LINES = 10;
/** Starting may take so long by itself: systemd's own limit is below. */
const SETTLE_MS = 120_000;

export const stateOf = ({ active, sub }: UnitStatus): string => (sub === "" ? active : `${active} (${sub})`);

/** Settled, for as long as it takes to know. */
export const settledOf = (services: ReadServices, unit: string, stableMs: number): Promise<UnitStatus> =>
  services.settled(unit, { timeoutMs: SETTLE_MS + stableMs, stableMs });

/** Throws with the unit's last words unless it is up, and was not restarted since. */
export async function assertUp(
  services: ReadServices,
  before: UnitStatus,
  stableMs: number,
): Promise<UnitStatus> {
  const now = await settledOf(services, before.unit, stableMs);
  const restarts = now.restarts - before.restarts;
  if (now.active === "active" && restarts <= 0) return now;
  const why = restarts > 0 ? `and was restarted ${restarts} times meanwhile` : `result: ${now.result}`;
  throw new BomaError(
    "service/unstable",
    `${now.unit} is ${stateOf(now)}, ${why}${await lastWords(services, now.unit)}`,
    now.type === "oneshot" && now.result === "success"
      ? { hint: "It did its work and ended: only with RemainAfterExit=yes does that count as running." }
      : {},
  );
}

/** For those who start it once: a oneshot that did its work has done all that it should. */
export async function assertDone(services: ReadServices, unit: string): Promise<UnitStatus> {
  const now = await services.status(unit);
  const ended = now.type === "oneshot" && now.active === "inactive" && now.result === "success";
  return ended ? now : assertUp(services, now, STABLE_MS);
}

/** Starts it in the way given; where systemd says no, what the unit itself said stands beside that. */
export async function starting(
  services: ReadServices,
  unit: string,
  start: () => Promise<void>,
): Promise<void> {
  try {
    await start();
  } catch (thrown) {
    if (!(thrown instanceof BomaError) || thrown.code !== "state/command-failed") throw thrown;
    const message = `${unit} did not start: ${thrown.message}${await lastWords(services, unit)}`;
    throw new BomaError("service/unstable", message, { cause: thrown });
  }
}

async function lastWords(services: ReadServices, unit: string): Promise<string> {
  const lines = await services.logs(unit, LOG_LINES).catch(() => []);
  return lines.map(({ text }) => `\n  ${text}`).join("");
}
