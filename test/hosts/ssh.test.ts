/**
 * Goal: sshd gets what is declared whatever other files say, and nothing that would lock out who must get in.
 * Method: a real sshd, and a second machine that logs in, is turned away, and stays logged in meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

let server: Host;
let laptop: Host;
let anna: string;
let hostKeys: string;

const DROP_IN = "/etc/ssh/sshd_config.d/00-boma.conf";
const fingerprints = () => server.must(["sh", "-c", "sha256sum /etc/ssh/ssh_host_*"]);

beforeAll(async () => {
  [server, laptop] = await Promise.all([startHost({ name: "server" }), startHost({ name: "laptop" })]);
  for (const name of ["anna", "ca"])
    await laptop.must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", `/root/${name}`]);
  anna = (await laptop.read("/root/anna.pub")).trim();
  await server.write("/etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\n");
  await server.must(["systemctl", "start", "ssh"]);
  await server.convergesTwice("user.present", "anna", { shell: "/bin/sh", password: "*" });
  await server.convergesTwice("ssh.keys", "anna", { keys: [anna] });
  hostKeys = await fingerprints();
}, 600_000);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await laptop?.[Symbol.asyncDispose]();
});

const must = () => [{ user: "anna", from: laptop.address, key: anna }];
const SSH =
  "ssh -F none -oIdentitiesOnly=yes -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR -oConnectTimeout=20";
const login = (user: string, port = 22, ...more: readonly string[]) =>
  laptop.run([
    ...SSH.split(" "),
    ...more,
    "-p",
    String(port),
    "-i",
    "/root/anna",
    `${user}@${server.address}`,
    "id",
    "-un",
  ]);
const entered = { exitCode: 0, stdout: "anna\n" };
const effective = (keyword: string) =>
  server.must([
    "sh",
    "-c",
    `sshd -T -C user=anna,host=x,addr=${laptop.address},laddr=127.0.0.1,lport=22 | grep "^${keyword} "`,
  ]);

async function refused(params: object, why: RegExp): Promise<void> {
  const before = await server.read(DROP_IN);
  const { error } = await server.converge("ssh.server", "node", { must: must(), ...params });
  expect(error).toMatchObject({ code: "state/blocked", message: expect.stringMatching(why) });
  expect(await server.read(DROP_IN)).toBe(before);
}

test("what is declared counts, although another file says otherwise, and who must get in does", async () => {
  expect(await effective("passwordauthentication")).toBe("passwordauthentication yes\n");
  await server.convergesTwice("ssh.server", "node", { must: must() });
  expect(await effective("passwordauthentication")).toBe("passwordauthentication no\n");
  expect(await effective("permitrootlogin")).toBe("permitrootlogin no\n");
  expect(await login("anna")).toMatchObject(entered);
  expect(await login("root")).toMatchObject({
    exitCode: 255,
    stderr: expect.stringContaining("Permission denied"),
  });
});

describe("settings with which somebody who must get in could not", () => {
  test("are refused before anything changes: by a rule, by a file, by a key that is not there", async () => {
    await refused({ allowUsers: ["nobodyhere"] }, /AllowUsers nobodyhere does not let anna in/);
    await refused({ extra: { AuthorizedKeysFile: "/etc/ssh/keys/%u" } }, /there is no \/etc\/ssh\/keys/);
    const other = (await laptop.read("/root/ca.pub")).trim();
    await refused({ must: [{ user: "anna", from: laptop.address, key: other }] }, /has no such key/);
    expect(await login("anna")).toMatchObject(entered);
  });

  test("are known by what sshd would hold against the key's file too", async () => {
    await server.must(["chmod", "0666", "/home/anna/.ssh/authorized_keys"]);
    const { error } = await server.converge("ssh.server", "node", { must: must() });
    expect(error?.message).toMatch(/others may write \/home\/anna\/\.ssh\/authorized_keys \(0666\)/);
    expect((await login("anna")).exitCode).toBe(255);
    await server.must(["chmod", "0600", "/home/anna/.ssh/authorized_keys"]);
    expect(await login("anna")).toMatchObject(entered);
  });
});

test("what sshd does not know is refused, with the line", async () => {
  await refused({ extra: { Banana: "yes" } }, /Bad configuration option: Banana[\s\S]*Banana yes/);
  await refused(
    { ciphers: ["rot13@example.org"] },
    /does not know rot13@example\.org; it knows .*aes256-gcm/,
  );
});

test("a file that is faster, and a Match block that says otherwise, are named", async () => {
  await server.write("/etc/ssh/sshd_config.d/00-a.conf", "MaxAuthTries 9\n");
  await refused({ maxAuthTries: 3 }, /maxauthtries is 9 and not 3/);
  await server.must(["rm", "/etc/ssh/sshd_config.d/00-a.conf"]);
  await server.write(
    "/etc/ssh/sshd_config.d/60-site.conf",
    "Match User anna\n  PasswordAuthentication yes\n",
  );
  await refused({}, /60-site\.conf:2 \(Match User anna\) PasswordAuthentication yes/);
  expect(
    (await server.converge("ssh.server", "node", { must: must(), matches: "leave" })).error,
  ).toBeUndefined();
  await server.write("/etc/ssh/sshd_config.d/60-site.conf", "Match User anna\n  PubkeyAuthentication no\n");
  const { error } = await server.converge("ssh.server", "node", { must: must(), matches: "leave" });
  expect(error?.message).toContain("PubkeyAuthentication is off for anna");
  await server.must(["rm", "/etc/ssh/sshd_config.d/60-site.conf"]);
});

test("a port moves without a session that ends, over a time in which both are open", async () => {
  const control = ["-oControlPath=/run/anna.sock"];
  const session = [...SSH.split(" "), ...control, "-oControlMaster=yes", "-N", "-i", "/root/anna"];
  const unit = ["systemd-run", "--quiet", "--unit=session", "--"];
  await laptop.must([...unit, ...session, `anna@${server.address}`]);
  await expect.poll(() => laptop.exists("/run/anna.sock"), { timeout: 20_000 }).toBe(true);
  await server.convergesTwice("ssh.server", "node", { must: must(), port: 2222, also: [22] });
  expect(await login("anna", 2222)).toMatchObject(entered);
  expect(await login("anna", 22)).toMatchObject(entered);
  await server.convergesTwice("ssh.server", "node", { must: must(), port: 2222 });
  expect((await login("anna", 22)).stderr).toContain("refused");
  // The one that was logged in before both changes still is.
  expect(await login("anna", 22, ...control)).toMatchObject(entered);
  await laptop.must(["systemctl", "stop", "session"]);
});

/** Arms the dead-man as the agent does, applies, and leaves without a word. */
const RISKY = (params: object): string => `
import { confirmation } from "${new URL("../../packages/agent/src/confirm/confirmation.ts", import.meta.url).pathname}";
import { realHost } from "${new URL("../../packages/agent/src/host/hosts.ts", import.meta.url).pathname}";
import { checkParams, readHost, states, writeHost } from "${new URL("../../packages/states/src/index.ts", import.meta.url).pathname}";
const program = [process.execPath, "${new URL("../../packages/agent/bin/boma-agent.mjs", import.meta.url).pathname}"];
const { spec } = states["ssh.server"];
const want = checkParams(spec, ${JSON.stringify({ ...params, name: "node" })});
const ports = realHost.ports({ signal: new AbortController().signal, line: () => undefined });
const agent = { agentDir: "/var/lib/boma/agent", root: "/", program, reach: () => Promise.reject(new Error("cut off")) };
await confirmation(agent).arm("ssh.server(node)", await spec.confirm.undo(want, readHost(ports)), 4000);
await spec.apply(await spec.check(want, readHost(ports)), want, writeHost(ports));
process.exit(0);
`;

