/** The kits of access and time: they compile together, and in an order in which nobody is shut out in between. */
import { expect, test } from "vitest";

import { compileCatalog } from "../catalog/compile.ts";
import { EXAMPLE_FINGERPRINT, EXAMPLE_KEY } from "../states/apt/example-key.ts";
import { chronyKit } from "./chrony.ts";
import { fail2banKit } from "./fail2ban.ts";
import { firewallKit } from "./firewall.ts";
import { hashicorpKit } from "./hashicorp.ts";
import { natGatewayKit } from "./nat.ts";
import { adminKit, sshKit } from "./ssh.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna";

const compiled = () =>
  compileCatalog([
    // As a site might write them: the settings before those whom they let in.
    ...sshKit({ must: [{ user: "cowboy", from: "10.0.5.10", key: KEY }] }),
    ...adminKit({ name: "cowboy", keys: [KEY] }),
    ...fail2banKit({ control: ["10.0.5.0/24"], jails: { sshd: { banTime: "1h" } } }),
    ...chronyKit({ pools: ["2.debian.pool.ntp.org"], allow: ["192.168.100.0/24"] }),
    ...hashicorpKit({ suite: "bookworm", key: EXAMPLE_KEY, fingerprints: [EXAMPLE_FINGERPRINT] }),
  ]);

test("they compile together, and sshd gets its settings after the user and the key that must get in", () => {
  const ids = compiled().catalog.entries.map(({ id }) => id);
  const at = (id: string): number => {
    expect(ids).toContain(id);
    return ids.indexOf(id);
  };
  expect(at("ssh.server(node)")).toBeGreaterThan(at("ssh.keys(cowboy)"));
  expect(at("ssh.keys(cowboy)")).toBeGreaterThan(at("user.present(cowboy)"));
  expect(at("service.running(fail2ban)")).toBeGreaterThan(at("fail2ban.jail(sshd)"));
  expect(at("time.synced(node)")).toBeGreaterThan(at("chrony.config(node)"));
});

test("who bans and who filters want the same program, and have it once", () => {
  const jails = fail2banKit({ control: ["10.0.5.0/24"] });
  const gateway = natGatewayKit({
    wan: { name: "eth0" },
    lan: { name: "eth1", addresses: ["192.168.100.1/24"] },
    firewall: { control: { sshFrom: ["10.0.5.0/24"] } },
  });
  for (const filter of [firewallKit({ control: { sshFrom: ["10.0.5.0/24"] } }), gateway]) {
    const ids = compileCatalog([...jails, ...filter]).catalog.entries.map(({ id }) => id);
    expect(ids.filter((id) => id === "pkg.installed(nftables)")).toHaveLength(1);
    expect(ids.indexOf("firewall.filter(node)")).toBeGreaterThan(ids.indexOf("pkg.installed(nftables)"));
  }
});

test("administrators are kept out of every jail", () => {
  const jail = compiled().catalog.entries.find(({ id }) => id === "fail2ban.jail(sshd)");
  expect(jail?.params).toMatchObject({ ignore: ["10.0.5.0/24"], banTime: "1h" });
});

test("an archive without a fingerprint is refused", () => {
  expect(() => hashicorpKit({ suite: "bookworm", key: EXAMPLE_KEY, fingerprints: [] })).toThrow(
    /fingerprints/,
  );
});
