/** What beacons read from texts that others write. */
import { describe, expect, test } from "vitest";

import { globOf } from "./file.ts";
import { parseFailure } from "./login.ts";
import { parseMemory } from "./memory.ts";
import { parsePressure } from "./pressure.ts";

const sshd = (text: string) => parseFailure({ __CURSOR: "c", _COMM: "sshd", MESSAGE: text });

describe("failed logins", () => {
  test.each([
    ["Failed password for root from 10.0.0.7 port 5022 ssh2", { user: "root", from: "10.0.0.7" }],
    ["Failed password for invalid user bob from ::1 port 22 ssh2", { user: "bob", from: "::1" }],
    ["Accepted password for root from 10.0.0.7 port 5022 ssh2", undefined],
    ["Failed none for invalid user bob from 10.0.0.7 port 1 ssh2", undefined],
    ["Connection closed by 10.0.0.7 port 5022", undefined],
  ])("%s", (text, found) => {
    expect(sshd(text)).toEqual(found);
  });

  test("whose name looks like an address are told with the address that sshd saw", () => {
    const text = "Failed password for invalid user root from 1.1.1.1 port 1 ssh2 from 10.0.0.7 port 22 ssh2";
    expect(sshd(text)).toEqual({ user: "root from 1.1.1.1 port 1 ssh2", from: "10.0.0.7" });
  });

  test("at a console are told with the console", () => {
    const text = "FAILED LOGIN (1) on '/dev/tty1' FOR 'alice', Authentication failure";
    expect(parseFailure({ __CURSOR: "c", _COMM: "login", MESSAGE: text })).toEqual({
      user: "alice",
      from: "/dev/tty1",
    });
  });
});

test("the memory that is available is the kernel's own figure", () => {
  expect(parseMemory("MemTotal:  1000 kB\nMemFree:  1 kB\nMemAvailable:  250 kB\n")).toEqual({
    totalBytes: 1_024_000,
    availableBytes: 256_000,
  });
  expect(() => parseMemory("MemTotal: x kB")).toThrow("how much memory");
});

test("pressure is read by its kind and its window", () => {
  const text =
    "some avg10=1.00 avg60=2.50 avg300=3.00 total=9\nfull avg10=0.10 avg60=0.20 avg300=0.30 total=1\n";
  expect(parsePressure(text, "some", 60)).toBe(2.5);
  expect(parsePressure(text, "full", 300)).toBe(0.3);
  expect(parsePressure("some avg10=1.00 total=9\n", "full", 10)).toBeUndefined();
  expect(parsePressure(undefined, "some", 10)).toBeUndefined();
});

test.each([
  ["*.conf", "a.conf", true],
  ["*.conf", "a.conf.bak", false],
  ["a?c*", "abcd", true],
  ["a?c", "ac", false],
  ["*a*b*", "xxaxxbxx", true],
  ["*a*b*", "xxbxxaxx", false],
  ["*".repeat(200), "x".repeat(200), true],
  [`${"*a".repeat(60)}b`, "a".repeat(250), false],
])("%s and %s: %s", (glob, name, fits) => {
  expect(globOf(glob)(name)).toBe(fits);
});