test("settings that nobody confirms are taken back, and sshd goes by those of before", async () => {
  const before = await server.read(DROP_IN);
  await server.write("/root/risky.mjs", RISKY({ must: must(), port: 2400 }));
  await server.must([process.execPath, "/root/risky.mjs"]);
  expect(await server.read(DROP_IN)).toContain("Port 2400");
  await expect.poll(() => server.read(DROP_IN), { timeout: 30_000 }).toBe(before);
  await expect.poll(async () => (await login("anna", 2222)).stdout, { timeout: 20_000 }).toBe("anna\n");
  expect((await login("anna", 2400)).exitCode).toBe(255);
});

test("where ssh.socket listens, the port is the socket's, and a killed run is finished by the next", async () => {
  await server.must(["systemctl", "disable", "--quiet", "ssh.service"]);
  await server.must(["systemctl", "stop", "ssh.service"]);
  await server.must(["systemctl", "enable", "--quiet", "--now", "ssh.socket"]);
  const params = { must: must(), port: 2022 };
  await server.convergesTwice("ssh.server", "node", params);
  expect(await login("anna", 2022)).toMatchObject(entered);
  expect((await login("anna", 22)).stderr).toContain("refused");
  // As a run that was killed before the socket knew it.
  await server.must([
    "sh",
    "-c",
    "rm /etc/systemd/system/ssh.socket.d/boma.conf; systemctl daemon-reload; systemctl stop ssh; systemctl restart ssh.socket",
  ]);
  await server.convergesTwice("ssh.server", "node", params);
  expect(await login("anna", 2022)).toMatchObject(entered);
});

