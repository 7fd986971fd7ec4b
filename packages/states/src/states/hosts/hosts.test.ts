import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import hostname from "../hostname/set.ts";
import entry from "./entry.ts";
import { splitAt, withBlock } from "./hosts-file.ts";
import { withLoopback } from "./loopback.ts";

const LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n";

function step(hosts: string, params: object) {
  const host = memoryHost({ files: { "/etc/hosts": hosts } });
  return { ...host, one: { spec: entry.spec, want: checkParams(entry.spec, params), ports: host.ports } };
}

describe("a block in /etc/hosts", () => {
  test("is added at the end, replaced in its place, and taken out without a trace", () => {
    const one = withBlock(LOCAL, "a", ["10.0.0.1 a"]);
    const two = withBlock(one, "ab", ["10.0.0.2 ab"]);
    expect(one).toBe(`${LOCAL}# boma begin a\n10.0.0.1 a\n# boma end a\n`);
    // The id of one is the beginning of the other's: each finds its own.
    expect(splitAt(two, "a").inside).toEqual(["10.0.0.1 a"]);
    expect(withBlock(withBlock(two, "a", ["10.0.0.9 a"]), "a", undefined)).toBe(
      withBlock(LOCAL, "ab", ["10.0.0.2 ab"]),
    );
    expect(withBlock(one, "a", undefined)).toBe(LOCAL);
  });
  test.each([
    ["does not end", "# boma begin a\n10.0.0.1 a\n"],
    ["does not begin", "10.0.0.1 a\n# boma end a\n"],
    ["ends before it begins", "# boma end a\n# boma begin a\n"],
    ["is there twice", "# boma begin a\n# boma end a\n# boma begin a\n# boma end a\n"],
  ])("that %s is an error: no line of others is eaten", (_why, text) => {
    expect(() => withBlock(LOCAL + text, "a", ["x"])).toThrow(
      expect.objectContaining({ code: "state/blocked" }),
    );
  });
});

test("the lines of the machine itself stay, and their names are refused", async () => {
  const { one, ports } = step(LOCAL, { id: "a", ip: "10.0.0.1", names: ["a"] });
  await make(one, await check(one));
  expect((await ports.files.read.readText("/etc/hosts")).startsWith(LOCAL)).toBe(true);
  for (const name of ["localhost", "ip6-localhost", "-x", "a b", "a\nb"])
    expect(() => entry("a", { ip: "10.0.0.1", names: [name] }), name).toThrow(/names/);
  expect(() => entry("a", { ip: "10.0.0.999", names: ["a"] })).toThrow(/address/);
});

test("a name that another line gives another address is an error, for each kind of address by itself", async () => {
  const foreign = `${LOCAL}10.0.0.9 a # by hand\n`;
  await expect(check(step(foreign, { id: "a", ip: "10.0.0.1", names: ["a"] }).one)).rejects.toMatchObject({
    message: expect.stringContaining("10.0.0.9"),
  });
  for (const ip of ["10.0.0.9", "2001:db8::1"])
    expect(Object.keys(await check(step(foreign, { id: "a", ip, names: ["a"] }).one))).toEqual(["line"]);
});

describe("the line for the machine's own name", () => {
  test("replaces the old one, or stands below that of localhost", () => {
    expect(withLoopback("127.0.0.1 localhost\n127.0.1.1 old\n10.0.0.1 x\n", ["web.example", "web"])).toBe(
      "127.0.0.1 localhost\n127.0.1.1\tweb.example web\n10.0.0.1 x\n",
    );
    expect(withLoopback(LOCAL, ["web"])).toBe(
      "127.0.0.1\tlocalhost\n127.0.1.1\tweb\n::1\tlocalhost ip6-localhost\n",
    );
  });
  test("is not made where the name has an address of its own: servers bind to what it resolves to", () => {
    const text = `${LOCAL}10.0.0.7 web\n`;
    expect(withLoopback(text, ["web"])).toBe(text);
  });
  test("that is right but written with other blanks is left alone", () => {
    const text = "127.0.0.1 localhost\n127.0.1.1   web.example   web\n";
    expect(withLoopback(text, ["web.example", "web"])).toBe(text);
  });
});

test("a name that cloud-init would undo is kept from it, where there is a cloud-init", async () => {
  for (const cloud of [true, false]) {
    const { ports, tree } = memoryHost({
      machine: { hostname: "old" },
      files: {
        "/etc/hosts": LOCAL,
        ...(cloud && { "/etc/cloud/cloud.cfg.d": { directory: true } as const }),
      },
    });
    const one = { spec: hostname.spec, want: checkParams(hostname.spec, { name: "web" }), ports };
    await make(one, await check(one));
    expect(tree.has("/etc/cloud/cloud.cfg.d/99-boma-hostname.cfg")).toBe(cloud);
    expect(await ports.machine.read.hostname()).toBe("web");
  }
});
