/**
 * Goal: five bad logins from a second machine ban its address for an hour, on a Debian without log files;
 * whoever is to be ignored is not banned, and nobody can shut out the administrators.
 * Method: a real sshd, fail2ban and nft, and two machines that log in with a name that nobody has.
 */
import { afterAll, beforeAll, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";
import { ACCESS } from "../support/hosts/layer.ts";

let server: Host;
let guest: Host;
let admin: Host;
beforeAll(async () => {
  [server, guest, admin] = await Promise.all([
    startHost({ name: "server", layer: ACCESS }),
    startHost({ name: "guest" }),
    startHost({ name: "admin" }),
  ]);
  await server.must(["systemctl", "start", "ssh"]);
}, 600_000);
afterAll(async () => {
  for (const host of [server, guest, admin]) await host?.[Symbol.asyncDispose]();
});

const jail = () => ({ maxRetry: 5, banTime: "1h", ignore: [admin.address], control: [admin.address] });
const SSH =
  "ssh -F none -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oConnectTimeout=20";
const knock = async (from: Host): Promise<string> =>
  (await from.run([...SSH.split(" "), `mallory@${server.address}`, "true"])).stderr;
const banned = () => server.must(["nft", "list", "table", "inet", "f2b-table"]);

test("the jail lives where Debian's own ends the daemon, and what runs is what is declared", async () => {
  // It comes up with the machine, and then finds no log file.
  const state = async () => (await server.run(["systemctl", "is-active", "fail2ban"])).stdout.trim();
  await expect.poll(state, { timeout: 60_000 }).toBe("failed");
  await server.convergesTwice("fail2ban.jail", "sshd", jail());
  await server.must(["systemctl", "reset-failed", "fail2ban"]);
  await server.convergesTwice("service.running", "fail2ban");
  expect(await server.must(["fail2ban-client", "status", "sshd"])).toContain("Journal matches");
  await server.must(["fail2ban-client", "set", "sshd", "bantime", "5"]);
  const changes = await server.convergesTwice("fail2ban.jail", "sshd", jail());
  expect(Object.keys(changes)).toEqual(["running"]);
});

test("five bad logins ban the address for an hour, and one that is ignored never is", async () => {
  for (let tries = 0; tries < 7; tries++) await knock(admin);
  for (let tries = 0; tries < 5; tries++) expect(await knock(guest)).toContain("Permission denied");
  const bans = () => server.must(["fail2ban-client", "get", "sshd", "banip", "--with-time"]);
  await expect.poll(bans, { timeout: 40_000, interval: 500 }).toContain(guest.address);
  const line = (await bans()).trim();
  expect(line).toMatch(new RegExp(`^${guest.address.replaceAll(".", "\\.")}\\s.*\\+ 3600 =`));
  await expect.poll(banned, { timeout: 20_000 }).toContain(guest.address);
  expect(await banned()).not.toContain(admin.address);
  expect(await knock(guest)).toMatch(/refused|timed out/);
  expect(await knock(admin)).toContain("Permission denied");
});

test("a change of the jail leaves the bans as they are", async () => {
  await server.convergesTwice("fail2ban.jail", "sshd", { ...jail(), maxRetry: 4 });
  await expect.poll(banned, { timeout: 20_000 }).toContain(guest.address);
});

test("a jail that would end the daemon is refused, and its file is taken back", async () => {
  const none = await server.converge("fail2ban.jail", "nginx-http-auth", {
    service: "nginx",
    ports: ["http"],
  });
  expect(none.error?.message).toMatch(/nginx\.service, and there is no such unit/);
  const unknown = await server.converge("fail2ban.jail", "bananas", {});
  expect(unknown.error).toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("taken back"),
  });
  expect(await server.exists("/etc/fail2ban/jail.d/boma-bananas.local")).toBe(false);
  await server.must(["fail2ban-client", "-t"]);
});
