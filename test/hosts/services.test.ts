/** Services on a real systemd: each state twice, and what goes wrong there. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

let host: Host;
beforeAll(async () => {
  host = await startHost({ name: "services" });
});
afterAll(() => host[Symbol.asyncDispose]());

const shown = async (unit: string, property: string): Promise<string> =>
  (await host.must(["systemctl", "show", "--value", `--property=${property}`, unit])).trim();

const sleeper = (change: Record<string, unknown> = {}, install = true) => ({
  sections: {
    Unit: { Description: "Sleeps" },
    Service: { ExecStart: "/bin/sleep infinity", ...change },
    ...(install && { Install: { WantedBy: "multi-user.target" } }),
  },
});

describe("states", () => {
  test("systemd.unit and service.running bring a service up, with the machine too", async () => {
    await host.convergesTwice("systemd.unit", "sleeper.service", sleeper());
    const changes = await host.convergesTwice("service.running", "sleeper");
    expect(Object.keys(changes).toSorted()).toEqual(["active", "enabled"]);
    expect(await shown("sleeper", "ActiveState")).toBe("active");
    await host.reboot();
    expect(await shown("sleeper", "ActiveState")).toBe("active");
  });

  test("systemd.dropin changes a unit, and systemd knows of it", async () => {
    const changes = await host.convergesTwice("systemd.dropin", "sleeper.service.d/50-limit.conf", {
      sections: { Service: { ExecStart: ["", "/bin/sleep 1000000"], LimitNOFILE: 4242 } },
    });
    expect(Object.keys(changes).toSorted()).toEqual(["contents", "loaded"]);
    expect(await shown("sleeper", "LimitNOFILE")).toBe("4242");
    expect(await shown("sleeper", "NeedDaemonReload")).toBe("no");
  });

  test("service.masked and service.running with `unmask` undo each other", async () => {
    await host.convergesTwice("service.masked", "cron");
    expect(await shown("cron", "LoadState")).toBe("masked");
    const { error } = await host.converge("service.running", "cron");
    expect(error).toMatchObject({ code: "service/unfit" });
    await host.convergesTwice("service.running", "cron", { unmask: true });
    expect(await shown("cron", "ActiveState")).toBe("active");
  });

  test("service.stopped stops the socket that would start it again", async () => {
    await host.convergesTwice("systemd.unit", "echoing.service", sleeper({}, false));
    await host.convergesTwice("systemd.unit", "echoing.socket", {
      sections: {
        Socket: { ListenStream: "/run/echoing", Accept: false },
        Install: { WantedBy: "sockets.target" },
      },
    });
    await host.convergesTwice("service.running", "echoing.socket");
    await host.must(["systemctl", "start", "echoing"]);
    await host.convergesTwice("service.stopped", "echoing");
    expect(await shown("echoing.socket", "ActiveState")).toBe("inactive");
    expect(await shown("echoing.socket", "UnitFileState")).toBe("disabled");
  });

  test("systemd.timer runs its command with nothing of it expanded, as the user who was named", async () => {
    const command = [
      "/bin/sh",
      "-c",
      'id -un > /tmp/said; echo "$1" >> /tmp/said',
      "sh",
      "100% $HOME 'a b' \\ \"q\"",
    ];
    await host.convergesTwice("systemd.timer", "say", { calendar: "daily", command, user: "nobody" });
    expect(await shown("say.timer", "ActiveState")).toBe("active");
    await host.must(["systemctl", "start", "say.service"]);
    expect(await host.read("/tmp/said")).toBe("nobody\n100% $HOME 'a b' \\ \"q\"\n");
    const changes = await host.convergesTwice("systemd.timer", "say", {
      calendar: "weekly",
      command,
      user: "nobody",
    });
    expect(Object.keys(changes)).toContain("timer");
    expect(await shown("say.timer", "TimersCalendar")).toContain("Mon *-*-* 00:00:00");
  });

  test("cron.job makes a file that cron takes", async () => {
    await host.convergesTwice("cron.job", "say", {
      schedule: "*/5 * * * *",
      command: "date +%F",
      user: "nobody",
    });
    expect(await host.must(["stat", "-c", "%a %U", "/etc/cron.d/say"])).toBe("644 root\n");
    expect(await host.read("/etc/cron.d/say")).toContain("*/5 * * * * nobody date +\\%F\n");
  });

  test("systemd.absent stops what ran, and systemd forgets it", async () => {
    await host.convergesTwice("systemd.absent", "sleeper.service");
    expect(await shown("sleeper", "ActiveState")).toBe("inactive");
    expect(await host.exists("/etc/systemd/system/multi-user.target.wants/sleeper.service")).toBe(false);
  });
});

describe("traps", () => {
  test("a unit that flaps is not running, and its last words are told", async () => {
    const flapping = {
      ExecStart: '/bin/sh -c "echo cannot bind; sleep 0.5; exit 3"',
      Restart: "always",
      RestartSec: "100ms",
    };
    await host.convergesTwice("systemd.unit", "flapping.service", {
      sections: { Unit: { StartLimitIntervalSec: 0 }, Service: flapping },
    });
    const { error } = await host.converge("service.running", "flapping");
    expect(error).toMatchObject({ code: "service/unstable" });
    expect(error?.message).toContain("cannot bind");
    // It is up at one moment and down at the next: looked at again, it is still no running service.
    const again = await host.converge("service.running", "flapping");
    expect(again.error).toMatchObject({ code: "service/unstable" });
    await host.convergesTwice("service.stopped", "flapping");
  });

  test("a unit that systemd would ignore a line of is not installed", async () => {
    const { error } = await host.converge("systemd.unit", "wrong.service", sleeper({ Restrat: "always" }));
    expect(error).toMatchObject({ code: "unit/invalid" });
    expect(error?.message).toContain("Restrat");
    expect(await host.exists("/etc/systemd/system/wrong.service")).toBe(false);
    expect((await host.must(["ls", "/run"])).split("\n").filter((name) => name.startsWith(".boma"))).toEqual(
      [],
    );
  });

  test("a calendar that systemd cannot read is an error before anything is made", async () => {
    const { error } = await host.converge("systemd.timer", "never", {
      calendar: "Blursday",
      command: ["/bin/true"],
    });
    expect(error).toMatchObject({ code: "unit/invalid" });
    expect(await host.exists("/etc/systemd/system/never.timer")).toBe(false);
  });

  test("a oneshot that remains counts as running, a static unit as enabled", async () => {
    const oneshot = sleeper({ Type: "oneshot", ExecStart: "/bin/true", RemainAfterExit: true }, false);
    await host.convergesTwice("systemd.unit", "once.service", oneshot);
    expect(Object.keys(await host.convergesTwice("service.running", "once"))).toEqual(["active"]);
    expect(await shown("once", "UnitFileState")).toBe("static");
  });

  test("a unit whose file changed behind systemd's back is read before it starts", async () => {
    await host.convergesTwice("systemd.unit", "moved.service", sleeper());
    const { error } = await host.converge("service.running", "moved");
    expect(error).toBeUndefined();
    await host.must(["systemctl", "stop", "moved"]);
    await host.must(["sed", "-i", "s/infinity/12345/", "/etc/systemd/system/moved.service"]);
    await host.convergesTwice("service.running", "moved");
    expect(
      await host.must([
        "sh",
        "-c",
        "tr '\\0' ' ' < /proc/$(systemctl show --value -p MainPID moved)/cmdline",
      ]),
    ).toBe("/bin/sleep 12345 ");
  });
});
