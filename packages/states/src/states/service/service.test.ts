/** The traps of services, on a machine of memory. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import { readHost, writeHost } from "../../host/host.ts";
import type { UnitStatus } from "../../host/services.ts";
import { states } from "../../states.gen.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";

function declared(
  name: string,
  params: Record<string, unknown>,
  given: Given,
  change: Partial<UnitStatus> = {},
) {
  const { ports, log } = memoryHost(given);
  const { read, write } = ports.services;
  const status = async (unit: string): Promise<UnitStatus> => ({ ...(await read.status(unit)), ...change });
  const looks = { status, settled: status };
  const services = { read: { ...read, ...looks }, write: { ...write, ...looks } };
  const seen = { ...ports, services };
  const { spec } = states[name]!;
  const want = checkParams(spec, params);
  const step = { spec, want, ports: seen };
  return {
    check: () => check(step),
    apply: async () => make(step, await check(step)),
    refresh: () => spec.refresh!(want, writeHost(seen)),
    instance: () => spec.instance!(want, readHost(seen)),
    log,
  };
}

describe("service.running", () => {
  test.each(["static", "indirect", "generated", "alias"])(
    "a unit that is %s is neither enabled nor disabled again and again",
    async (enabled) => {
      for (const enable of [true, false]) {
        const given: Given = { services: { a: { active: true } } };
        expect(await declared("service.running", { unit: "a", enable }, given, { enabled }).check()).toEqual(
          {},
        );
      }
    },
  );

  test("each start of it has a name of its own, and one that has not read its unit file has none", async () => {
    const given: Given = { services: { a: { active: true } } };
    const { instance, refresh } = declared("service.running", { unit: "a", stableFor: "0s" }, given);
    const first = await instance();
    expect(await instance()).toBe(first);
    await refresh();
    expect([undefined, first]).not.toContain(await instance());
    for (const change of [{ needsDaemonReload: true }, { active: "activating" }, { invocation: "" }] as const)
      expect(await declared("service.running", { unit: "a" }, given, change).instance()).toBeUndefined();
  });

  test("one that is enabled until the next boot only is not enabled", async () => {
    const given: Given = { services: { a: { active: true } } };
    const changes = await declared("service.running", { unit: "a" }, given, {
      enabled: "enabled-runtime",
    }).check();
    expect(changes).toEqual({ enabled: { from: false, to: true } });
  });

  test("one that is between two tries is not running, though systemd calls it enabled and loaded", async () => {
    const { check: look, apply } = declared(
      "service.running",
      { unit: "a" },
      {
        services: { a: { active: true, enabled: true, flaps: true, logs: ["cannot bind to port 80"] } },
      },
    );
    expect(await look()).toEqual({ active: { from: "activating (auto-restart)", to: "active" } });
    await expect(apply()).rejects.toMatchObject({
      code: "service/unstable",
      message: expect.stringContaining("cannot bind to port 80") as string,
    });
  });

  test("a masked one fails with what to do, and nothing is done", async () => {
    const { check: look, log } = declared(
      "service.running",
      { unit: "a" },
      { services: { a: { masked: true } } },
    );
    await expect(look()).rejects.toMatchObject({
      code: "service/unfit",
      hint: expect.stringContaining("unmask") as string,
    });
    expect(log).toEqual([]);
  });

  test("one that is not there fails, and names what to declare", async () => {
    await expect(declared("service.running", { unit: "none" }, {}).check()).rejects.toThrow(
      "no unit none.service",
    );
  });

  test("systemd reads a changed unit before it starts it", async () => {
    const { apply, log } = declared(
      "service.running",
      { unit: "a" },
      { services: { a: {} } },
      { needsDaemonReload: true },
    );
    // The machine of memory is told to ask for ever: it is asked once.
    await apply();
    expect(log).toEqual(["services.daemonReload", "services.enable a.service", "services.start a.service"]);
  });

  test("one that failed too often is started again", async () => {
    const { ports, log } = memoryHost({ services: { a: { enabled: true } } });
    const failed = async () => ({ ...(await ports.services.read.status("a")), active: "failed" as const });
    const status = async () =>
      log.includes("services.start a.service") ? ports.services.read.status("a") : failed();
    const seen = {
      ...ports,
      services: { read: { ...ports.services.read, status }, write: { ...ports.services.write, status } },
    };
    const { spec } = states["service.running"]!;
    const step = { spec, want: checkParams(spec, { unit: "a" }), ports: seen };
    await make(step, await check(step));
    expect(log).toEqual(["services.resetFailed a.service", "services.start a.service"]);
  });
});

describe("refresh", () => {
  const given: Given = { services: { a: { active: true, enabled: true } } };

  test("restarts, unless a reload is asked for and can be had", async () => {
    const restarted = declared("service.running", { unit: "a" }, given);
    await restarted.refresh();
    expect(restarted.log).toEqual(["services.resetFailed a.service", "services.restart a.service"]);
    const reloaded = declared("service.running", { unit: "a", reload: true }, given);
    await reloaded.refresh();
    expect(reloaded.log).toEqual(["services.reload a.service"]);
    const unable = declared("service.running", { unit: "a", reload: true }, given, { canReload: false });
    await unable.refresh();
    expect(unable.log).toEqual(["services.resetFailed a.service", "services.restart a.service"]);
  });

  test("restarts where the unit's own file has changed, for a reload would keep the old command", async () => {
    const { refresh, log } = declared("service.running", { unit: "a", reload: true }, given, {
      needsDaemonReload: true,
    });
    await refresh();
    expect(log).toEqual([
      "services.daemonReload",
      "services.resetFailed a.service",
      "services.restart a.service",
    ]);
  });

  test("a restart after which the process is that of before is none", async () => {
    const { refresh } = declared("service.running", { unit: "a" }, given, { mainPid: 4711 });
    await expect(refresh()).rejects.toThrow("the process of before");
  });

  test("a reload that the service does not outlive is a failure, whatever systemctl said", async () => {
    let looks = 0;
    const { ports } = memoryHost(given);
    const status = async (): Promise<UnitStatus> => {
      const is = await ports.services.read.status("a");
      return looks++ === 0 ? is : { ...is, active: "failed", result: "signal" };
    };
    const { read, write } = ports.services;
    const changed = { ...ports, services: { read, write: { ...write, status, settled: status } } };
    const { spec } = states["service.running"]!;
    const want = checkParams(spec, { unit: "a", reload: true });
    await expect(spec.refresh!(want, writeHost(changed))).rejects.toMatchObject({ code: "service/unstable" });
  });
});

test("service.stopped stops what would start it before it stops it", async () => {
  const given: Given = {
    services: {
      docker: { active: true, enabled: true, triggeredBy: ["docker.socket"] },
      "docker.socket": { active: true, enabled: true },
    },
  };
  const { apply, log } = declared("service.stopped", { unit: "docker" }, given);
  await apply();
  expect(log).toEqual([
    "services.stop docker.socket",
    "services.stop docker.service",
    "services.disable docker.socket",
    "services.disable docker.service",
  ]);
});

test("service.masked puts the mask on before the stop", async () => {
  const { apply, log } = declared("service.masked", { unit: "a" }, { services: { a: { active: true } } });
  await apply();
  expect(log).toEqual(["services.mask a.service", "services.stop a.service"]);
});

test("a unit's name without a kind is a service, and an option is no name", () => {
  const { spec } = states["service.running"]!;
  expect(checkParams(spec, { unit: "getty@tty1" })).toMatchObject({ unit: "getty@tty1.service" });
  expect(checkParams(spec, { unit: "fstrim.timer" })).toMatchObject({ unit: "fstrim.timer" });
  for (const unit of ["--now", "a b", "a/b", ""]) expect(() => checkParams(spec, { unit }), unit).toThrow();
});
