import { z } from "zod";

import { byNode } from "./event.ts";
import { Line, Moment, Name } from "./words.ts";

/** `raised` and `cleared` for what lasts, `happened` for what is over at once, `flapping` for what cannot decide. */
export const BEACON_LEVELS = ["raised", "cleared", "happened", "flapping"] as const;
export type BeaconLevel = (typeof BEACON_LEVELS)[number];

const beacon = <S extends z.ZodRawShape>(summary: string, shape: S) =>
  byNode(
    summary,
    z.strictObject({
      beacon: Name.describe("The declaration that asked for it, such as `beacon.disk(/var)`."),
      level: z.enum(BEACON_LEVELS),
      ...shape,
    }),
  );

const Percent = z.number().min(0).max(100);

/** What a node's beacons see. */
export const beaconEvents = {
  "beacon.service": beacon("A service failed, was restarted, or recovered.", {
    unit: Name,
    state: Name.describe("As systemd calls it: `failed`, `active`, `activating` …"),
    result: Name.optional(),
    restarts: z.int().optional(),
  }),
  "beacon.unit": beacon("The file of a unit, or one of its drop-ins, changed.", {
    unit: Name,
    path: Line,
  }),
  "beacon.disk": beacon("A file system is fuller than it may be.", {
    path: Line,
    usedPercent: Percent,
    freeBytes: z.number(),
    inodesPercent: Percent,
  }),
  "beacon.memory": beacon("More of the memory is used than may be, for longer than may be.", {
    usedPercent: Percent,
    availableBytes: z.number(),
    forMs: z.number(),
  }),
  "beacon.pressure": beacon("Work waits for a resource (PSI).", {
    resource: z.enum(["cpu", "memory", "io"]),
    kind: z.enum(["some", "full"]),
    percent: Percent,
    windowSeconds: z.int(),
  }),
  "beacon.load": beacon("More work is runnable than the processors can take.", {
    load: z.number(),
    perCpu: z.number(),
    windowMinutes: z.int(),
  }),
  "beacon.file": beacon("A file or directory was made, changed or removed.", {
    path: Line,
    what: z.enum(["made", "changed", "removed"]),
    digest: Name.optional(),
  }),
  "beacon.login": beacon("Logins failed.", {
    user: Name,
    from: Name.optional(),
    count: z.int(),
    windowSeconds: z.int(),
  }),
  "beacon.reboot": beacon("The machine asks to be rebooted.", { reasons: z.array(Line).max(20) }),
  "beacon.time": beacon("The clock is off, or nothing keeps it.", {
    offsetMs: z.number(),
    synchronised: z.boolean().optional(),
  }),
  "beacon.certificate": beacon("A certificate is about to expire, or has expired.", {
    path: Line,
    subject: Line,
    expiresAt: Moment,
    daysLeft: z.number(),
  }),
  "beacon.link": beacon("A network link went down, or came up.", { link: Name, state: Name }),
};
