import { execFileSync } from "node:child_process";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

let host: Host;
const publicKeys = new Map<string, string>();
beforeAll(async () => {
  host = await startHost({ name: "accounts" });
  for (const name of ["anna", "ben"]) {
    const file = `/root/${name}`;
    await host.must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", `${name}@laptop`, "-f", file]);
    publicKeys.set(name, (await host.read(`${file}.pub`)).trim());
  }
}, 600_000);
afterAll(() => host?.[Symbol.asyncDispose]());

const publicKey = (name: string): string => publicKeys.get(name)!;
const passwd = async (name: string): Promise<string> => (await host.must(["getent", "passwd", name])).trim();
const blocked = (state: string, key: string, params: object = {}) =>
  expect(host.converge(state, key, params)).resolves.toMatchObject({ error: { code: "state/blocked" } });

describe("users and groups", () => {
  const HASH =
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

  test("a group and a user are made as they were said", async () => {
    await host.convergesTwice("group.present", "media", { gid: 4000 });
    await host.convergesTwice("user.present", "anna", {
      uid: 4001,
      groups: ["media", "games"],
      shell: "/bin/bash",
      comment: "Anna A.",
      password: HASH,
      expires: "2099-12-31",
    });
    expect(await passwd("anna")).toBe("anna:x:4001:4001:Anna A.:/home/anna:/bin/bash");
    expect(await host.must(["id", "-Gn", "anna"])).toBe("anna games media\n");
    expect(await host.must(["getent", "shadow", "anna"])).toContain(`anna:${HASH}:`);
    expect(await host.must(["chage", "-l", "anna"])).toMatch(/Account expires\s+: Dec 31, 2099/);
    expect(await host.must(["stat", "-c", "%a %U:%G", "/home/anna", "/home/anna/.profile"])).toBe(
      "700 anna:anna\n644 anna:anna\n",
    );
  });

  test("what is not said stays, and what changes is changed in place", async () => {
    await host.convergesTwice("user.present", "anna", {
      groups: ["media"],
      exclusiveGroups: true,
      expires: "never",
    });
    expect(await passwd("anna")).toBe("anna:x:4001:4001:Anna A.:/home/anna:/bin/bash");
    expect(await host.must(["id", "-Gn", "anna"])).toBe("anna media\n");
    expect(await host.must(["chage", "-l", "anna"])).toMatch(/Account expires\s+: never/);
    await host.convergesTwice("user.present", "anna", { password: "!" });
    await host.convergesTwice("group.present", "media", { members: [], exclusiveMembers: true });
    expect(await host.must(["id", "-Gn", "anna"])).toBe("anna\n");
  });

  test("a system user has a number of the system, no home and no login", async () => {
    await host.convergesTwice("user.present", "metrics", {
      system: true,
      shell: "/usr/sbin/nologin",
      home: "/var/lib/metrics",
    });
    expect(await passwd("metrics")).toMatch(
      /^metrics:x:[1-9]\d{2}:\d+::\/var\/lib\/metrics:\/usr\/sbin\/nologin$/,
    );
    expect(await host.exists("/var/lib/metrics")).toBe(false);
  });

  test("a user who runs processes is neither renumbered nor removed, until they may be ended", async () => {
    await host.must(["systemd-run", "--unit=busy", "--uid=anna", "sleep", "infinity"]);
    await blocked("user.present", "anna", { uid: 4444, changeUid: true });
    await blocked("user.absent", "anna");
    await blocked("group.absent", "anna");
    await host.convergesTwice("user.absent", "anna", { endProcesses: true, removeHome: true });
    expect((await host.run(["systemctl", "is-active", "busy"])).exitCode).not.toBe(0);
    expect(await host.exists("/home/anna")).toBe(false);
    expect(await host.exists("/home")).toBe(true);
    expect((await host.run(["getent", "group", "anna"])).exitCode).not.toBe(0);
  });

  test("a user with a home is renumbered where that is said, and the home follows", async () => {
    await host.convergesTwice("user.present", "cora", { uid: 4100 });
    await blocked("user.present", "cora", { uid: 4101 });
    await host.convergesTwice("user.present", "cora", { uid: 4101, changeUid: true });
    expect(await host.must(["stat", "-c", "%u", "/home/cora/.profile"])).toBe("4101\n");
  });

  test("a group that is nobody's primary one is removed", async () => {
    await host.convergesTwice("group.absent", "media");
    expect((await host.run(["getent", "group", "media"])).exitCode).not.toBe(0);
  });

  test("a hash is in no argument that anybody on the machine could have read", async () => {
    await host.must(["groupadd", "watch"]);
    const { stdout } = await host.run([
      "sh",
      "-c",
      // Every program that chpasswd's name stands for is replaced by one that keeps its arguments.
      `mv /usr/sbin/chpasswd /usr/sbin/chpasswd.real
printf '#!/bin/sh\\necho "$@" >> /run/arguments\\nexec /usr/sbin/chpasswd.real "$@"\\n' > /usr/sbin/chpasswd
chmod +x /usr/sbin/chpasswd`,
    ]);
    expect(stdout).toBe("");
    await host.convergesTwice("user.present", "watched", { password: HASH });
    expect(await host.read("/run/arguments")).toBe("--encrypted\n");
    await host.must(["mv", "/usr/sbin/chpasswd.real", "/usr/sbin/chpasswd"]);
  });
});

