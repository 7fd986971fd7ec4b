import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Duration } from "../pkg/parameters.ts";
import { isEnabled } from "../service/unit.ts";
import {
  assertCalendars,
  emptySystemd,
  escapeWord,
  install,
  lookAt,
  textOf,
  UNITS_DIR,
} from "./unit-file.ts";

const LINE = /^[^\n\r\0]*$/;
const params = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9:_.-]{0,190}$/, "letters, digits and `:_.-`")
    .refine((name) => !/\.(timer|service)$/.test(name), "the name without `.timer`")
    .describe("The name; its units are NAME.timer and NAME.service."),
  calendar: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(100)])
    .describe("When, as systemd.time(7) writes it: `daily`, `Mon *-*-* 03:00`, or several of them."),
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .describe("The program and its arguments as a list, or one line for /bin/sh."),
  user: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, "a user's name")
    .optional()
    .describe("Who runs it; root where it is not said."),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
    .optional()
    .describe("Variables for the command."),
  persistent: z.boolean().default(true).describe("Make up for a time at which the machine was off."),
  randomDelay: Duration.optional().describe("Begin up to so much later, another time on each machine."),
  timeout: Duration.optional().describe("End the command after this time."),
  description: z.string().regex(LINE, "one line").optional().describe("What it is for."),
});
type Want = z.output<typeof params>;

const unitsOf = (name: string) => ({
  service: `${name}.service`,
  timer: `${name}.timer`,
  servicePath: `${UNITS_DIR}/${name}.service`,
  timerPath: `${UNITS_DIR}/${name}.timer`,
});

export default defineState({
  name: "systemd.timer",
  summary: "A command that systemd runs at set times, never twice at once, with its output in the journal.",
  key: "name",
  params,
  claims({ name }) {
    const { service, timer, servicePath, timerPath } = unitsOf(name);
    return [`file:${servicePath}`, `file:${timerPath}`, `unit:${timer}`, `unit:${service}`];
  },

  async check(want, host) {
    await assertCalendars(host, [want.calendar].flat());
    const { service, timer, servicePath, timerPath } = unitsOf(want.name);
    const [ofService, ofTimer] = [
      await lookAt(host, servicePath, service),
      await lookAt(host, timerPath, timer),
    ];
    const status = await host.services.status(timer);
    const is = {
      service: ofService?.contents,
      timer: ofTimer?.contents,
      loaded: ofService && ofTimer ? ofService.loaded && ofTimer.loaded : undefined,
      enabled: isEnabled(status, true),
      active: status.active === "active",
    };
    return diff(is, {
      service: serviceText(want),
      timer: timerText(want),
      loaded: true,
      enabled: true,
      active: true,
    });
  },

  async apply({ service, timer, loaded, enabled, active }, want, host) {
    const units = unitsOf(want.name);
    const drafts = [
      [units.service, serviceText(want)],
      [units.timer, timerText(want)],
    ] as const;
    if (service) await install(host, units.servicePath, service.to, drafts);
    if (timer) await install(host, units.timerPath, timer.to, drafts.toReversed());
    if (service || timer || loaded) await host.services.daemonReload();
    if (enabled) await host.services.enable(units.timer);
    if (active) await host.services.start(units.timer);
    // A timer that is up goes on with the times that it had.
    else if (timer) await host.services.restart(units.timer);
  },

  examples: [
    {
      title: "a backup every night",
      key: "backup",
      params: { calendar: "*-*-* 02:30", command: ["/usr/local/bin/backup", "--all"], randomDelay: "15m" },
      given: emptySystemd,
    },
    {
      title: "a line for the shell, by somebody",
      key: "report",
      params: {
        calendar: ["Mon 08:00", "Fri 17:00"],
        command: "df -h | mail -s disks root",
        user: "nobody",
        environment: { LANG: "C" },
        timeout: "10m",
        description: "How full the disks are",
      },
      given: emptySystemd,
    },
  ],
});

const NOTE = "# Kept by boma: changes made here are undone.\n";

function serviceText({ name, command, user, environment = {}, timeout, description }: Want): string {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  const text = textOf({
    sections: {
      Unit: { Description: (description ?? name).replaceAll("%", "%%") },
      Service: {
        Type: "oneshot",
        ...(user !== undefined && { User: user }),
        ...(Object.keys(environment).length > 0 && {
          Environment: Object.entries(environment).map(([key, value]) => escapeValue(`${key}=${value}`)),
        }),
        ...(timeout !== undefined && { TimeoutStartSec: timeout }),
        ExecStart: argv.map(escapeWord).join(" "),
      },
    },
  });
  return NOTE + text;
}

/** In an assignment systemd expands `%` only, not `$`. */
const escapeValue = (text: string): string => escapeWord(text).replaceAll("$$", "$");

function timerText({ name, calendar, persistent, randomDelay, description }: Want): string {
  const text = textOf({
    sections: {
      Unit: { Description: `When to run ${(description ?? name).replaceAll("%", "%%")}` },
      Timer: {
        OnCalendar: [calendar].flat(),
        Persistent: persistent,
        ...(randomDelay !== undefined && { RandomizedDelaySec: randomDelay }),
      },
      Install: { WantedBy: "timers.target" },
    },
  });
  return NOTE + text;
}
