/** The traps of unit files, timers and cron, on a machine of memory. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Changes } from "../../changes.ts";
import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import { states } from "../../states.gen.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { isSchedule } from "../cron/schedule.ts";
import { emptySystemd, escapeWord } from "./unit-file.ts";

function declared(name: string, params: Record<string, unknown>, given: Given = emptySystemd) {
  const { ports, log, tree } = memoryHost(given);
  const { spec } = states[name]!;
  const step = { spec, want: checkParams(spec, params), ports };
  const look = (): Promise<Changes> => check(step);
  const textAt = (path: string): string | undefined => {
    const entry = tree.get(path);
    return entry?.type === "file" ? Buffer.from(entry.bytes).toString() : undefined;
  };
  return { check: look, apply: async () => make(step, await look()), log, textAt, tree, ports };
}

const WEB = "/etc/systemd/system/web.service";

describe("systemd.unit", () => {
  test("a list is a line for each, an empty text clears what was before", async () => {
    const sections = {
      Service: { ExecStart: ["", "/bin/a"], Restart: "always", PrivateTmp: true, LimitNOFILE: 9 },
    };
    const { apply, textAt } = declared("systemd.unit", { name: "web.service", sections });
    await apply();
    expect(textAt(WEB)).toBe(
      "[Service]\nExecStart=\nExecStart=/bin/a\nRestart=always\nPrivateTmp=yes\nLimitNOFILE=9\n",
    );
  });

  test("what systemd does not accept, or says that it ignores, is not installed, and no draft is left", async () => {
    const answers = [
      { exitCode: 1, stderr: "web.service: Service has no ExecStart= setting. Refusing.\n" },
      { exitCode: 0, stderr: "/run/x/web.service:3: Unknown key 'Foo' in section [Service], ignoring.\n" },
    ];
    for (const answer of answers) {
      const given = { ...emptySystemd, commands: { "systemd-analyze": answer } };
      const { apply, tree } = declared(
        "systemd.unit",
        { name: "web.service", contents: "[Service]\n" },
        given,
      );
      await expect(apply()).rejects.toMatchObject({ code: "unit/invalid" });
      expect(
        [...tree.keys()].filter((path) => path.includes("web.service") || path.startsWith("/run/")),
      ).toEqual([]);
    }
  });

  test("what systemd ignores in other units, or only warns of in this one, is not held against it", async () => {
    const stderr =
      "/lib/systemd/system/plymouth.service:9: Unknown key 'Foo', ignoring.\n" +
      "web.service:7: Special user nobody configured, this is not safe!\n";
    const given = { ...emptySystemd, commands: { "systemd-analyze": { exitCode: 0, stderr } } };
    const { apply, textAt } = declared(
      "systemd.unit",
      { name: "web.service", contents: "[Service]\n" },
      given,
    );
    await apply();
    expect(textAt(WEB)).toBe("[Service]\n");
  });

  test("a file that is right and that systemd has not read yet is not in order", async () => {
    const given = { ...emptySystemd, services: { web: { active: true } } };
    const {
      check: look,
      ports,
      log,
    } = declared("systemd.unit", { name: "web.service", contents: "[Service]\n" }, given);
    await ports.files.write.write(WEB, "[Service]\n");
    expect(await look()).toEqual({ loaded: { from: false, to: true } });
    await ports.services.write.daemonReload();
    expect(await look()).toEqual({});
    expect(log).toHaveLength(2);
  });

  test("a masked unit, for which systemd asks to be reloaded for ever, is in order", async () => {
    const given = { ...emptySystemd, services: { web: { masked: true } } };
    const { check: look, ports } = declared(
      "systemd.unit",
      { name: "web.service", contents: "[Service]\n" },
      given,
    );
    await ports.files.write.write(WEB, "[Service]\n");
    expect((await ports.services.read.status("web")).needsDaemonReload).toBe(true);
    expect(await look()).toEqual({});
  });

  test("a mask in its place is not written over", async () => {
    const given = { ...emptySystemd, files: { ...emptySystemd.files, [WEB]: { link: "/dev/null" } } };
    const { check: look } = declared("systemd.unit", { name: "web.service", contents: "[Service]\n" }, given);
    await expect(look()).rejects.toMatchObject({ code: "state/wrong-type" });
  });

  test("a value of two lines would be a setting of its own, and is refused", () => {
    const sections = { Service: { User: "web\nExecStartPre=/bin/evil" } };
    expect(() => declared("systemd.unit", { name: "web.service", sections })).toThrow(/one line/);
  });
});

describe("systemd.timer", () => {
  const PARAMS = { name: "job", calendar: "daily", command: ["/bin/echo", "100%", "$HOME", "a b", 'q"q'] };

  test("nothing of a command is expanded", async () => {
    const { apply, textAt } = declared("systemd.timer", PARAMS);
    await apply();
    expect(textAt("/etc/systemd/system/job.service")).toContain(
      'ExecStart=/bin/echo 100%% "$$HOME" "a b" "q\\"q"\n',
    );
  });

  test("a word of any kind stays one line, with every % and $ doubled", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("%", "$", '"', "\\", "\n", " ", "'", "a") }), (word) => {
        const escaped = escapeWord(word);
        expect(escaped).not.toContain("\n");
        expect(escaped.replaceAll(/%%|\$\$/g, "")).not.toMatch(/[%$]/);
      }),
    );
  });

  test("a calendar that systemd cannot read fails with systemd's words", async () => {
    const stderr = "Failed to parse calendar specification 'nonsense': Invalid argument\n";
    const given = { ...emptySystemd, commands: { "systemd-analyze": { exitCode: 1, stderr } } };
    const { check: look } = declared("systemd.timer", { ...PARAMS, calendar: "nonsense" }, given);
    await expect(look()).rejects.toThrow("Failed to parse calendar specification");
  });

  test("the timer is enabled and started, the service is left to it", async () => {
    const { apply, log } = declared("systemd.timer", PARAMS);
    await apply();
    expect(log.filter((line) => /services\.(enable|start|restart)/.test(line))).toEqual([
      "services.enable job.timer",
      "services.start job.timer",
    ]);
  });
});

describe("cron.job", () => {
  test("its file has a name that cron takes, an end of line, and every % escaped", async () => {
    const { apply, textAt, tree } = declared(
      "cron.job",
      { id: "dump", schedule: "@daily", command: "date +%F", environment: { A: "1" } },
      {},
    );
    await apply();
    expect(textAt("/etc/cron.d/dump")).toMatch(/\nA="1"\n@daily root date \+\\%F\n$/);
    expect(tree.get("/etc/cron.d/dump")).toMatchObject({ mode: "0644", owner: "root", group: "root" });
    for (const id of ["my.job", "a b", "../x", ""])
      expect(() => declared("cron.job", { id, schedule: "@daily", command: "x" }), id).toThrow();
  });

  test("a command of two lines would be a job of its own, and is refused", () => {
    const command = "true\n* * * * * root evil";
    expect(() => declared("cron.job", { id: "a", schedule: "@daily", command })).toThrow(/one line/);
  });

  test("another command under the same id is the same job", async () => {
    const given: Given = { files: { "/etc/cron.d/a": "* * * * * root old\n" } };
    const { apply, tree } = declared("cron.job", { id: "a", schedule: "0 0 * * *", command: "new" }, given);
    await apply();
    expect([...tree.keys()].filter((path) => path.startsWith("/etc/cron.d/"))).toEqual(["/etc/cron.d/a"]);
  });

  test.each(["* * * * *", "*/5 0-6,22 1 jan-mar mon", "59 23 31 12 7", "@reboot", "0 0 * * 1-5/2"])(
    "%s is a schedule",
    (text) => {
      expect(isSchedule(text)).toBe(true);
    },
  );
  test.each([
    "* * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "*/0 * * * *",
    "5-1 * * * *",
    "@fortnightly",
    "* * * * * *",
    "a * * * *",
  ])("%s is none", (text) => {
    expect(isSchedule(text)).toBe(false);
  });
});
