/** Packages on a real Debian: each state twice, and what goes wrong there. */
import { spawn } from "node:child_process";
import { once } from "node:events";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";
import { type SignedArchive, signedArchive } from "../support/signed-archive.ts";

let host: Host;
beforeAll(async () => {
  host = await startHost({ name: "packages" });
});
afterAll(() => host[Symbol.asyncDispose]());

const versionOf = async (name: string): Promise<string> => {
  const { stdout } = await host.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name]);
  return stdout;
};

describe("states", () => {
  test("pkg.installed installs, several in one call too, and finds nothing to do then", async () => {
    const changes = await host.convergesTwice("pkg.installed", "tools", { names: ["hello", "tree"] });
    expect(Object.keys(changes)).toEqual(["hello", "tree"]);
    expect(await versionOf("hello")).toMatch(/^installed 2\./);
    expect((await host.run(["hello"])).exitCode).toBe(0);
  });

  test("pkg.held holds, and a held package is not upgraded, removed or forgotten", async () => {
    await host.convergesTwice("pkg.held", "hello");
    expect(await host.must(["apt-mark", "showhold"])).toBe("hello\n");
    const { error } = await host.converge("pkg.removed", "hello");
    expect(error).toMatchObject({ code: "package/blocked" });
    expect(error?.message).toContain("hello");
    await host.convergesTwice("pkg.held", "hello", { held: false });
  });

  test("pkg.latest asks lists that are not old", async () => {
    await host.must(["sh", "-c", "touch -d '2 days ago' /var/lib/apt/lists /var/lib/apt/lists/partial"]);
    const changes = await host.convergesTwice("pkg.latest", "tree");
    expect(Object.keys(changes)).toEqual(["lists of packages"]);
  });

  test("pkg.removed leaves configuration files, pkg.purged takes them", async () => {
    await host.convergesTwice("pkg.installed", "nginx-light", { startServices: false });
    await host.convergesTwice("pkg.removed", "nginx-light", {});
    await host.convergesTwice("pkg.removed", "nginx", {
      names: ["nginx", "nginx-common"],
      allowRemove: true,
    });
    expect(await versionOf("nginx-common")).toMatch(/^config-files/);
    await host.convergesTwice("pkg.purged", "nginx-common");
    expect(await host.exists("/etc/nginx/nginx.conf")).toBe(false);
  });
});

describe("traps", () => {
  test("a service that comes with a package stays down where that is asked for, and the policy is gone after", async () => {
    await host.convergesTwice("pkg.installed", "nginx-light", { startServices: false });
    expect((await host.run(["systemctl", "is-active", "nginx"])).stdout).not.toBe("active\n");
    expect(await host.exists("/usr/sbin/policy-rc.d")).toBe(false);
    await host.convergesTwice("pkg.purged", "nginx", {
      names: ["nginx-light", "nginx-common"],
      allowRemove: true,
    });
  });

  test("a policy of somebody else is not replaced", async () => {
    await host.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n");
    await host.convergesTwice("pkg.removed", "tree");
    const { error } = await host.converge("pkg.installed", "tree", { startServices: false });
    expect(error).toMatchObject({ code: "package/blocked" });
    expect(await host.read("/usr/sbin/policy-rc.d")).toBe("#!/bin/sh\nexit 0\n");
    await host.must(["rm", "/usr/sbin/policy-rc.d"]);
    await host.convergesTwice("pkg.installed", "tree");
  });

  test("a service that an installation starts goes on, and does not hold the run open", async () => {
    await host.convergesTwice("pkg.installed", "nginx-light");
    expect((await host.run(["systemctl", "is-active", "nginx"])).stdout).toBe("active\n");
  });

  test("a removal takes nothing else with it unless that is allowed", async () => {
    const { error } = await host.converge("pkg.removed", "nginx-common");
    expect(error).toMatchObject({ code: "package/blocked" });
    expect(error?.message).toContain("nginx-light");
    expect(await versionOf("nginx-light")).toMatch(/^installed/);
  });

  test("what dpkg was killed in the middle of is finished first", async () => {
    await host.convergesTwice("pkg.removed", "hello");
    await host.must([
      "sh",
      "-c",
      "cd /tmp && apt-get download hello -o APT::Sandbox::User=root -q && dpkg --unpack hello_*.deb",
    ]);
    expect(await versionOf("hello")).toMatch(/^unpacked/);
    await host.convergesTwice("pkg.installed", "hello");
    expect(await versionOf("hello")).toMatch(/^installed/);
  });

  test("the lock of dpkg is waited for, and its file is there afterwards", async () => {
    await host.convergesTwice("pkg.removed", "hello");
    const words = host.words(["perl", "-e", LOCK]);
    const holder = spawn(words[0]!, words.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(holder, "exit").then(() => Promise.reject(new Error("the lock could not be taken")));
    await Promise.race([once(holder.stdout, "data"), ended]);
    ended.catch(() => undefined);
    const { error } = await host.converge("pkg.installed", "hello", { lockTimeout: "1s" });
    expect(error).toMatchObject({ code: "package/locked" });
    const waiting = host.convergesTwice("pkg.installed", "hello");
    holder.stdin.end();
    await waiting;
    expect(await host.exists("/var/lib/dpkg/lock-frontend")).toBe(true);
  });
});

/** Takes the lock as dpkg does, says so, and keeps it until its standard input ends. */
const LOCK = `
use Fcntl qw(:DEFAULT F_SETLK F_WRLCK SEEK_SET);
open(my $lock, "+>", "/var/lib/dpkg/lock-frontend") or die $!;
my $whole = pack("s s l! l! i", F_WRLCK, SEEK_SET, 0, 0, 0);
fcntl($lock, F_SETLK, $whole) or die $!;
$| = 1; print "held\\n"; <STDIN>;
`;

describe("apt.repo", () => {
  let made: SignedArchive;
  const read = (name: string): string => made.read(name);
  beforeAll(async () => {
    made = signedArchive("archive", "other");
    await host.write("/srv/signed/Packages", "");
    await host.write("/srv/signed/InRelease", read("archive.InRelease"));
  });
  afterAll(() => made?.[Symbol.dispose]());

  const params = () => ({
    uris: ["file:/srv/signed"],
    suites: ["./"],
    key: read("archive.asc"),
    fingerprints: [read("archive.fingerprint")],
  });

  test("an archive signed by its pinned key is fetched, by that key only", async () => {
    const changes = await host.convergesTwice("apt.repo", "local", params());
    expect(Object.keys(changes).toSorted()).toEqual(["fetched", "keyring", "source"]);

    const rotated = await host.converge("apt.repo", "local", { ...params(), key: read("other.asc") });
    expect(rotated.error?.message).toContain(read("other.fingerprint"));

    // The archive is signed by another key from one day to the next: its lists are refused.
    await host.write("/srv/signed/InRelease", read("other.InRelease"));
    await host.must(["rm", "/etc/apt/keyrings/boma-local.gpg"]);
    const { error } = await host.converge("apt.repo", "local", params());
    expect(error).toMatchObject({ code: "package/source" });
  });

  test("a source that a second file names is an error that says where", async () => {
    await host.write("/etc/apt/sources.list.d/double.list", "deb file:/srv/signed ./\n");
    const { error } = await host.converge("apt.repo", "local", params());
    expect(error?.message).toContain("/etc/apt/sources.list.d/double.list");
  });
});
