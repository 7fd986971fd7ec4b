import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { tryState } from "../../testing/try-state.ts";
import managed from "./managed.ts";

const files = { "/etc/motd": { contents: "old\n", mode: "0640", owner: "web" } };

test("a link at the path is told of, not followed and not replaced", async () => {
  await expect(
    tryState(managed, "/etc/motd", { contents: "x" }, { files: { "/etc/motd": { link: "/etc/passwd" } } }),
  ).rejects.toMatchObject({ code: "state/wrong-type", message: "/etc/motd is a symbolic link, not a file" });
});

test("an owner who is said by number is the one who is there by name", async () => {
  const { changes } = await tryState(managed, "/etc/a", { owner: "0" }, { files: { "/etc/a": "" } });
  expect(changes).toEqual({});
});

test("a text of more than a mebibyte is put there, compared whole, and not written again", async () => {
  const contents = "é".repeat(800_000);
  const first = await tryState(managed, "/etc/motd", { contents }, { files });
  expect(first.left).toEqual({});
  const other = `${contents.slice(1)}e`;
  expect((await tryState(managed, "/etc/motd", { contents: other }, first.host)).changes).toMatchObject({
    contents: { to: other },
  });
});

test("what is not said stays as it was", async () => {
  const { changes, ports } = await tryState(managed, "/etc/motd", { contents: "new\n" }, { files });
  expect(changes).toEqual({ contents: { from: "old\n", to: "new\n" } });
  expect(await ports.files.read.stat("/etc/motd")).toMatchObject({ mode: "0640", owner: "web" });
});

test("with replace: false what is there stays, but its mode is cared for", async () => {
  const { read, changes } = await tryState(
    managed,
    "/etc/motd",
    { contents: "first\n", replace: false, mode: "0600" },
    { files },
  );
  expect(await read("/etc/motd")).toBe("old\n");
  expect(Object.keys(changes)).toEqual(["mode"]);
});

test("a backup holds the content, mode and owner of before, in a place that no program reads", async () => {
  const { names, ports, read } = await tryState(
    managed,
    "/etc/motd",
    { contents: "new\n", backup: true },
    { files },
  );
  const [copy] = await names("/var/backups/boma/etc/motd");
  expect(await read(`/var/backups/boma/etc/motd/${copy}`)).toBe("old\n");
  expect(await ports.files.read.stat(`/var/backups/boma/etc/motd/${copy}`)).toMatchObject({ mode: "0640" });
  expect(await ports.files.read.stat("/var/backups/boma")).toMatchObject({ mode: "0700" });
  expect(await names("/etc")).toEqual(["motd"]);
});

describe("validate", () => {
  const params = { contents: "new\n", validate: ["visudo", "-cf", "{}"] };

  test("a draft that the program refuses leaves the file as it was, and no draft", async () => {
    const commands = { visudo: { exitCode: 1, stderr: "parse error in /etc/.boma-check-motd near line 1" } };
    const failed = tryState(managed, "/etc/motd", params, { files, commands });
    await expect(failed).rejects.toMatchObject({ code: "state/refused" });
    await expect(failed).rejects.toThrow(/not changed.*parse error in \/etc\/motd near line 1/s);
  });

  test("what passes takes the file's place with its owner and mode", async () => {
    const { names, ports, log } = await tryState(managed, "/etc/motd", params, {
      files,
      commands: { visudo: {} },
    });
    expect(await names("/etc")).toEqual(["motd"]);
    expect(await ports.files.read.stat("/etc/motd")).toMatchObject({ mode: "0640", owner: "web" });
    expect(log.findIndex((call) => call.includes("visudo"))).toBeLessThan(
      log.findIndex((call) => call.startsWith("files.rename")),
    );
  });

  test("a command without `{}` would look at nothing, and is no parameter", () => {
    expect(() => checkParams(managed.spec as never, { path: "/a", validate: ["true"] })).toThrow(
      /stands for the file/,
    );
  });
});

test("a text and bytes at once are an error", () => {
  expect(() => checkParams(managed.spec as never, { path: "/a", contents: "", base64: "" })).toThrow(
    /only one of/,
  );
});

describe("a source", () => {
  const site = {
    bytes: (path: string) => (path === "files/logo" ? Uint8Array.of(0xff, 0x00) : Buffer.from("hello ü\n")),
    list: () => [],
  };
  const expand = (source: string) =>
    managed.spec.expand!(
      checkParams(managed.spec as never, { path: "/a", source, mode: "0600" }) as never,
      site,
    );

  test("of text becomes the text", () => {
    expect(expand("files/motd")).toMatchObject({ path: "/a", contents: "hello ü\n", mode: "0600" });
    expect(expand("files/motd")).not.toHaveProperty("source");
  });
  test("of bytes that are no text becomes base64", () => {
    expect(expand("files/logo")).toMatchObject({ base64: "/wA=" });
  });
  test.each(["../secret", "/etc/shadow", "a/../../b", "a//b"])("cannot be %s", (source) => {
    expect(() => expand(source)).toThrow(/below the directory/);
  });
  test("that nobody expanded is an error, not an empty file", async () => {
    await expect(tryState(managed, "/a", { source: "files/motd" })).rejects.toMatchObject({
      code: "state/params",
    });
  });
});
