import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { type Change, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Services, UnitStatus } from "../../host/services.ts";
import { Domain, RoleSource } from "../../maintenance/domain.ts";
import { orTakeBack, TakesBack } from "./take-back.ts";
import {
  assertUp,
  existing,
  filesOf,
  instanceOf,
  isEnabled,
  settledOf,
  StableFor,
  starting,
  stateOf,
  UnitName,
} from "./unit.ts";

interface Properties {
  masked: boolean;
  enabled: boolean;
  active: string;
}

const params = z.strictObject({
  unit: UnitName,
  enable: z.boolean().default(true).describe("Whether it starts with the machine."),
  unmask: z.boolean().default(false).describe("Take a mask away that somebody put on it."),
  reload: z
    .boolean()
    .default(false)
    .describe("Reload it after a change that it watches, where it can, not restart it."),
  restart: z
    .enum(["now", "window"])
    .default("now")
    .describe("When a change that it watches restarts it: at once, or in maintenance only."),
  domain: Domain.optional().describe(
    'With `restart: "window"`: the failure domain, of which one node at a time is restarted; the unit\'s own name where it is not said.',
  ),
  role: RoleSource.optional().describe(
    "Who knows what this node is in that domain, and whether it may restart: a function such as `consul.role`, or `{ command: [...] }` that prints it.",
  ),
  takesBack: TakesBack,
  stableFor: StableFor,
});
type Want = z.output<typeof params>;

export default defineState({
  name: "service.running",
  summary: "A unit that is up and stays up, and that starts with the machine.",
  key: "unit",
  params,
  claims: ({ unit }) => [`unit:${unit}`],
  after: ({ unit }) => filesOf(unit),
  timeoutMs: 10 * 60_000,

  async check({ unit, enable, unmask, stableFor }, { services }) {
    const found = await existing(services, unit);
    if (found.load === "masked" && !unmask) throw maskedError(unit);
    const is = found.active === "active" ? await settledOf(services, unit, parseDuration(stableFor)) : found;
    return diff<Properties>(
      {
        masked: is.load === "masked",
        // A mask hides what is below it.
        enabled: is.load === "masked" ? !enable : isEnabled(is, enable),
        // One that restarts again and again is seen between two tries, or with a try more.
        active: is.active === "active" && is.restarts === found.restarts ? "active" : stateOf(is),
      },
      { masked: false, enabled: enable, active: "active" },
    );
  },

  async apply({ masked, enabled, active }, want, host) {
    const { services } = host;
    if (masked) await services.unmask(want.unit);
    await readFiles(services, await services.status(want.unit));
    if (enabled) await setEnabled(services, want.unit, enabled);
    if (active) await orTakeBack(host, want, () => bringUp(services, want));
  },

  async protects({ restart, reload, unit }, { services }) {
    if (restart === "now") return undefined;
    const { canReload, active, needsDaemonReload } = await services.status(unit);
    // To reload it is no outage; a unit whose file has changed takes that with a restart only.
    if (reload && canReload && active === "active" && !needsDaemonReload) return undefined;
    // What is down already loses nothing.
    return active === "active" ? `${unit} is restarted in maintenance only` : undefined;
  },

  restarts: ({ unit, domain = unit, role }) => ({ unit, domain, role }),

  instance: ({ unit }, { services }) => instanceOf(services, unit),

  async refresh(want, host) {
    const { services } = host;
    const before = await existing(services, want.unit);
    await readFiles(services, before);
    // A unit whose file has changed takes the new one with a restart only.
    if (want.reload && before.canReload && before.active === "active" && !before.needsDaemonReload) {
      await services.reload(want.unit);
      await assertUp(services, before, parseDuration(want.stableFor));
      return;
    }
    await orTakeBack(host, want, () => restartAnew(services, want, before));
  },

  examples: [
    { title: "a service", key: "nginx", given: { services: { nginx: {} } } },
    {
      title: "up already, now with the machine too",
      key: "chrony.service",
      given: { services: { chrony: { active: true } } },
    },
    {
      title: "never with the machine",
      key: "backup.service",
      params: { enable: false },
      given: { services: { backup: { enabled: true } } },
    },
    {
      title: "one node of its cluster at a time, in maintenance, the leader last",
      key: "consul",
      params: { restart: "window", domain: "consul/dc1", role: "consul.role" },
      given: { services: { consul: { active: true, enabled: true } } },
    },
    {
      title: "whatever stood in its way",
      key: "ssh",
      params: { unmask: true },
      given: { services: { ssh: { masked: true } } },
    },
    { title: "enabled by others", key: "dbus", given: { services: { dbus: { static: true } } } },
  ],
});

const maskedError = (unit: string): BomaError =>
  new BomaError("service/unfit", `${unit} is masked: somebody wants it never to start`, {
    hint: "`unmask: true` takes the mask away.",
  });

/** systemd starts a unit as it read it last: what has changed since must be read first. */
async function readFiles(services: Services, { needsDaemonReload }: UnitStatus): Promise<void> {
  if (needsDaemonReload) await services.daemonReload();
}

const setEnabled = (services: Services, unit: string, { to }: Change<boolean>): Promise<void> =>
  to ? services.enable(unit) : services.disable(unit);

async function bringUp(services: Services, { unit, stableFor }: Want): Promise<void> {
  const before = await services.status(unit);
  // systemd refuses what has failed too often, until it is told to forget.
  if (before.active === "failed") await services.resetFailed(unit);
  // Between two tries it is not stopped, and a start would be no news to it.
  const waits = before.active === "activating" && before.sub === "auto-restart";
  await starting(services, unit, () => (waits ? services.restart(unit) : services.start(unit)));
  await assertUp(services, await services.status(unit), parseDuration(stableFor));
}

async function restartAnew(services: Services, { unit, stableFor }: Want, before: UnitStatus): Promise<void> {
  // Some count every start, and refuse one too many in a minute when they have stopped already: this one is meant.
  await services.resetFailed(unit);
  await starting(services, unit, () => services.restart(unit));
  const restarted = await services.status(unit);
  const after = await assertUp(services, restarted, parseDuration(stableFor));
  if (before.mainPid !== 0 && after.mainPid === before.mainPid)
    throw new BomaError("service/unstable", `${unit} was restarted, and is the process of before`);
}
