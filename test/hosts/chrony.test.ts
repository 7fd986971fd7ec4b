/**
 * Goal: a machine has its time from where it is declared, a gate says when it has, and nothing ever sets a clock here.
 * Method: a real chronyd that serves its own time, a second one that asks it, both without the right to set a clock.
 */
import { afterAll, beforeAll, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";
import { ACCESS } from "../support/hosts/layer.ts";

let server: Host;
let client: Host;
beforeAll(async () => {
  [server, client] = await Promise.all([
    startHost({ name: "clock", layer: ACCESS }),
    startHost({ name: "client", layer: ACCESS }),
  ]);
}, 600_000);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await client?.[Symbol.asyncDispose]();
});

const sources = () => client.must(["chronyc", "-n", "-c", "sources"]);

test("where the clock may not be set chronyd is not started, and that is no failure", async () => {
  const changes = await client.convergesTwice("chrony.config", "node", { servers: [server.address] });
  expect(changes).toMatchObject({ running: { to: "not started: this machine may not set its clock" } });
  expect((await client.run(["systemctl", "is-active", "chrony"])).stdout.trim()).toBe("inactive");
  const { first, error } = await client.converge("time.synced", "node", {});
  expect({ first, error }).toEqual({ first: {} });
});

test("a machine is in time with the server that it was given", async () => {
  await server.convergesTwice("chrony.config", "node", {
    allow: ["10.66.0.0/24"],
    localStratum: 8,
    setClock: false,
  });
  await client.convergesTwice("chrony.config", "node", { servers: [server.address], setClock: false });
  expect(await client.must(["ps", "-o", "args=", "-C", "chronyd"])).toContain("-x");
  const gate = await client.converge("time.synced", "node", { within: "90s", times: 1, offsetMs: 1000 });
  expect(gate.error).toBeUndefined();
  expect(gate.left).toEqual({});
  expect(await sources()).toMatch(new RegExp(`^\\^,\\*,${server.address},8,`, "m"));
});

test("another source is taken on, and a file that chronyd has not read yet is seen", async () => {
  await client.must(["touch", "-d", "tomorrow", "/etc/chrony/sources.d/boma.sources"]);
  const { first } = await client.converge("chrony.config", "node", {
    servers: [server.address],
    setClock: false,
  });
  expect(first).toMatchObject({
    running: { from: "running, with an older /etc/chrony/sources.d/boma.sources" },
  });
  await client.must(["touch", "-d", "yesterday", "/etc/chrony/sources.d/boma.sources"]);
  await client.convergesTwice("chrony.config", "node", { servers: ["10.66.0.250"], setClock: false });
  expect(await sources()).toContain("10.66.0.250");
});

test("a list of protected units and packages is read by needrestart and by apt", async () => {
  await client.convergesTwice("pkg.protected", "node", {
    units: ["vault", "ceph-osd@"],
    packages: ["vault", "libstdc++6", "ceph*"],
  });
  const list = ["apt-config", "dump", "Unattended-Upgrade::Package-Blacklist"];
  const names = [...(await client.must(list)).matchAll(/::Package-Blacklist:: "(.*)";/g)].map(
    ([, name]) => name,
  );
  expect(names).toEqual(expect.arrayContaining(["^vault$", String.raw`^libstdc\+\+6$`, "^ceph"]));
  const perl = `our %nrconf; do "/etc/needrestart/needrestart.conf"; die $@ if $@;
    for my $unit (@ARGV) { print grep({ $unit =~ /$_/ && $nrconf{override_rc}{$_} eq "0" } keys %{$nrconf{override_rc}}) ? 1 : 0 }`;
  const said = await client.must([
    "perl",
    "-e",
    perl,
    "vault.service",
    "ceph-osd@3.service",
    "vaultx.service",
    "ceph-osd@3.socket",
  ]);
  expect(said).toBe("1100");
});
