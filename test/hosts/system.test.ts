/** The machine as a whole, on a real systemd: each state twice, over boots, and what goes wrong there. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, REPOSITORY, startHost } from "../support/host.ts";

let host: Host;
beforeAll(async () => {
  host = await startHost({ name: "system" });
});
afterAll(() => host[Symbol.asyncDispose]());

const said = async (...argv: string[]): Promise<string> => (await host.must(argv)).trim();
const bootId = (): Promise<string> => said("cat", "/proc/sys/kernel/random/boot_id");

describe("states", () => {
  test("sysctl.set is true at once, and the machine's own start sees it as the last word", async () => {
    const changes = await host.convergesTwice("sysctl.set", "net.ipv4.ip_forward", { value: 1 });
    expect(Object.keys(changes)).toEqual(["value", "file"]);
    expect(await said("sysctl", "-n", "net.ipv4.ip_forward")).toBe("1");
    await host.must(["sysctl", "-w", "net.ipv4.ip_forward=0"]);
    const { first, left } = await host.converge("sysctl.set", "net.ipv4.ip_forward", { value: 1 });
    expect({ first, left }).toEqual({ first: { value: { from: "0", to: "1" } }, left: {} });
    await host.must(["sysctl", "-w", "net.ipv4.ip_forward=0"]);
    await host.must(["/lib/systemd/systemd-sysctl"]);
    expect(await said("sysctl", "-n", "net.ipv4.ip_forward")).toBe("1");
  });

  test("sysctl.set takes numbers that the kernel writes with tabs, and an interface with a dot in its name", async () => {
    await host.convergesTwice("sysctl.set", "net.ipv4.ip_local_port_range", { value: "20000 50000" });
    await host.must(["ip", "link", "add", "lan.100", "type", "veth", "peer", "name", "lan-peer"]);
    await host.convergesTwice("sysctl.set", "net/ipv4/conf/lan.100/rp_filter", { value: 2 });
    await host.must(["sysctl", "-w", "net/ipv4/conf/lan.100/rp_filter=0"]);
    await host.must(["/lib/systemd/systemd-sysctl", "--prefix=/net/ipv4/conf/lan.100"]);
    expect(await said("cat", "/proc/sys/net/ipv4/conf/lan.100/rp_filter")).toBe("2");
  });

  test("sysctl.set names the later file that would undo it, and a parameter that is not the container's", async () => {
    await host.write("/etc/sysctl.d/95-other.conf", "net.ipv4.tcp_syncookies = 0\n");
    const undone = await host.converge("sysctl.set", "net.ipv4.tcp_syncookies", { value: 2 });
    expect(undone.error).toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("/etc/sysctl.d/95-other.conf"),
    });
    const foreign = await host.converge("sysctl.set", "kernel.pid_max", { value: 99_999 });
    expect(foreign.error).toMatchObject({ code: "state/unsupported" });
    expect(await host.exists("/etc/sysctl.d/90-boma-kernel.pid_max.conf")).toBe(false);
    await host.must(["rm", "/etc/sysctl.d/95-other.conf"]);
  });

  test("kernel.module takes what is built in for loaded, and keeps options and blacklists where modprobe reads them", async () => {
    // A container sees nothing of the modules below it: the kernel's own list says what is built in.
    const release = await said("uname", "-r");
    await host.write(`/usr/lib/modules/${release}/modules.builtin`, "kernel/drivers/block/loop.ko\n");
    const changes = await host.convergesTwice("kernel.module", "loop", { options: { max_loop: "16" } });
    expect(Object.keys(changes)).toEqual(["options"]);
    expect(await said("modprobe", "--showconfig")).toMatch(/^options loop max_loop=16$/m);
    const none = await host.converge("kernel.module", "boma_no_such");
    expect(none.error).toMatchObject({ code: "state/unsupported" });
    await host.convergesTwice("kernel.module", "usb-storage", { blacklist: true });
    expect(await said("modprobe", "--showconfig")).toMatch(/^install usb_storage \/bin\/false$/m);
  });

  test("mount.mounted is mounted now and after a boot, as systemd understands its line", async () => {
    const params = { source: "tmpfs", fstype: "tmpfs", options: ["size=4M", "noexec"] };
    const changes = await host.convergesTwice("mount.mounted", "/srv/my scratch", params);
    expect(Object.keys(changes).toSorted()).toEqual(["fstab", "mounted", "options"]);
    await host.convergesTwice("mount.mounted", "/srv/my scratch", {
      ...params,
      options: ["size=8M", "nosuid"],
    });
    const options = await said("findmnt", "-n", "-o", "OPTIONS", "/srv/my scratch");
    expect(options).toMatch(/nosuid/);
    expect(options).toMatch(/size=8192k/);
    expect(options).not.toMatch(/noexec/);
    await host.reboot();
    const { first } = await host.converge("mount.mounted", "/srv/my scratch", {
      ...params,
      options: ["size=8M", "nosuid"],
    });
    expect(first).toEqual({});
    expect(await said("systemctl", "cat", "srv-my\\x20scratch.mount")).toMatch(/^Options=.*nofail/m);
  });

  test("mount.absent does not pull a mount from under who uses it, and then leaves nothing of it", async () => {
    await host.must([
      "systemd-run",
      "--unit=sitting",
      "--working-directory=/srv/my scratch",
      "sleep",
      "infinity",
    ]);
    const { error } = await host.converge("mount.absent", "/srv/my scratch");
    expect(error).toMatchObject({ code: "state/command-failed", message: expect.stringContaining("busy") });
    await host.must(["systemctl", "stop", "sitting"]);
    await host.convergesTwice("mount.absent", "/srv/my scratch");
    expect(await host.read("/etc/fstab").catch(() => "")).not.toContain("scratch");
    expect(await said("systemctl", "list-units", "--all", "--plain", "--no-legend", "srv-my*.mount")).toBe(
      "",
    );
  });

  test("hostname.set names the machine for itself, for systemd and over a boot", async () => {
    await host.write("/etc/cloud/cloud.cfg.d/00-empty.cfg", "");
    await host.convergesTwice("hostname.set", "renamed", { fqdn: "renamed.example.org" });
    expect(await said("hostname")).toBe("renamed");
    expect(await said("hostnamectl", "--static")).toBe("renamed");
    expect(await said("hostname", "--fqdn")).toBe("renamed.example.org");
    expect(await host.read("/etc/cloud/cloud.cfg.d/99-boma-hostname.cfg")).toContain(
      "preserve_hostname: true",
    );
    await host.reboot();
    expect(await said("cat", "/etc/hostname")).toBe("renamed");
  });

  test("hosts.entry gives a name its address, and hosts.absent takes it away", async () => {
    await host.convergesTwice("hosts.entry", "mesh", {
      ip: "192.0.2.7",
      names: ["mesh.example.org", "mesh"],
    });
    expect(await said("getent", "ahostsv4", "mesh")).toMatch(/^192\.0\.2\.7/);
    await host.convergesTwice("hosts.entry", "mesh", { ip: "192.0.2.8", names: ["mesh"] });
    expect(await said("getent", "ahostsv4", "mesh")).toMatch(/^192\.0\.2\.8/);
    await host.convergesTwice("hosts.absent", "mesh");
    expect((await host.run(["getent", "ahostsv4", "mesh"])).exitCode).not.toBe(0);
    expect(await said("getent", "hosts", "localhost")).toContain("localhost");
  });

  test("timezone.set is the time of every program, and of systemd", async () => {
    await host.convergesTwice("timezone.set", "Asia/Kathmandu");
    expect(await said("date", "+%z")).toBe("+0545");
    expect(await said("timedatectl", "show", "--value", "--property=Timezone")).toBe("Asia/Kathmandu");
    expect((await host.read("/etc/timezone")).trim()).toBe("Asia/Kathmandu");
  });

  test("locale.set makes a locale that programs then have", { timeout: 120_000 }, async () => {
    await host.convergesTwice("locale.set", "de_DE.UTF-8", { also: ["C.UTF-8"] }, { timeoutMs: 100_000 });
    expect(await said("locale", "-a")).toContain("de_DE.utf8");
    const day = await host.must(["date", "--date=2024-01-01", "+%A"], { env: { LC_ALL: "de_DE.UTF-8" } });
    expect(day.trim()).toBe("Montag");
  });
});

describe("boots", () => {
  test("reboot.required boots for what asks for it, and is satisfied after it", async () => {
    expect(await host.converge("reboot.required", "upgrades")).toMatchObject({ first: {} });
    await host.write("/run/reboot-required", "*** System restart required ***\n");
    await host.write("/run/reboot-required.pkgs", "linux-base\nlibc6\n");
    const [before, up] = [await bootId(), host.nextBoot()];
    // It never answers: it goes down with the machine.
    const cut = host.converge("reboot.required", "upgrades").catch(() => "cut off");
    await up;
    expect(await cut).toBe("cut off");
    expect(await bootId()).not.toBe(before);
    const marker = JSON.parse(await host.read("/var/lib/boma/reboots/upgrades.json")) as object;
    expect(marker).toMatchObject({ bootId: before, reasons: [expect.stringContaining("linux-base, libc6")] });
    expect(await host.converge("reboot.required", "upgrades")).toMatchObject({ first: {} });
  });

  test("system.reboot, taken up again after the boot, tells of both boots and does not boot twice", async () => {
    const call = `${REPOSITORY}/test/hosts/call.ts`;
    const [before, up] = [await bootId(), host.nextBoot()];
    const cut = host.node(call, ["system.reboot", "job-1", '{"delay":"1s"}']).catch(() => undefined);
    await up;
    await cut;
    const { stdout } = await host.node(call, ["system.reboot", "job-1", '{"delay":"1s"}']);
    const { result } = JSON.parse(stdout) as {
      result: { previousBootId: string; bootId: string; tookMs: number };
    };
    expect(result.previousBootId).toBe(before);
    expect(result.bootId).toBe(await bootId());
    expect(result.bootId).not.toBe(before);
    expect(result.tookMs).toBeGreaterThan(0);
    expect(await host.exists("/var/lib/boma/reboot-orders/job-1.json")).toBe(false);
  });
});
