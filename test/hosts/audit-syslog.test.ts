/**
 * Goal: what `audit export --to` sends arrives, whole and in order, in the log of a real rsyslog.
 * Method: Debian's rsyslog on a machine of its own, which writes what it understood of each message into a file.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, REPOSITORY, startHost } from "../support/host.ts";

const RULES = `global(maxMessageSize="128k")
module(load="imudp")
module(load="imtcp")
template(name="understood" type="string" string="%APP-NAME%|%syslogfacility-text%.%syslogseverity-text%|%MSGID%|%STRUCTURED-DATA%|%msg%\\n")
ruleset(name="udp") { action(type="omfile" file="/var/log/audit-udp" template="understood") }
ruleset(name="tcp") { action(type="omfile" file="/var/log/audit-tcp" template="understood") }
input(type="imudp" port="514" ruleset="udp")
input(type="imtcp" port="514" ruleset="tcp")
:programname, isequal, "boma-audit" action(type="omfile" file="/var/log/audit-local" template="understood")
`;

let host: Host;
let fleet: Fleet;
beforeAll(async () => {
  host = await startHost({ name: "logs" });
  await host.must(["apt-get", "update"]);
  await host.must(["apt-get", "install", "--yes", "rsyslog"], { timeoutMs: 90_000 });
  await host.write("/etc/rsyslog.d/10-audit.conf", RULES);
  await host.must(["systemctl", "restart", "rsyslog"]);
  fleet = await Fleet.start(await onBridge());
  await host.enrol(fleet);
  await fleet.ok("run", "logs", "test.ping");
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

interface Understood {
  readonly about: string;
  readonly msgid: string;
  readonly data: string;
  readonly entry: { readonly n: number; readonly kind: string };
}

/** What rsyslog made of the messages, once it has written so many of them. */
async function understood(file: string, count: number): Promise<Understood[]> {
  const lines = async () => (await host.run(["cat", file])).stdout.split("\n").filter((line) => line !== "");
  await expect.poll(async () => (await lines()).length, { timeout: 20_000 }).toBe(count);
  return (await lines()).map((line) => {
    const [app, priority, msgid, data, ...rest] = line.split("|");
    return {
      about: `${app} ${priority}`,
      msgid: msgid!,
      data: data!,
      entry: JSON.parse(rest.join("|")) as Understood["entry"],
    };
  });
}

async function sent(to: string): Promise<number> {
  const { value } = await fleet.json<{ records: number }>("audit", "export", "--to", to);
  return value.records;
}

test.each([
  ["udp", (address: string) => `syslog://${address}:514`],
  ["tcp", (address: string) => `syslog+tcp://${address}:514`],
])("over %s each record arrives once, with its kind, its number and its whole line", async (how, placeAt) => {
  const count = await sent(placeAt(host.address));
  expect(count).toBeGreaterThan(5);
  const got = await understood(`/var/log/audit-${how}`, count);
  expect(got.map(({ entry }) => entry.n)).toEqual(Array.from({ length: count }, (_, at) => at + 1));
  for (const { about, msgid, data, entry } of got) {
    expect(about).toBe("boma-audit audit.notice");
    expect(msgid).toBe(entry.kind);
    expect(data).toBe(`[boma@32473 n="${entry.n}"]`);
  }
});

test("through /dev/log of the machine where the export runs each record arrives once, with its whole line", async () => {
  const file = join(fleet.dir, "auditor.json");
  await fleet.ok("operator", "add", "auditor", "--audit", "--out", file);
  await host.write("/root/auditor.json", readFileSync(file, "utf8"));
  await host.must(["chmod", "600", "/root/auditor.json"]);
  const { exitCode, stdout, stderr } = await host.node(
    `${REPOSITORY}/packages/master/bin/boma-master.mjs`,
    [
      "audit",
      "export",
      "--to",
      "unix:/dev/log",
      "--operator",
      "/root/auditor.json",
      "--home",
      "/root/none",
      "--json",
    ],
    { timeoutMs: 30_000 },
  );
  expect(exitCode, stdout + stderr).toBe(0);
  const { records } = JSON.parse(stdout) as { records: number };
  const got = await understood("/var/log/audit-local", records);
  expect(got.map(({ entry }) => entry.n)).toEqual(Array.from({ length: records }, (_, at) => at + 1));
  for (const { about } of got) expect(about).toBe("boma-audit local6.notice");
});
