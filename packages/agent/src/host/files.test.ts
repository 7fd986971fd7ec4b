/** One set of promises, kept by the files of memory, by the real ones, and by the real ones below `--root`. */
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Files } from "@boma/states";
import { memoryHost } from "@boma/states/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { realFiles } from "./files.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/sh\nme:x:UID:GID::/:/bin/sh\nweb:x:7001:7001::/:/bin/sh\n"
  .replace("UID", String(process.getuid!() === 0 ? 7000 : process.getuid!()))
  .replace("GID", String(process.getgid!() === 0 ? 7000 : process.getgid!()));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "boma-files-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Made {
  readonly files: Files;
  /** The directory of the test, as these files name it. */
  readonly base: string;
}
const machines: Record<string, () => Made> = {
  memory: () => ({
    files: memoryHost({ files: { "/base": { directory: true } } }).ports.files.write,
    base: "/base",
  }),
  real: () => ({ files: realFiles("/").write, base: directory }),
  confined: () => {
    mkdirSync(join(directory, "base"));
    return { files: realFiles(directory).write, base: "/base" };
  },
};

describe.each(Object.entries(machines))("%s files", (_, make) => {
  let files: Files;
  let base: string;
  beforeEach(() => {
    ({ files, base } = make());
  });
  const complaint = async (work: Promise<unknown>): Promise<string> => {
    const thrown = await work.then(
      () => new Error("nothing was thrown"),
      (error: unknown) => error as Error & { code?: string },
    );
    return `${(thrown as { code?: string }).code}: ${thrown.message.replaceAll(base, "BASE")}`;
  };

  test("what is written is read back as text, as bytes, as pieces, by digest", async () => {
    await files.write(`${base}/a`, "grüße\n");
    expect(await files.readText(`${base}/a`)).toBe("grüße\n");
    expect(Buffer.from(await files.readBytes(`${base}/a`)).toString()).toBe("grüße\n");
    expect(Buffer.concat(await Array.fromAsync(files.readStream(`${base}/a`))).toString()).toBe("grüße\n");
    expect(await files.digest(`${base}/a`)).toBe(createHash("sha256").update("grüße\n").digest("hex"));
  });

  test("pieces are written as one file", async () => {
    const pieces = (async function* () {
      yield Buffer.from("one ");
      yield Buffer.from("two");
    })();
    await files.write(`${base}/a`, pieces);
    expect(await files.readText(`${base}/a`)).toBe("one two");
  });

  test("a large file comes back byte by byte", async () => {
    const bytes = Buffer.alloc(1_000_003, "0123456789");
    await files.write(`${base}/large`, bytes);
    expect(Buffer.compare(Buffer.from(await files.readBytes(`${base}/large`)), bytes)).toBe(0);
  });

  test("a new file has mode 0644, a new directory 0755, unless another is said", async () => {
    await files.write(`${base}/a`, "");
    await files.write(`${base}/b`, "", { mode: "4750" });
    await files.makeDirectory(`${base}/c`);
    await files.makeDirectory(`${base}/d`, { mode: "1777" });
    const modes = await Promise.all(["a", "b", "c", "d"].map((name) => files.stat(`${base}/${name}`)));
    expect(modes.map((stat) => `${stat?.type} ${stat?.mode}`)).toEqual([
      "file 0644",
      "file 4750",
      "directory 0755",
      "directory 1777",
    ]);
  });

  test("a file keeps its mode when it is written again", async () => {
    await files.write(`${base}/a`, "old", { mode: "0600" });
    await files.write(`${base}/a`, "new");
    expect(await files.stat(`${base}/a`)).toMatchObject({ mode: "0600", bytes: 3 });
  });

  test("a link at the path is replaced, and what it points to is left as it is", async () => {
    await files.write(`${base}/target`, "mine");
    await files.link(`${base}/a`, "target");
    await files.write(`${base}/a`, "new");
    expect(await files.readText(`${base}/target`)).toBe("mine");
    expect((await files.stat(`${base}/a`))?.type).toBe("file");
  });

  test("links are read, followed in a path, and replaced", async () => {
    await files.makeDirectory(`${base}/dir`);
    await files.link(`${base}/link`, "dir");
    await files.write(`${base}/link/a`, "in");
    expect(await files.readText(`${base}/dir/a`)).toBe("in");
    expect(await files.list(`${base}/link`)).toEqual(["a"]);
    await files.link(`${base}/link`, "elsewhere");
    expect(await files.readLink(`${base}/link`)).toBe("elsewhere");
    expect(await files.stat(`${base}/link/a`)).toBeUndefined();
  });

  test("stat says nothing where nothing is, also below a file", async () => {
    await files.write(`${base}/a`, "");
    expect(await files.stat(`${base}/none`)).toBeUndefined();
    expect(await files.stat(`${base}/none/deep`)).toBeUndefined();
    expect(await files.stat(`${base}/a/deep`)).toBeUndefined();
  });

  test("names in a directory are sorted", async () => {
    for (const name of ["b", "a", "C"]) await files.write(`${base}/${name}`, "");
    expect(await files.list(base)).toEqual(["C", "a", "b"]);
  });

  test("a tree is removed with what its links point to left alone", async () => {
    await files.makeDirectory(`${base}/kept`);
    await files.write(`${base}/kept/a`, "safe");
    await files.makeDirectory(`${base}/dir`);
    await files.makeDirectory(`${base}/dir/deep`);
    await files.write(`${base}/dir/deep/a`, "");
    await files.link(`${base}/dir/link`, "../kept");
    await files.remove(`${base}/dir`, { recursive: true });
    expect(await files.list(base)).toEqual(["kept"]);
    expect(await files.readText(`${base}/kept/a`)).toBe("safe");
  });

  test("a private directory for drafts is made and can be removed", async () => {
    const temporary = await files.makeTemporary(base);
    expect(await files.stat(temporary)).toMatchObject({ type: "directory", mode: "0700" });
    await files.remove(temporary, { recursive: true });
    expect(await files.list(base)).toEqual([]);
  });

  test("rename replaces a file, and refuses a directory that holds something", async () => {
    await files.write(`${base}/a`, "a");
    await files.write(`${base}/b`, "b");
    await files.rename(`${base}/a`, `${base}/b`);
    expect(await files.readText(`${base}/b`)).toBe("a");
    await files.makeDirectory(`${base}/d`);
    await files.makeDirectory(`${base}/e`);
    await files.write(`${base}/e/in`, "");
    expect(await complaint(files.rename(`${base}/d`, `${base}/e`))).toBe(
      "state/file: cannot rename BASE/d to BASE/e: the directory is not empty",
    );
  });

  test("the space of a file system is told", async () => {
    const { bytes, bytesFree } = await files.space(base);
    expect(bytes).toBeGreaterThan(0);
    expect(bytesFree).toBeLessThanOrEqual(bytes);
  });

  const missing = "it is not there, or a directory above it is not";
  test.each<[string, (on: Files, at: string) => Promise<unknown>, string]>([
    [
      "reading nothing",
      (on, at) => on.readText(`${at}/no`),
      `state/file-missing: cannot read BASE/no: ${missing}`,
    ],
    [
      "reading a directory",
      (on, at) => on.readText(`${at}/dir`),
      "state/wrong-type: cannot read BASE/dir: it is a directory",
    ],
    [
      "digesting nothing",
      (on, at) => on.digest(`${at}/no`),
      `state/file-missing: cannot read BASE/no: ${missing}`,
    ],
    [
      "listing nothing",
      (on, at) => on.list(`${at}/no`),
      `state/file-missing: cannot list BASE/no: ${missing}`,
    ],
    [
      "listing a file",
      (on, at) => on.list(`${at}/file`),
      "state/wrong-type: cannot list BASE/file: it, or something above it, is not a directory",
    ],
    [
      "reading the link of a file",
      (on, at) => on.readLink(`${at}/file`),
      "state/wrong-type: cannot read the link BASE/file: it is not of the kind that this can be done with",
    ],
    [
      "writing without a directory",
      (on, at) => on.write(`${at}/no/a`, ""),
      `state/file-missing: cannot write BASE/no/a: ${missing}`,
    ],
    [
      "writing below a file",
      (on, at) => on.write(`${at}/file/a`, ""),
      "state/wrong-type: cannot write BASE/file/a: it, or something above it, is not a directory",
    ],
    [
      "writing over a directory",
      (on, at) => on.write(`${at}/dir`, ""),
      "state/wrong-type: cannot write BASE/dir: it is a directory",
    ],
    [
      "making a directory twice",
      (on, at) => on.makeDirectory(`${at}/dir`),
      "state/file: cannot make the directory BASE/dir: something lies there already",
    ],
    [
      "linking over a directory",
      (on, at) => on.link(`${at}/dir`, "x"),
      "state/wrong-type: cannot link BASE/dir: it is a directory",
    ],
    [
      "changing the mode of nothing",
      (on, at) => on.chmod(`${at}/no`, "0600"),
      `state/file-missing: cannot change the mode of BASE/no: ${missing}`,
    ],
    [
      "changing the mode of a link",
      (on, at) => on.chmod(`${at}/link`, "0600"),
      "state/wrong-type: cannot change the mode of BASE/link: it is not of the kind that this can be done with",
    ],
    [
      "removing nothing",
      (on, at) => on.remove(`${at}/no`),
      `state/file-missing: cannot remove BASE/no: ${missing}`,
    ],
    [
      "removing a full directory",
      (on, at) => on.remove(`${at}/dir`),
      "state/file: cannot remove BASE/dir: the directory is not empty",
    ],
    [
      "removing everything",
      (on) => on.remove("/", { recursive: true }),
      "state/protected: / was not removed: it is the root of the machine",
    ],
    [
      "renaming nothing",
      (on, at) => on.rename(`${at}/no`, `${at}/b`),
      `state/file-missing: cannot rename BASE/no: ${missing}`,
    ],
    [
      "reading a circle of links",
      (on, at) => on.readText(`${at}/circle`),
      "state/file: cannot read BASE/circle: its symbolic links lead in a circle",
    ],
  ])("%s is refused in the same words", async (_title, work, words) => {
    await files.makeDirectory(`${base}/dir`);
    await files.write(`${base}/dir/in`, "");
    await files.write(`${base}/file`, "");
    await files.link(`${base}/link`, "file");
    await files.link(`${base}/circle`, "circle");
    expect(await complaint(work(files, base))).toBe(words);
  });
});