describe("keys", () => {
  const SSH =
    "ssh -F none -oIdentitiesOnly=yes -oBatchMode=yes -oStrictHostKeyChecking=no -oConnectTimeout=30";
  const login = (name: string, user: string) =>
    host.run([...SSH.split(" "), "-i", `/root/${name}`, `${user}@127.0.0.1`, "id", "-un"]);
  const entered = { exitCode: 0, stdout: "deploy\n" };
  const turnedAway = { exitCode: 255, stderr: expect.stringContaining("Permission denied") };

  test("whoever has a declared key logs in, and no longer when it is taken away", async () => {
    await host.must(["systemctl", "start", "ssh"]);
    await host.convergesTwice("user.present", "deploy", { shell: "/bin/sh", password: "*" });
    await host.convergesTwice("ssh.key", "laptop of anna", {
      user: "deploy",
      key: publicKey("anna"),
      options: ["restrict"],
    });
    expect(await login("anna", "deploy")).toMatchObject(entered);
    expect(await login("ben", "deploy")).toMatchObject(turnedAway);
    await host.convergesTwice("ssh.keys", "deploy", { keys: [publicKey("ben")], exclusive: true });
    expect(await login("ben", "deploy")).toMatchObject(entered);
    expect(await login("anna", "deploy")).toMatchObject(turnedAway);
    await host.convergesTwice("ssh.key", "laptop of ben", {
      user: "deploy",
      key: publicKey("ben"),
      present: false,
    });
    expect(await login("ben", "deploy")).toMatchObject(turnedAway);
  });

  test("a link that the user put in the place of the file is not followed", async () => {
    await host.must([
      "sh",
      "-ec",
      "cd /home/deploy; rm -r .ssh; setpriv --reuid=deploy --clear-groups ln -s /root .ssh",
    ]);
    await blocked("ssh.key", "laptop of anna", { user: "deploy", key: publicKey("anna") });
    expect(await host.exists("/root/authorized_keys")).toBe(false);
  });
});

