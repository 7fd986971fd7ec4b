/** The traps of packages, on a machine of memory that can be told what apt would do. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import type { PackagePlan } from "../../host/packages.ts";
import { states } from "../../states.gen.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";

const NOTHING: PackagePlan = { install: [], upgrade: [], downgrade: [], remove: [] };

function declared(name: string, params: Record<string, unknown>, given: Given = {}, plan?: PackagePlan) {
  const { ports, log } = memoryHost(given);
  const simulate = async () => plan!;
  const { packages } = ports;
  const planned = plan
    ? { ...ports, packages: { read: { ...packages.read, simulate }, write: { ...packages.write, simulate } } }
    : ports;
  const { spec } = states[name]!;
  const step = { spec, want: checkParams(spec, params), ports: planned };
  return { check: () => check(step), apply: async () => make(step, await check(step)), log, ports };
}

describe("pkg.installed", () => {
  test("installs several packages in one call of apt, and only those that are missing", async () => {
    const {
      check: look,
      apply,
      log,
    } = declared(
      "pkg.installed",
      { name: "tools", names: ["curl", "jq", "htop"] },
      { packages: { jq: "1.6" } },
    );
    expect(await look()).toEqual({
      curl: { from: undefined, to: "1.0" },
      htop: { from: undefined, to: "1.0" },
    });
    await apply();
    const installs = log.filter((line) => line.startsWith("packages.install"));
    expect(installs).toEqual([expect.stringContaining('[{"name":"curl"},{"name":"htop"}]')]);
  });

  test("names what apt would remove, and removes nothing", async () => {
    const plan = { ...NOTHING, remove: ["exim4", "mailx"] };
    const { check: look, log } = declared("pkg.installed", { name: "postfix" }, {}, plan);
    await expect(look()).rejects.toMatchObject({
      code: "package/blocked",
      message: expect.stringContaining("exim4, mailx") as string,
    });
    expect(log).toEqual([]);
  });

  test("names the held package that apt would touch, though another was asked for", async () => {
    const plan = { ...NOTHING, upgrade: [{ name: "libssl3", from: "1", to: "2" }] };
    const given: Given = { packages: { libssl3: "1" }, held: ["libssl3"] };
    const blocked = declared("pkg.installed", { name: "openssl" }, given, plan);
    await expect(blocked.check()).rejects.toMatchObject({
      code: "package/blocked",
      message: expect.stringContaining("libssl3") as string,
    });
    const allowed = declared("pkg.installed", { name: "openssl", allowChangeHeld: true }, given, plan);
    expect(await allowed.check()).toHaveProperty("openssl");
  });

  test("goes back a version only where it may, by the rules of dpkg and not of text", async () => {
    const given: Given = { packages: { redis: "5:7.0.15-1" }, candidates: { redis: "5:7.0.15-1" } };
    const back = { name: "redis", version: "5:7.0.5-1" };
    await expect(declared("pkg.installed", back, given).check()).rejects.toMatchObject({
      code: "package/blocked",
      message: expect.stringContaining("5:7.0.15-1 → 5:7.0.5-1") as string,
    });
    expect(await declared("pkg.installed", { ...back, allowDowngrade: true }, given).check()).toEqual({
      redis: { from: "5:7.0.15-1", to: "5:7.0.5-1" },
    });
  });

  test("its own hold is not in its way when it asks for another version", async () => {
    const given: Given = { packages: { pg: "15.5" }, candidates: { pg: "15.7" }, held: ["pg"] };
    const { apply, ports } = declared("pkg.installed", { name: "pg", version: "15.7", hold: true }, given);
    await apply();
    expect((await ports.packages.read.installed()).get("pg")).toMatchObject({ version: "15.7", held: true });
  });

  test("a package of which no list knows is looked for in new lists, if the lists are old", async () => {
    const given: Given = { candidates: {}, listsAgeMs: 2 * 60 * 60_000 };
    const old = declared("pkg.installed", { name: "fresh" }, given);
    expect(await old.check()).toEqual({ fresh: { from: undefined, to: "newest" } });
    await expect(old.apply()).rejects.toMatchObject({ code: "package/unavailable" });
    expect(old.log).toEqual([expect.stringMatching(/^packages\.refresh/)]);
    const young = declared("pkg.installed", { name: "fresh" }, { candidates: {} });
    await expect(young.check()).rejects.toMatchObject({ code: "package/unavailable" });
  });

  test("a version by its beginning is kept in whatever version begins so", async () => {
    const given: Given = { packages: { nginx: "1.22.1-9" } };
    expect(await declared("pkg.installed", { name: "nginx", version: "1.22.*" }, given).check()).toEqual({});
  });

  test("the name with the machine's own architecture is the package itself", async () => {
    const given: Given = { packages: { libc6: "2.36" } };
    expect(await declared("pkg.installed", { name: "libc6:amd64" }, given).check()).toEqual({});
    expect(await declared("pkg.installed", { name: "libc6:i386" }, given).check()).not.toEqual({});
  });

  test.each(["nginx-", "-y", "nginx=1", "NGINX", "a b", "../x"])("%s is no package's name", (name) => {
    expect(() => checkParams(states["pkg.installed"]!.spec, { name })).toThrow(/name/);
  });
});

describe("pkg.removed", () => {
  test("names what would go with it, and leaves all", async () => {
    const plan = { ...NOTHING, remove: ["libpq5", "postgresql"] };
    const given: Given = { packages: { libpq5: "15" } };
    const { check: look, log } = declared("pkg.removed", { name: "libpq5" }, given, plan);
    await expect(look()).rejects.toThrow("also remove postgresql");
    expect(log).toEqual([]);
    const all: Given = { packages: { libpq5: "15", postgresql: "15" } };
    const both = { name: "db", names: ["libpq5", "postgresql"] };
    expect(await declared("pkg.removed", both, all, plan).check()).toHaveProperty("libpq5");
  });

  test("pkg.purged is not content with a package that is only removed", async () => {
    const { check: look, ports } = declared("pkg.purged", { name: "exim4" }, { packages: { exim4: "4" } });
    await ports.packages.write.remove(["exim4"]);
    expect(await look()).toEqual({ exim4: { from: "configuration files", to: "purged" } });
  });
});
