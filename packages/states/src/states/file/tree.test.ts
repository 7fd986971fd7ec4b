/** The traps of directories, links, trees and removal. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { tryState } from "../../testing/try-state.ts";
import absent from "./absent.ts";
import directory from "./directory.ts";
import recurse from "./recurse.ts";
import symlink from "./symlink.ts";

const many = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`/srv/a/${at}`, ""]));

describe("file.directory", () => {
  test("gives all that is in it away, links themselves and not what they point to", async () => {
    const files = {
      "/srv/a/b/c": "",
      "/srv/a/link": { link: "/etc/passwd" },
      "/etc/passwd": "root:x:0:0\nweb:x:9:9\n",
    };
    const { ports } = await tryState(directory, "/srv/a", { owner: "web", recurse: true }, { files });
    const owners = await Promise.all(
      ["/srv/a", "/srv/a/b/c", "/srv/a/link", "/etc/passwd"].map((path) => ports.files.read.stat(path)),
    );
    expect(owners.map((stat) => stat?.owner)).toEqual(["web", "web", "web", "root"]);
  });
  test("exclusive removes no more than maxDelete, and says what it would have removed", async () => {
    await expect(tryState(directory, "/srv/a", { exclusive: true }, { files: many })).rejects.toThrow(
      /12 things that would be removed, and `maxDelete` is 10: 0, 1/,
    );
    const { names } = await tryState(
      directory,
      "/srv/a",
      { exclusive: true, maxDelete: 12 },
      { files: many },
    );
    expect(await names("/srv/a")).toEqual([]);
  });
  test.each(["/", "/etc", "/home/me", "/usr/bin", "/var/lib"])("%s is never exclusive", async (path) => {
    await expect(tryState(directory, path, { exclusive: true })).rejects.toMatchObject({
      code: "state/protected",
    });
  });
  test("a name whose inside is kept stays", async () => {
    const { names } = await tryState(
      directory,
      "/srv/a",
      { exclusive: true, keep: ["b/c"] },
      { files: { "/srv/a/b/c": "", "/srv/a/bc": "" } },
    );
    expect(await names("/srv/a")).toEqual(["b"]);
  });
  test("a file in its place is told of", async () => {
    await expect(tryState(directory, "/srv/a", {}, { files: { "/srv/a": "" } })).rejects.toThrow(
      "/srv/a is a file, not a directory",
    );
  });
});

describe("file.symlink", () => {
  test("a directory that holds something is never replaced, force or not", async () => {
    const files = { "/srv/a/data": "dear" };
    await expect(tryState(symlink, "/srv/a", { target: "b", force: true }, { files })).rejects.toMatchObject({
      code: "state/refused",
    });
  });
  test("a file is replaced only by force", async () => {
    const files = { "/srv/a": "dear" };
    await expect(tryState(symlink, "/srv/a", { target: "b" }, { files })).rejects.toMatchObject({
      code: "state/wrong-type",
    });
    const { ports } = await tryState(symlink, "/srv/a", { target: "b", force: true }, { files });
    expect(await ports.files.read.readLink("/srv/a")).toBe("b");
  });
});

describe("file.absent", () => {
  test("a directory that holds something goes only when it is said", async () => {
    const files = { "/srv/a/b": "" };
    await expect(tryState(absent, "/srv/a", {}, { files })).rejects.toMatchObject({ code: "state/refused" });
    const { names } = await tryState(absent, "/srv/a", { recursive: true }, { files });
    expect(await names("/srv")).toEqual([]);
  });
  test.each(["/", "/srv", "/home/me", "/etc/ssh"])("%s stays, whoever says so", async (path) => {
    const given = { files: { "/srv/a": "", "/home/me/a": "", "/etc/ssh/a": "" } };
    await expect(tryState(absent, path, { recursive: true }, given)).rejects.toMatchObject({
      code: "state/protected",
    });
  });
  test("a link to a directory goes, and the directory stays", async () => {
    const { names } = await tryState(
      absent,
      "/srv/link",
      { recursive: true },
      { files: { "/srv/link": { link: "/srv/a" }, "/srv/a/b": "" } },
    );
    expect(await names("/srv/a")).toEqual(["b"]);
  });
});

describe("file.recurse", () => {
  test("the files of the site come with what makes them executable", () => {
    const site = {
      bytes: (path: string) => Buffer.from(path),
      list: () => [
        { path: "a", executable: false },
        { path: "bin/run", executable: true },
      ],
    };
    const want = checkParams(recurse.spec as never, { path: "/srv/a", source: "files/a", fileMode: "0640" });
    expect(recurse.spec.expand!(want as never, site).files).toEqual([
      { path: "a", contents: "files/a/a" },
      { path: "bin/run", contents: "files/a/bin/run", mode: "0750" },
    ]);
  });
  test("what the site does not have stays", async () => {
    const { names } = await tryState(
      recurse,
      "/srv/a",
      { files: [{ path: "b/c", contents: "" }] },
      { files: { "/srv/a/theirs": "" } },
    );
    expect(await names("/srv/a")).toEqual(["b", "theirs"]);
  });
  test("a file of the tree that would lead out of it is no parameter", () => {
    expect(() => checkParams(recurse.spec as never, { path: "/a", files: [{ path: "../b" }] })).toThrow(
      /below/,
    );
  });
  test("each file is claimed", () => {
    const want = checkParams(recurse.spec as never, { path: "/a", files: [{ path: "b/c", contents: "" }] });
    expect(recurse.spec.claims!(want as never)).toEqual(["file:/a", "file:/a/b/c"]);
  });
});