describe("sudo", () => {
  const rules = [
    { users: ["deploy"], commands: ["/usr/bin/id -u", "/bin/echo --x=1,2:3 #4"], noPassword: true },
    { groups: ["adm"], commands: ["ALL"] },
  ];
  const asDeploy = (...argv: readonly string[]) =>
    host.run(["setpriv", "--reuid=deploy", "--regid=deploy", "--init-groups", "sudo", "-n", ...argv]);

  test("what a rule allows may be done without a password, and nothing else", async () => {
    await host.convergesTwice("sudo.rules", "deploy", { rules });
    expect((await asDeploy("/usr/bin/id", "-u")).stdout).toBe("0\n");
    expect((await asDeploy("/bin/echo", "--x=1,2:3", "#4")).stdout).toBe("--x=1,2:3 #4\n");
    expect((await asDeploy("/usr/bin/id", "-g")).exitCode).not.toBe(0);
    expect(await host.must(["stat", "-c", "%a %U:%G", "/etc/sudoers.d/boma-deploy"])).toBe("440 root:root\n");
    expect(await host.must(["visudo", "-c"])).toContain("/etc/sudoers.d/boma-deploy: parsed OK");
  });

  test("beside a file that visudo refuses nothing is written", async () => {
    await host.write("/etc/sudoers.d/foreign", "this is no rule\n");
    await host.must(["chmod", "0440", "/etc/sudoers.d/foreign"]);
    await blocked("sudo.rules", "other", { rules });
    expect(await host.exists("/etc/sudoers.d/boma-other")).toBe(false);
    await host.must(["rm", "/etc/sudoers.d/foreign"]);
  });
});

describe("commands", () => {
  test("a check decides, before and after", async () => {
    await host.convergesTwice("cmd.run", "make it", {
      command: "touch /run/made",
      check: "test -e /run/made",
    });
    await expect(host.converge("cmd.run", "true", { check: "test -e /run/never" })).resolves.toMatchObject({
      left: { run: {} },
    });
  });

  test("once is once, over a reboot too", async () => {
    const params = { shell: true, once: true };
    await host.convergesTwice("cmd.run", "echo x >> /var/tmp/times", params);
    await host.reboot();
    await host.converge("cmd.run", "echo x >> /var/tmp/times", params);
    expect(await host.read("/var/tmp/times")).toBe("x\n");
  });

  test("it runs as the user, in the directory and with the input that were said", async () => {
    await host.converge("cmd.run", "id -un; pwd; echo $COLOUR; cat", {
      shell: true,
      user: "deploy",
      cwd: "/tmp",
      env: { COLOUR: "blue" },
      stdin: "input\n",
      command: "{ id -un; pwd; echo $COLOUR; cat; } > /tmp/said",
    });
    expect(await host.read("/tmp/said")).toBe("deploy\n/tmp\nblue\ninput\n");
  });
});

describe("certificates", () => {
  test("openssl takes what is made here, and a pair that does not belong together is refused", async () => {
    await host.must(["mkdir", "-p", "/etc/ssl/boma"]);
    const path = "/etc/ssl/boma/inside";
    await host.convergesTwice("cert.selfsigned", path, {
      names: ["inside.example", "10.0.0.1"],
      group: "adm",
      mode: "0640",
    });
    expect(await host.must(["stat", "-c", "%a %U:%G", `${path}/privkey.pem`])).toBe("640 root:adm\n");
    const chain = await host.read(`${path}/fullchain.pem`);
    const openssl = (args: readonly string[], input: string): string =>
      execFileSync("openssl", args, { input, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] });
    expect(openssl(["x509", "-noout", "-text"], chain)).toContain("DNS:inside.example, IP Address:10.0.0.1");
    expect(openssl(["x509", "-noout", "-checkend", "86400"], chain)).toContain("will not expire");
    await host.convergesTwice("cert.request", "/etc/ssl/private/web.key", {
      names: ["web.example", "*.web.example"],
    });
    const request = openssl(
      ["req", "-verify", "-noout", "-text"],
      await host.read("/etc/ssl/private/web.key.csr"),
    );
    expect(request).toContain("DNS:web.example, DNS:*.web.example");
    const privateKey = await host.read(`${path}/privkey.pem`);
    await host.convergesTwice("cert.managed", "/etc/ssl/boma/copy", { certificate: chain, privateKey });
    expect(await host.read("/etc/ssl/boma/copy/privkey.pem")).toBe(privateKey);
    await blocked("cert.managed", "/etc/ssl/boma/wrong", {
      certificate: chain,
      privateKeyFile: "/etc/ssl/private/web.key",
    });
  });
});
