import { z } from "zod";

import { type Change, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { assertUp, starting } from "../service/unit.ts";
import { blocked } from "../user/parameters.ts";
import {
  CONFIG,
  configText,
  DROP_IN,
  MAIN,
  dropInText,
  Source,
  SOURCES,
  sourcesText,
} from "./chrony-files.ts";
import { mayNotSetClock } from "./clock.ts";

const UNIT = "chrony.service";
const PID_FILE = "/run/chrony/chronyd.pid";
const STABLE_MS = 500;
const CIDR = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

const params = z.strictObject({
  name: z.literal("node").describe("There is one clock for a node, and this is its name."),
  servers: z
    .array(Source)
    .max(20)
    .default([])
    .describe("Servers that are asked for the time: a name, or `{ host, … }`."),
  pools: z.array(Source).max(10).default([]).describe("Names behind which several servers stand."),
  makeStep: z
    .strictObject({ threshold: z.number().min(0.001).max(1_000_000), limit: z.int().min(-1).max(1000) })
    .default({ threshold: 1, limit: 3 })
    .describe(
      "Set the clock at once when it is off by more seconds than `threshold`, in the first `limit` updates.",
    ),
  allow: z
    .array(CIDR)
    .max(100)
    .default([])
    .describe("Networks whose machines may ask this one for the time."),
  localStratum: z
    .int()
    .min(1)
    .max(15)
    .optional()
    .describe("Go on serving the machine's own time as this stratum when no server is reached."),
  setClock: z
    .boolean()
    .default(true)
    .describe("`false`: measure and serve, and leave the clock alone, as in a container."),
});
type Want = z.output<typeof params>;

interface Properties {
  readonly config: string;
  readonly sources: string;
  /** How its unit is changed. */
  readonly unit: string;
  readonly running: string;
}

const RUNS = "running, with these files";

export default defineState({
  name: "chrony.config",
  summary: "Where this machine has its time from, and whom it gives it to; chronyd runs with exactly that.",
  key: "name",
  stage: "time",
  platforms: ["Debian"],
  params,
  claims: () => [`file:${CONFIG}`, `file:${SOURCES}`, `file:${DROP_IN}`, `unit:${UNIT}`],
  after: () => ["pkg:chrony", `file:${MAIN}`],
  needs: ({ allow }) =>
    allow.length === 0 ? [] : [{ name: "ntp", proto: "udp", port: 123, exposure: "lan", from: allow }],

  async check(want, host) {
    const { files } = host;
    if (!(await files.stat(MAIN)))
      throw blocked(
        "there is no chrony on this machine",
        "Declare its package before this: `chronyKit` does.",
      );
    await assertIncluded(host);
    const is = {
      config: await readIfThere(files, CONFIG),
      sources: await readIfThere(files, SOURCES),
      unit: await readIfThere(files, DROP_IN),
      running: await runningOf(want, host),
    };
    const found = diff<Properties>(is, {
      config: configText(want),
      sources: sourcesText(want),
      unit: dropInText(want) ?? (is.unit === undefined ? undefined : ""),
      running: RUNS,
    });
    return (await isLeftAlone(want, host)) ? toldAlone(found) : found;
  },

  async apply(changes, want, host) {
    const { files, services } = host;
    if (changes.config || changes.sources) await putProved(want, host);
    if (changes.unit) {
      await (changes.unit.to === "" ? files.remove(DROP_IN) : writeBelow(files, DROP_IN, changes.unit.to));
      await services.daemonReload();
    }
    if (await isLeftAlone(want, host)) return;
    await services.enable(UNIT);
    await starting(services, UNIT, () => services.restart(UNIT));
    await assertUp(services, await services.status(UNIT), STABLE_MS);
  },

  examples: [
    {
      title: "time from two servers of one's own",
      key: "node",
      params: { servers: ["10.0.0.1", { host: "time.example.org", prefer: true }] },
      given: given(),
    },
    {
      title: "a server for its network, also when nobody else is reached",
      key: "node",
      params: { pools: ["2.debian.pool.ntp.org"], allow: ["192.168.100.0/24"], localStratum: 10 },
      given: given(),
    },
    {
      title: "in a container, whose clock is that of the machine around it",
      key: "node",
      params: { servers: ["10.0.0.1"] },
      given: given("0000000000000000"),
    },
  ],
});

function given(capabilities = "000001ffffffffff") {
  return {
    files: {
      [MAIN]: "confdir /etc/chrony/conf.d\nsourcedir /etc/chrony/sources.d\n",
      "/etc/chrony/conf.d": { directory: true },
      "/etc/chrony/sources.d": { directory: true },
      "/etc/systemd/system": { directory: true },
      "/proc/1/status": `CapBnd:\t${capabilities}\n`,
    },
    services: { chrony: {} },
    commands: { chronyd: {} },
  } as const;
}

/** Where the clock cannot be set, systemd does not start chronyd; that is how it is, and no fault. */
const isLeftAlone = async ({ setClock }: Want, host: ReadHost): Promise<boolean> =>
  setClock && (await mayNotSetClock(host));

/** It says so where something else has changed, and is no change by itself. */
function toldAlone<T extends { running?: Change<string> }>(found: T): T {
  const { running, ...rest } = found;
  if (Object.keys(rest).length === 0) return rest as T;
  return {
    ...rest,
    running: { from: running?.from, to: "not started: this machine may not set its clock" },
  } as T;
}

/** `chronyd` writes its pid when it starts: what is younger than that it has not read. */
async function runningOf(_: Want, { files, services }: ReadHost): Promise<string> {
  const { active, sub } = await services.status(UNIT);
  if (active !== "active") return `${active} (${sub})`;
  const pid = await files.stat(PID_FILE);
  if (!pid) return RUNS;
  for (const path of [CONFIG, SOURCES, DROP_IN]) {
    const own = await files.stat(path);
    if (own && own.mtimeMs > pid.mtimeMs) return `running, with an older ${path}`;
  }
  return RUNS;
}

async function assertIncluded({ files }: ReadHost): Promise<void> {
  const text = await files.readText(MAIN);
  const missing = ["confdir /etc/chrony/conf.d", "sourcedir /etc/chrony/sources.d"].filter(
    (line) => !text.split("\n").includes(line),
  );
  if (missing.length > 0)
    throw blocked(
      `${MAIN} lacks \`${missing.join("` and `")}\`, so no file there would count`,
      "Debian's own has both.",
    );
}

/** Both files are looked at as one before they are put where chronyd finds them. */
async function putProved(want: Want, { files, commands }: Host): Promise<void> {
  const draft = await files.makeTemporary("/etc/chrony");
  try {
    await files.write(`${draft}/draft.conf`, `${configText(want)}${sourcesText(want)}`);
    const { exitCode, stdout, stderr } = await commands.read({
      argv: ["chronyd", "-p", "-f", `${draft}/draft.conf`],
    });
    if (exitCode !== 0)
      throw blocked(`chronyd refuses these settings: ${(stderr || stdout).trim().slice(0, 1000)}`);
  } finally {
    await files.remove(draft, { recursive: true });
  }
  await writeBelow(files, CONFIG, configText(want));
  await writeBelow(files, SOURCES, sourcesText(want));
}
