/** The functions of packages and services on a machine of memory. */
import { expect, test } from "vitest";
import type { z } from "zod";

import type { Call } from "../define-function.ts";
import type { FunctionHost } from "../function-host.ts";
import { functions } from "../functions.gen.ts";
import { writeHost } from "../host/host.ts";
import type { Given } from "../testing/given.ts";
import { memoryHost } from "../testing/memory-host.ts";

function machine(given: Given) {
  const { ports, log } = memoryHost(given);
  const host = writeHost(ports) as FunctionHost;
  const call = async (name: string, args: object = {}, test = false): Promise<unknown> => {
    const spec = functions[name]!;
    const params = (spec.params as z.ZodObject).parse(args);
    const signal = new AbortController().signal;
    const result = await spec.run(params, {
      job: "j",
      host,
      signal,
      line: () => {},
      test,
      functions,
    } satisfies Call);
    return (spec.result as z.ZodType).parse(result);
  };
  return { call, log };
}

const PACKAGES: Given = {
  packages: { openssl: "3.0.11-1", nginx: "1.22.1-9", tzdata: "2024a" },
  candidates: { openssl: "3.0.15-1", nginx: "1.22.1-9", tzdata: "2024b" },
  held: ["nginx"],
};

test("pkg.list gives the packages that fit, and says which are held", async () => {
  const { call, log } = machine(PACKAGES);
  expect(await call("pkg.list")).toMatchObject({ total: 3, held: ["nginx"] });
  expect(await call("pkg.list", { pattern: "open*" })).toEqual({
    packages: { openssl: "3.0.11-1" },
    held: [],
    broken: [],
    total: 1,
  });
  expect(log).toEqual([]);
});

test("pkg.version tells what is from what could be", async () => {
  const { call } = machine(PACKAGES);
  expect(await call("pkg.version", { names: ["openssl", "nginx", "none"] })).toEqual({
    openssl: { installed: "3.0.11-1", candidate: "3.0.15-1", upgradable: true },
    nginx: { installed: "1.22.1-9", candidate: "1.22.1-9", upgradable: false },
    none: { installed: null, candidate: null, upgradable: false },
  });
});

test("pkg.upgrade in a dry run says what it would do, and does nothing", async () => {
  const { call, log } = machine(PACKAGES);
  const would = await call("pkg.upgrade", { names: ["openssl", "none"] }, true);
  expect(would).toEqual({
    upgraded: [{ name: "openssl", from: "3.0.11-1", to: "3.0.15-1" }],
    installed: [],
    done: false,
  });
  expect(log).toEqual([]);
  expect(await call("pkg.upgrade", { names: ["openssl", "none"] })).toEqual({
    ...(would as object),
    done: true,
  });
  expect(log.map((line) => line.split(" ")[0])).toEqual(["packages.refresh", "packages.install"]);
});

test("pkg.upgrade of what is not installed does nothing, and of nothing named does all", async () => {
  const { call, log } = machine(PACKAGES);
  expect(await call("pkg.upgrade", { names: ["none"], refresh: false })).toMatchObject({ done: false });
  expect(log).toEqual([]);
  expect(await call("pkg.upgrade", { refresh: false })).toMatchObject({ upgraded: [{}, {}], done: true });
});

const SERVICES: Given = {
  services: {
    web: { active: true, enabled: true, logs: ["one", "two", "three"] },
    bad: { flaps: true, logs: ["cannot bind"] },
  },
};

test("service.status says how a unit is, also of one that is not there", async () => {
  const { call } = machine(SERVICES);
  expect(await call("service.status", { unit: "web" })).toMatchObject({
    unit: "web.service",
    active: "active",
    enabled: "enabled",
  });
  expect(await call("service.status", { unit: "none" })).toMatchObject({ load: "not-found" });
});

test("service.restart gives another process, and start and stop do as they say", async () => {
  const { call } = machine(SERVICES);
  const { mainPid } = (await call("service.status", { unit: "web" })) as { mainPid: number };
  const after = (await call("service.restart", { unit: "web" })) as { mainPid: number };
  expect(after.mainPid).not.toBe(mainPid);
  expect(await call("service.stop", { unit: "web" })).toMatchObject({ active: "inactive" });
  expect(await call("service.start", { unit: "web" })).toMatchObject({ active: "active" });
});

test.each(["service.start", "service.restart"])(
  "%s fails with the last words of a unit that does not stay up",
  async (name) => {
    const { call } = machine(SERVICES);
    await expect(call(name, { unit: "bad" })).rejects.toMatchObject({
      code: "service/unstable",
      message: expect.stringContaining("cannot bind") as string,
    });
  },
);

test.each(["service.start", "service.stop", "service.restart", "service.logs"])(
  "%s of a unit that is not there says so",
  async (name) => {
    const { call } = machine(SERVICES);
    await expect(call(name, { unit: "none" })).rejects.toMatchObject({ code: "service/unfit" });
  },
);

test("service.logs gives the last lines, as many as were asked for", async () => {
  const { call } = machine(SERVICES);
  const { lines } = (await call("service.logs", { unit: "web", lines: 2 })) as { lines: { text: string }[] };
  expect(lines.map(({ text }) => text)).toEqual(["two", "three"]);
});