test("a certificate of the trusted CA lets its owner in, and the machine shows one of its own", async () => {
  const ca = (await laptop.read("/root/ca.pub")).trim();
  await laptop.write("/root/host.pub", await server.read("/etc/ssh/ssh_host_ed25519_key.pub"));
  const sign = ["ssh-keygen", "-q", "-s", "/root/ca", "-I", "test"];
  await laptop.must([...sign, "-h", "-n", server.address, "/root/host.pub"]);
  await laptop.must([...sign, "-n", "ben", "/root/anna.pub"]);
  const hostCertificate = await laptop.read("/root/host-cert.pub");
  await server.convergesTwice("user.present", "ben", { shell: "/bin/sh", password: "*" });
  await server.convergesTwice("ssh.server", "node", {
    must: [...must(), { user: "ben", from: laptop.address }],
    port: 2022,
    trustedCa: [ca],
    hostCertificate,
  });
  await laptop.write("/root/known", `@cert-authority * ${ca}\n`);
  const strict = [
    "-oStrictHostKeyChecking=yes",
    "-oUserKnownHostsFile=/root/known",
    "-oCertificateFile=/root/anna-cert.pub",
  ];
  const words = SSH.split(" ").filter((word) => !/StrictHost|UserKnown/.test(word));
  const { stdout } = await laptop.run([
    ...words,
    ...strict,
    "-p",
    "2022",
    "-i",
    "/root/anna",
    `ben@${server.address}`,
    "id",
    "-un",
  ]);
  expect(stdout).toBe("ben\n");
  await laptop.must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/foreign"]);
  await laptop.must([...sign, "-h", "-n", server.address, "/root/foreign.pub"]);
  const foreign = await laptop.read("/root/foreign-cert.pub");
  const { error } = await server.converge("ssh.server", "node", {
    must: must(),
    port: 2022,
    hostCertificate: foreign,
  });
  expect(error?.message).toMatch(/this machine has no such host key/);
  expect(await fingerprints()).toBe(hostKeys);
});

test("an administrator can do everything as root, and the last one is not removed", async () => {
  await server.convergesTwice("sudo.rules", "anna", {
    rules: [{ users: ["anna"], runAs: ["ALL"], commands: ["ALL"], noPassword: true }],
    must: ["anna"],
  });
  const port = ["-p", "2022", "-i", "/root/anna", `anna@${server.address}`];
  expect(await laptop.must([...SSH.split(" "), ...port, "sudo", "-n", "id", "-u"])).toBe("0\n");
  const few = { rules: [{ users: ["anna"], commands: ["/bin/true"] }], must: ["anna"] };
  expect((await server.converge("sudo.rules", "anna", few)).error?.message).toContain("it was taken back");
  expect(await laptop.must([...SSH.split(" "), ...port, "sudo", "-n", "id", "-u"])).toBe("0\n");
  const last = /anna is the last who can log in and become root/;
  expect((await server.converge("user.absent", "anna", { endProcesses: true })).error?.message).toMatch(last);
  expect(
    (await server.converge("user.present", "anna", { shell: "/usr/sbin/nologin" })).error?.message,
  ).toMatch(last);
});
