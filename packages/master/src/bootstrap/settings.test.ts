import { expect, test } from "vitest";

import { bootWords, type Given, portOf, readSettings } from "./settings.ts";

const given = (more: Partial<Given> = {}): Given => ({
  profile: "bootstrap-server",
  listen: "0.0.0.0:4222",
  name: [],
  ...more,
});
const BOOT = { bootAddress: "10.77.0.1", bootInterface: "eth1" } as const;

test("without a boot LAN there is no boot service, and an option of one without its address is a slip", () => {
  expect(readSettings(given()).boot).toBeUndefined();
  expect(() => readSettings(given({ bootInterface: "eth1" }))).toThrow(/needs --boot-address/);
});

test("what could not work on a boot LAN is said at once", () => {
  for (const [more, why] of [
    [{ ...BOOT, bootAddress: "10.77.0" }, /not an IPv4 address/],
    [{ bootAddress: "10.77.0.1", bootDhcp: "proxy" }, /needs --boot-interface/],
    [{ ...BOOT, bootDhcp: "full" }, /needs --boot-range/],
    [{ ...BOOT, bootDhcp: "full", bootRange: "10.77.0.1,x" }, /x is not an IPv4 address/],
    [{ ...BOOT, bootRange: "10.77.0.2,10.77.0.3" }, /are of --boot-dhcp full/],
  ] as const)
    expect(() => readSettings(given(more))).toThrow(why);
});

test("a boot LAN becomes the words of `netboot serve`", () => {
  const { boot } = readSettings(given({ ...BOOT, bootDhcp: "full", bootRange: "10.77.0.9,10.77.0.12" }));
  expect(bootWords(boot!)).toEqual(
    "--address 10.77.0.1 --dhcp full --interface eth1 --range 10.77.0.9,10.77.0.12".split(" "),
  );
});

test("ids, profiles and addresses that nothing can be called are refused", () => {
  expect(() => readSettings(given({ id: "Not an id" }))).toThrow(/cannot be a node id/);
  expect(() => readSettings(given({ profile: "../x" }))).toThrow(/not the name of a profile/);
  for (const listen of ["4222", "0.0.0.0:0", "0.0.0.0:70000", "a b:1"])
    expect(() => readSettings(given({ listen }))).toThrow(/is not HOST:PORT/);
  expect(portOf(readSettings(given({ listen: "[::]:4333" })).listen)).toBe(4333);
});
