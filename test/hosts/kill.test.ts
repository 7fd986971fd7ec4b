/**
 * Goal: whenever an agent is killed during a run over modules of every kind, the
 * next run finishes what it began, and the one after that has nothing to do.
 * Method: `boma-agent apply` of one tree on a real machine, killed with SIGKILL after one declaration more each time.
 */
import { expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";
import { program } from "../support/programs.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/** How a program that was ended by a signal is told out here. */
const KILLED = 255;

/** One of many kinds each; what follows another hangs on the order in which they are written. */
const TREE = `
- file.directory: /srv/app
- file.managed: /srv/app/conf
  contents: "one\\ntwo\\n"
- file.symlink: /srv/app/link
  target: conf
- file.block: app
  path: /etc/issue
  contents: "three"
- pkg.installed: tree
- group.present: app
- user.present: app
  group: app
- ssh.key: laptop
  user: app
  key: ${KEY}
- sudo.rules: app
  rules: [{ users: [app], commands: [/usr/bin/true] }]
- cron.job: app
  schedule: "*/5 * * * *"
  user: app
  command: /bin/true
- systemd.unit: app.service
  contents: "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"
- service.running: app
  enable: true
- hosts.entry: db
  ip: 10.0.0.7
  names: [db.example]
- timezone.set: Europe/Berlin
- cmd.run: once
  command: touch /var/once
  creates: /var/once
`;

/** Begins an apply, and kills the agent with all that it started after this time. */
const killedAfter = (host: Host, seconds: string) =>
  host.run([
    "timeout",
    "--signal=KILL",
    seconds,
    process.execPath,
    program("agent"),
    "apply",
    "/root/tree.yaml",
    "--json",
  ]);

test("a run that is killed at any moment is finished by the next one, for modules of every kind", async () => {
  await using host = await startHost();
  await host.write("/root/tree.yaml", TREE);
  const killed: (number | null)[] = [];
  for (const seconds of ["0.6", "0.8", "1.0", "1.2", "1.5", "1.8", "2.2", "2.7"])
    killed.push((await killedAfter(host, seconds)).exitCode);
  expect(killed).toContain(KILLED);
  const finished = await host.apply("/root/tree.yaml", [], { timeoutMs: 100_000 });
  expect(finished.results.flatMap(({ error }) => error ?? [])).toEqual([]);
  expect(finished.ok).toBe(true);
  const again = await host.apply("/root/tree.yaml");
  expect(again.summary).toMatchObject({ total: 15, ok: 15 });
});
