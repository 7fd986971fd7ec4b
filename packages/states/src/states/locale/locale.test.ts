import { expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import timezone from "../timezone/set.ts";
import { lists, withLocale } from "./generated.ts";
import { canonical, isBuiltIn } from "./name.ts";
import set from "./set.ts";

test("the spellings of one locale are one", () => {
  for (const name of ["en_US.UTF-8", "en_US.utf8", "en_US.utf-8"]) expect(canonical(name)).toBe("en_US.utf8");
  expect(canonical("de_DE@euro")).toBe("de_DE@euro");
  expect(canonical("de_DE.ISO-8859-15@euro")).toBe("de_DE.iso885915@euro");
  expect(["C", "C.UTF-8", "C.utf8", "POSIX"].every(isBuiltIn)).toBe(true);
  expect(isBuiltIn("en_US.UTF-8")).toBe(false);
});

test("a locale is uncommented in its place, else added, and not twice", () => {
  const list = "# About this file\n# de_DE ISO-8859-1\n# de_DE.UTF-8 UTF-8\n";
  const once = withLocale(list, "de_DE.utf8");
  expect(once).toBe("# About this file\n# de_DE ISO-8859-1\nde_DE.UTF-8 UTF-8\n");
  expect(withLocale(once, "de_DE.UTF-8")).toBe(once);
  expect(withLocale(list, "fr_FR.UTF-8")).toBe(`${list}fr_FR.UTF-8 UTF-8\n`);
  expect(lists(list, "de_DE.UTF-8")).toBe(false);
  expect(() => withLocale(list, "fr_FR")).toThrow(/codeset/);
});

function step(files: Record<string, string>, locales: readonly string[], params: object) {
  const host = memoryHost({ files, machine: { locales } });
  return { ...host, one: { spec: set.spec, want: checkParams(set.spec, params), ports: host.ports } };
}

test("a locale that is there under its other name is not made again", async () => {
  const files = { "/etc/locale.gen": "en_US.UTF-8 UTF-8\n", "/etc/default/locale": 'LANG="en_US.utf8"\n' };
  expect(await check(step(files, ["C", "en_US.utf8"], { name: "en_US.UTF-8" }).one)).toEqual({});
});

test("other lines of the default stay", async () => {
  const files = {
    "/etc/locale.gen": "# en_US.UTF-8 UTF-8\n",
    "/etc/default/locale": "LANG=C\nLC_TIME=de_DE.UTF-8\n",
  };
  const { one, ports } = step(files, ["C"], { name: "en_US.UTF-8" });
  await make(one, await check(one));
  expect(await ports.files.read.readText("/etc/default/locale")).toBe(
    "LANG=en_US.UTF-8\nLC_TIME=de_DE.UTF-8\n",
  );
});

test("a machine that cannot make locales says which package it lacks", async () => {
  await expect(check(step({}, ["C"], { name: "en_US.UTF-8" }).one)).rejects.toMatchObject({
    code: "state/unsupported",
    hint: expect.stringContaining("package locales"),
  });
});

test("a time zone that is not there is an error, and one outside the zones cannot be named", async () => {
  const { ports } = memoryHost({ files: { "/usr/share/zoneinfo/Etc/UTC": "TZif", "/etc/x": "" } });
  const one = { spec: timezone.spec, want: checkParams(timezone.spec, { zone: "Europe/Nowhere" }), ports };
  await expect(check(one)).rejects.toMatchObject({ code: "state/unsupported" });
  for (const zone of ["../../passwd", "/etc/passwd", "Europe//Berlin", ""])
    expect(() => timezone(zone), zone).toThrow(/zone/);
});