describe("below --root", () => {
  const confined = (): Files => realFiles(join(directory, "root")).write;
  beforeEach(() => {
    for (const name of ["root", "root/etc", "outside"]) mkdirSync(join(directory, name));
    writeFileSync(join(directory, "outside/secret"), "theirs");
  });

  test.each([
    ["a link out of it, relative", "../../outside", "/etc/out/secret"],
    ["a link with more steps up than there are", "../../../../../../../..", "/etc/out/outside/secret"],
  ])("%s leads to nothing outside", async (_title, target, path) => {
    symlinkSync(target, join(directory, "root/etc/out"));
    await expect(confined().readText(path)).rejects.toMatchObject({ code: "state/file-missing" });
    await expect(confined().write(path, "mine")).rejects.toMatchObject({ code: "state/file-missing" });
    expect(readFileSync(join(directory, "outside/secret"), "utf8")).toBe("theirs");
  });

  test("an absolute link means a place below the root", async () => {
    symlinkSync(join(directory, "outside"), join(directory, "root/etc/out"));
    await expect(confined().readText("/etc/out/secret")).rejects.toMatchObject({
      code: "state/file-missing",
    });
    symlinkSync("/etc", join(directory, "root/conf"));
    await confined().write("/conf/motd", "hello");
    expect(readFileSync(join(directory, "root/etc/motd"), "utf8")).toBe("hello");
  });

  test("a file that is a link out of it cannot be read through, and is replaced by itself", async () => {
    symlinkSync(join(directory, "outside/secret"), join(directory, "root/etc/a"));
    await expect(confined().readText("/etc/a")).rejects.toMatchObject({ code: "state/file-missing" });
    await confined().write("/etc/a", "mine");
    expect(readFileSync(join(directory, "outside/secret"), "utf8")).toBe("theirs");
    expect(readFileSync(join(directory, "root/etc/a"), "utf8")).toBe("mine");
  });

  test("two steps up from the top is still the top", async () => {
    await confined().write("/../../escape", "x");
    expect(readdirSync(directory).toSorted()).toEqual(["outside", "root"]);
    expect(readdirSync(join(directory, "root")).toSorted()).toEqual(["escape", "etc"]);
  });

  test("names of owners are those of the machine below", async () => {
    writeFileSync(join(directory, "root/etc/passwd"), PASSWD);
    writeFileSync(join(directory, "root/etc/group"), `${PASSWD}`);
    const files = confined();
    if (process.getuid!() === 0) {
      await files.write("/a", "", { owner: "web", group: "web" });
      expect(statSync(join(directory, "root/a"))).toMatchObject({ uid: 7001, gid: 7001 });
      expect(await files.stat("/a")).toMatchObject({ owner: "web", group: "web", uid: 7001 });
    } else {
      await expect(files.write("/a", "", { owner: "web" })).rejects.toMatchObject({
        code: "state/file-denied",
      });
    }
  });
});

