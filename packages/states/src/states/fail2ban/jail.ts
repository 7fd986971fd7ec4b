import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { Duration } from "../pkg/parameters.ts";
import { UnitName } from "../service/unit.ts";
import { isWithin } from "../ssh/login-patterns.ts";
import { blocked } from "../user/parameters.ts";
import { fileText, numbersOf, pathOf } from "./jail-file.ts";

const Word = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,60}$/i, "letters, digits, `-` and `_`");
const Network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);
const Line = z
  .string()
  .max(2000)
  .regex(/^[^\r\n\0]+$/, "one line");
const DAEMON = "fail2ban.service";
const WHOLE_MS_MAX = 60_000;

const params = z
  .strictObject({
    name: Word.describe("The jail, and its filter where that has no other name: `sshd`."),
    filter: Word.optional().describe("The filter that knows a failure when it sees one."),
    service: UnitName.optional().describe("The unit that it protects; for `sshd` it is known."),
    ports: z
      .array(z.union([z.int().min(1).max(65_535), Word]))
      .min(1)
      .max(15)
      .default(["ssh"])
      .describe("The ports that are closed to whoever is banned, by number or name."),
    maxRetry: z.int().min(1).max(1000).default(5).describe("So many failures are too many."),
    findTime: Duration.default("10m").describe("The time in which failures are counted."),
    banTime: Duration.default("1h").describe("How long a ban lasts."),
    ignore: z
      .array(Network)
      .max(500)
      .default([])
      .describe("Who is never banned; the machine itself never is."),
    control: z
      .array(Network)
      .max(100)
      .default([])
      .describe("From where the machine is administered: all of it must be in `ignore`."),
    journalMatch: Line.optional().describe("What of the journal is read, where the filter does not say it."),
  })
  .superRefine(({ control, ignore }, context) => {
    for (const [index, network] of control.entries())
      if (!ignore.some((one) => isWithin(one, network)))
        context.addIssue({
          code: "custom",
          path: ["control", index],
          message: `${network} is not in \`ignore\`: its administrators could ban themselves`,
        });
  });
type Want = z.output<typeof params>;

interface Properties {
  /** Its file. */
  readonly jail: string;
  /** What the daemon that runs goes by. */
  readonly running: string;
}

const KNOWN: Readonly<Record<string, string>> = { sshd: "ssh.service" };

export default defineState({
  name: "fail2ban.jail",
  summary: "A jail of fail2ban, which reads the journal and bans with nftables.",
  key: "name",
  platforms: ["Debian"],
  params,
  claims: ({ name }) => [`file:${pathOf(name)}`],
  after: () => ["pkg:fail2ban", "pkg:python3-systemd", "pkg:nftables"],
  warnings: ({ ignore }) =>
    ignore.length > 0 ? [] : ["nobody is kept from being banned: name where you come from in `ignore`"],

  async check(want, host) {
    await assertThere(want, host);
    const is = { jail: await readIfThere(host.files, pathOf(want.name)), running: await running(want, host) };
    return diff<Properties>(is, {
      jail: fileText(want),
      running: is.running === undefined ? undefined : numbersOf(want),
    });
  },

  async apply({ jail }, want, host) {
    if (jail) await putProved(pathOf(want.name), jail.to, host);
    if ((await running(want, host)) === undefined) return;
    await host.commands.must({ argv: ["fail2ban-client", "reload"], timeoutMs: WHOLE_MS_MAX });
  },

  examples: [
    {
      title: "five bad logins, and an hour outside",
      key: "sshd",
      params: { maxRetry: 5, banTime: "1h", ignore: ["10.0.0.0/8"], control: ["10.0.5.0/24"] },
      given: {
        files: { "/etc/fail2ban/jail.d": { directory: true } },
        services: { ssh: { active: true }, fail2ban: {} },
        packages: { fail2ban: "1.0.2-2", "python3-systemd": "235-1+b2" },
        commands: { "fail2ban-client": {}, nft: {} },
      },
    },
  ],
});

async function assertThere({ name, service = KNOWN[name] }: Want, host: ReadHost): Promise<void> {
  const { commands, packages, services } = host;
  if (!(await commands.find("fail2ban-client")))
    throw blocked(
      "there is no fail2ban on this machine",
      "Declare its package before this: `fail2banKit` does.",
    );
  // Without it the daemon ends at its start, with a jail that has no log.
  if (!(await packages.installed()).has("python3-systemd"))
    throw blocked(
      "fail2ban cannot read the journal without python3-systemd, which its package only recommends",
      'Declare `pkg.installed("python3-systemd")` before this.',
    );
  if (!(await commands.find("nft")))
    throw blocked(
      "fail2ban is to ban with nftables, and there is no nft",
      'Declare `pkg.installed("nftables")`.',
    );
  if (service === undefined) return;
  if ((await services.status(service)).load === "not-found")
    throw blocked(
      `the jail ${name} is for ${service}, and there is no such unit`,
      "One jail too many ends the daemon.",
    );
}

/** What the daemon says; nothing while it does not run, for then it reads its files when it starts. */
async function running(want: Want, { commands, services }: ReadHost): Promise<string | undefined> {
  if ((await services.status(DAEMON)).active !== "active") return undefined;
  const found: string[] = [];
  for (const property of ["maxretry", "findtime", "bantime", "ignoreip"]) {
    const { exitCode, stdout, stderr } = await commands.read({
      argv: ["fail2ban-client", "get", want.name, property],
    });
    if (exitCode !== 0) return `no such jail: ${(stderr || stdout).trim().split("\n")[0]}`;
    found.push(property === "ignoreip" ? ignoredIn(stdout) : stdout.trim());
  }
  const [maxRetry, findTime, banTime, ignored] = found;
  return `${maxRetry} in ${findTime} s, ${banTime} s; never ${ignored}`;
}

/** A drawn tree, one address a line. */
const ignoredIn = (stdout: string): string =>
  [...stdout.matchAll(/^[|`]- (\S+)$/gm)]
    .map(([, address]) => address!)
    .toSorted()
    .join(" ");

/** fail2ban looks at the whole of its configuration; what it refuses is taken back before anybody reads it. */
async function putProved(path: string, text: string, host: Host): Promise<void> {
  const { files, commands } = host;
  const before = await readIfThere(files, path);
  await writeBelow(files, path, text);
  const { exitCode, stdout, stderr } = await commands.read({
    argv: ["fail2ban-client", "-t"],
    timeoutMs: WHOLE_MS_MAX,
  });
  if (exitCode === 0) return;
  await (before === undefined ? files.remove(path) : files.write(path, before));
  throw blocked(
    `fail2ban refuses its configuration with ${path}, which was taken back:\n${(stderr || stdout).trim().slice(0, 2000)}`,
  );
}
