import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { startHost } from "../support/host.ts";
import { hostCgroups, sweep } from "../support/hosts/cgroups.ts";

/** What hosts could leave on this machine: mounts, named or held namespaces, devices, control groups of ours. */
function traces(): { mounts: number; namespaces: string; links: string; cgroups: readonly string[] } {
  const own = `boma-host-${process.pid}-`;
  return {
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").length,
    namespaces: execFileSync("ip", ["netns", "list"], { encoding: "utf8" }),
    links: execFileSync("ip", ["-oneline", "link"], { encoding: "utf8" }).replaceAll(
      /^\d+: (\S+).*$/gm,
      "$1",
    ),
    cgroups: hostCgroups().filter((name) => name.startsWith(own)),
  };
}

/** The children of this process, of which no host may leave one behind. */
const children = (): readonly string[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);

describe("a host", () => {
  test("is a Debian whose systemd is process 1 and has no failed unit", async () => {
    await using host = await startHost({ name: "alpha" });
    expect(await host.must(["systemctl", "is-system-running"])).toBe("running\n");
    expect(await host.must(["ps", "-o", "comm=", "1"])).toBe("systemd\n");
    expect(await host.must(["hostname"])).toBe("alpha\n");
    expect(await host.must(["sh", "-c", "ls /sys/class/net"])).toBe("eth0\nlo\n");
  });

  test("gives a command its input, its environment and its words as they are, and hands back its exit code", async () => {
    await using host = await startHost();
    const script = 'cat; printf %s "$A" "$1" >&2; exit 7';
    const end = await host.run(["sh", "-c", script, "sh", "$HOME ${A} %h $$"], {
      stdin: "in\n",
      env: { A: "a b;" },
    });
    expect(end).toEqual({ exitCode: 7, stdout: "in\n", stderr: "a b;$HOME ${A} %h $$" });
    await expect(host.must(["false"])).rejects.toThrow(/false ended with 1.*said last/s);
  });

  test("that hangs is ended, and the error shows its journal", async () => {
    await using host = await startHost();
    const hangs = host.run(["sleep", "infinity"], { timeoutMs: 500 });
    await expect(hangs).rejects.toThrow(/did not end within 500 ms.*systemd\[1\]/s);
  });

  test("runs the agent's code from this checkout with the Node of the lock file", async () => {
    await using host = await startHost();
    expect(await host.must([process.execPath, "--version"])).toBe(`${process.version}\n`);
    const first = await host.convergesTwice("file.managed", "/etc/motd", { contents: "hello\n" });
    expect(first).toHaveProperty("contents");
    expect(await host.read("/etc/motd")).toBe("hello\n");
  });

  test("keeps /etc over a reboot and loses /run, with a new boot id", async () => {
    await using host = await startHost();
    const bootId = () => host.read("/proc/sys/kernel/random/boot_id");
    const before = await bootId();
    await host.write("/etc/kept", "kept\n");
    await host.write("/run/lost", "lost\n");
    await host.reboot();
    expect(await host.read("/etc/kept")).toBe("kept\n");
    expect(await host.exists("/run/lost")).toBe(false);
    expect(await bootId()).not.toBe(before);
  });

  test("comes up again by itself after a reboot that something in it began", async () => {
    await using host = await startHost();
    const up = host.nextBoot();
    // It may be stopped by what it begins.
    await host.run(["systemctl", "reboot"]);
    await up;
    expect(await host.must(["systemctl", "is-system-running"])).toBe("running\n");
  });

  test("whose power is cut stops in the middle of what it does; its disk can be read, and it boots again", async () => {
    await using host = await startHost();
    await host.must(["mkfifo", "/run/begun"]);
    const script = "echo begun > /var/begun; echo > /run/begun; sleep infinity; echo > /var/done";
    const works = host.run(["sh", "-c", script]);
    works.catch(() => undefined);
    await host.must(["cat", "/run/begun"]);
    await host.powerCut();
    await works;
    await expect(host.run(["true"])).rejects.toThrow(/is off/);
    expect(await host.read("/var/begun")).toBe("begun\n");
    await host.boot();
    expect(await host.exists("/var/done")).toBe(false);
  });

  test("is as new after a reset", async () => {
    await using host = await startHost();
    await host.write("/etc/mine", "");
    await host.must(["rm", "/etc/debian_version"]);
    await host.reset();
    expect(await host.exists("/etc/mine")).toBe(false);
    expect(await host.exists("/etc/debian_version")).toBe(true);
  });

  test("updates and installs packages without a network", async () => {
    await using host = await startHost();
    await host.must(["apt-get", "update"]);
    await host.must(["apt-get", "install", "--yes", "hello", "nginx-light"], { timeoutMs: 90_000 });
    expect(await host.must(["hello"])).toBe("Hello, world!\n");
    expect(await host.must(["systemctl", "is-active", "nginx"])).toBe("active\n");
  });
});

test("two hosts see each other until a cable is pulled, and neither sees the machine outside", async () => {
  await using first = await startHost();
  await using second = await startHost();
  expect(first.address).not.toBe(second.address);
  const ping = ["ping", "-c", "1", "-W", "2", second.address];
  await first.must(ping);
  await second.link("down");
  expect((await first.run(ping)).exitCode).toBe(1);
  await second.link("up");
  await first.must(ping);
  const [one, two] = await Promise.all([first.read("/etc/machine-id"), second.read("/etc/machine-id")]);
  expect(one).not.toBe(two);
});

test("nothing of a host is left when it is disposed of: no process, no mount, no namespace, no control group", async () => {
  const before = traces();
  const childrenBefore = children();
  {
    await using first = await startHost();
    await using second = await startHost();
    await Promise.all([first.must(["true"]), second.must(["true"])]);
    expect(traces().cgroups).toHaveLength(2);
    expect(children().length).toBeGreaterThan(childrenBefore.length);
    // Mounts and network devices are in namespaces of their own from the start.
    expect({ ...traces(), cgroups: [] }).toEqual({ ...before, cgroups: [] });
  }
  expect(traces()).toEqual(before);
  expect(children()).toEqual(childrenBefore);
});

test("a test process that is killed takes its hosts with it, and the next one sweeps up its control groups", async () => {
  const module = fileURLToPath(new URL("../support/host.ts", import.meta.url));
  const script = `
    const { startHost } = await import(${JSON.stringify(module)});
    const host = await startHost();
    console.log("up", await host.must(["true"]));
    await host.run(["sleep", "600"], { timeoutMs: 600_000 });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const own = () => hostCgroups().filter((name) => name.startsWith(`boma-host-${child.pid}-`));
  expect(own()).toHaveLength(1);
  child.kill("SIGKILL");
  await once(child, "exit");
  await sweep();
  expect(own()).toEqual([]);
});