describe("owners", () => {
  test("one that is not there leaves nothing behind, and is found once it was made", async () => {
    mkdirSync(join(directory, "etc"));
    writeFileSync(join(directory, "etc/passwd"), PASSWD);
    const files = realFiles(directory).write;
    await expect(files.write("/a", "x", { owner: "late" })).rejects.toMatchObject({
      code: "state/owner-unknown",
      message: "cannot give /a to user late: there is no such user",
    });
    expect(readdirSync(directory)).toEqual(["etc"]);
    writeFileSync(join(directory, "etc/passwd"), `${PASSWD}late:x:${process.getuid!()}:0::/:/bin/sh\n`);
    await files.write("/a", "x", { owner: "late" });
    expect(statSync(join(directory, "a")).uid).toBe(process.getuid!());
  });
});

test("a draft that a killed run left is taken over, and none is left", async () => {
  const files = realFiles("/").write;
  const path = join(directory, "a");
  const failing = (async function* () {
    yield Buffer.from("half");
    writeFileSync(join(directory, "seen"), readdirSync(directory).join("\n"));
    throw new Error("cut");
  })();
  await expect(files.write(path, failing)).rejects.toThrow("cut");
  const draft = readFileSync(join(directory, "seen"), "utf8");
  expect(draft).toMatch(/^\.boma-draft-[0-9a-f]{12}$/);
  expect(readdirSync(directory)).toEqual(["seen"]);
  writeFileSync(join(directory, draft), "left by the dead", { mode: 0o666 });
  await files.write(path, "whole", { mode: "0600" });
  expect(readdirSync(directory).toSorted()).toEqual(["a", "seen"]);
  expect(readFileSync(path, "utf8")).toBe("whole");
});
