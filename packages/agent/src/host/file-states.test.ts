/** States of files from elsewhere on the real machine: archives that real programs made, real repositories. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { checkParams, readHost, states, writeHost } from "@boma/states";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { realHost } from "./hosts.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "boma-states-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function converge(name: string, key: string, params: object): Promise<object> {
  const { spec } = states[name]!;
  const want = checkParams(spec, { ...params, [spec.key]: key });
  const ports = realHost.ports({ signal: new AbortController().signal, line: () => undefined });
  const changes = await spec.check(want as never, readHost(ports));
  if (Object.keys(changes).length > 0) await spec.apply(changes as never, want as never, writeHost(ports));
  expect(await spec.check(want as never, readHost(ports))).toEqual({});
  return changes;
}

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "a",
      GIT_AUTHOR_EMAIL: "a@example.org",
      GIT_COMMITTER_NAME: "a",
      GIT_COMMITTER_EMAIL: "a@example.org",
    },
  }).trim();
const at = (...parts: string[]): string => join(directory, ...parts);
const write = (path: string, contents: string | Uint8Array): void => {
  mkdirSync(join(at(path), ".."), { recursive: true });
  writeFileSync(at(path), contents);
};
const sha256 = (path: string): string =>
  createHash("sha256")
    .update(readFileSync(at(path)))
    .digest("hex");

describe("archive.extracted", () => {
  const LONG = `${"long/".repeat(60)}file`;
  beforeEach(() => {
    write("app/README", "hello\n");
    write("app/bin/run", "#!/bin/sh\n");
    write("app/large", Buffer.alloc(700_000, "large"));
    write(`app/${LONG}`, "deep\n");
    run("chmod", "0755", "app/bin/run");
    run("ln", "-s", "../README", "app/bin/readme");
  });
  const extracted = (archive: string, more: object = {}): Promise<object> =>
    converge("archive.extracted", at("out"), {
      archive: at(archive),
      sha256: sha256(archive),
      strip: 1,
      ...more,
    });

  test.each([
    ["gzip", ["--gzip", "--format=gnu"]],
    ["zstd", ["--zstd", "--format=posix"]],
    ["xz", ["--xz", "--format=ustar", "--exclude=app/long"]],
    ["no compression", ["--format=posix"]],
  ])("what tar packed with %s is there, with its modes and links", async (_title, options) => {
    run("tar", "--create", "--file=a", ...options, "app");
    expect(Object.keys(await extracted("a"))).toEqual(["archive"]);
    expect(readFileSync(at("out/README"), "utf8")).toBe("hello\n");
    expect(sha256("out/large")).toBe(sha256("app/large"));
    expect(readlinkSync(at("out/bin/readme"))).toBe("../README");
    expect(run("stat", "--format=%a", "out/bin/run")).toBe("755");
    expect(existsSync(at("out", LONG))).toBe(!options.includes("--exclude=app/long"));
    expect(readdirSync(directory).toSorted()).toEqual(["a", "app", "out"]);
    expect(await extracted("a")).toEqual({});
  });

  test("a zip is there too", async () => {
    run(
      process.execPath,
      "-e",
      `const z=require("zlib"),f=[["app/README","hello\\n",8],["app/e/f","x",0]];let o=0,b=[],c=[];
       for(const[n,t,m]of f){const d=Buffer.from(t),p=m?z.deflateRawSync(d):d,h=Buffer.alloc(30),e=Buffer.alloc(46);
       h.writeUInt32LE(0x04034b50,0);h.writeUInt16LE(m,8);h.writeUInt32LE(z.crc32(d),14);h.writeUInt32LE(p.length,18);
       h.writeUInt32LE(d.length,22);h.writeUInt16LE(n.length,26);e.writeUInt32LE(0x02014b50,0);e.writeUInt16LE(m,10);
       e.writeUInt32LE(z.crc32(d),16);e.writeUInt32LE(p.length,20);e.writeUInt32LE(d.length,24);e.writeUInt16LE(n.length,28);
       e.writeUInt32LE(o,42);b.push(h,Buffer.from(n),p);c.push(e,Buffer.from(n));o+=30+n.length+p.length}
       const d=Buffer.concat(c),t=Buffer.alloc(22);t.writeUInt32LE(0x06054b50,0);t.writeUInt16LE(2,8);t.writeUInt16LE(2,10);
       t.writeUInt32LE(d.length,12);t.writeUInt32LE(o,16);require("fs").writeFileSync("a.zip",Buffer.concat([...b,d,t]))`,
    );
    await extracted("a.zip");
    expect(readFileSync(at("out/README"), "utf8")).toBe("hello\n");
    expect(readFileSync(at("out/e/f"), "utf8")).toBe("x");
  });

  test("a newer archive takes the place of the older, without what only that one had", async () => {
    run("tar", "--create", "--file=a", "app");
    await extracted("a");
    rmSync(at("app/README"));
    run("tar", "--create", "--file=b", "app");
    await extracted("b");
    expect(existsSync(at("out/README"))).toBe(false);
  });

  test("a directory that came from no archive is not replaced", async () => {
    write("out/dear", "data");
    run("tar", "--create", "--file=a", "app");
    await expect(extracted("a")).rejects.toMatchObject({ code: "state/refused" });
    expect(readFileSync(at("out/dear"), "utf8")).toBe("data");
  });

  const evil: [string, () => void][] = [
    ["an absolute path", () => run("tar", "-cPf", "a", at("app/README"))],
    [
      "a path that leads out",
      () => run("tar", "-cPf", "a", "--transform=s,README,../../../escape,", "app/README"),
    ],
    ["a set-user bit", () => (run("chmod", "4755", "app/bin/run"), run("tar", "-cf", "a", "app"))],
    [
      "a link that leads out",
      () => (run("ln", "-s", "../../etc/passwd", "app/out"), run("tar", "-cf", "a", "app")),
    ],
    [
      "a link with an absolute target",
      () => (run("ln", "-s", "/etc", "app/out"), run("tar", "-cf", "a", "app")),
    ],
    [
      "a link that leads out through another",
      () => (
        run("ln", "-s", "..", "app/bin/up"),
        run("ln", "-s", "bin/up/../..", "app/out"),
        run("tar", "-cf", "a", "app")
      ),
    ],
    ["a named pipe", () => (run("mkfifo", "app/pipe"), run("tar", "-cf", "a", "app"))],
    ["a hard link", () => (run("ln", "app/README", "app/twice"), run("tar", "-cf", "a", "app"))],
    ["no end", () => (run("tar", "-cf", "b", "app"), write("a", readFileSync(at("b")).subarray(0, 300_000)))],
    ["nothing of an archive", () => write("a", Buffer.alloc(2000, "x"))],
    [
      "a broken compression",
      () => (run("tar", "-czf", "b", "app"), write("a", readFileSync(at("b")).subarray(0, 500))),
    ],
  ];
  test.each(evil)("an archive with %s is refused, and leaves nothing", async (_title, make) => {
    make();
    rmSync(at("b"), { force: true });
    await expect(extracted("a", { strip: 0 })).rejects.toMatchObject({ code: "state/archive" });
    expect(readdirSync(directory).toSorted()).toEqual(["a", "app"]);
  });

  test.each(["--gzip", "--xz"])(
    "an archive that unpacks to more than it may is refused (%s)",
    async (option) => {
      run("tar", "--create", option, "--file=a", "app");
      await expect(extracted("a", { bytesMax: 100_000 })).rejects.toMatchObject({
        code: "state/archive",
        message: expect.stringContaining("larger than `bytesMax`") as string,
      });
    },
  );

  test("an archive that was changed is refused before it is looked at", async () => {
    run("tar", "--create", "--file=a", "app");
    await expect(extracted("a", { sha256: "0".repeat(64) })).rejects.toMatchObject({
      code: "state/checksum",
    });
    expect(existsSync(at("out"))).toBe(false);
  });
});

describe("git.checkout", () => {
  const owner = userInfo().username;
  const git = (...words: string[]): string => run("git", "-C", "remote", ...words);
  const commit = (contents: string): string => {
    write("remote/file", contents);
    git("add", ".");
    git("commit", "--quiet", "--message", contents);
    return git("rev-parse", "HEAD");
  };
  const checkout = (more: object = {}): Promise<object> =>
    converge("git.checkout", at("out"), { remote: at("remote"), revision: "main", owner, ...more });
  let first: string;
  beforeEach(() => {
    run("git", "init", "--quiet", "--initial-branch=main", "remote");
    first = commit("one");
  });

  test("a branch is followed, a tag and a commit are held", async () => {
    expect(Object.keys(await checkout())).toEqual(["remote", "commit"]);
    git("tag", "-a", "v1", "-m", "v1");
    const second = commit("two");
    expect(await checkout()).toEqual({ commit: { from: first, to: second } });
    expect(readFileSync(at("out/file"), "utf8")).toBe("two");
    await checkout({ revision: "v1" });
    expect(readFileSync(at("out/file"), "utf8")).toBe("one");
    await checkout({ revision: second });
    expect(await checkout({ revision: second })).toEqual({});
  });

  test("a commit that no branch holds any more is fetched, and is not mistaken for one of this machine", async () => {
    git("config", "uploadpack.allowAnySHA1InWant", "true");
    const lost = commit("two");
    git("reset", "--quiet", "--hard", first);
    await checkout({ revision: lost });
    expect(readFileSync(at("out/file"), "utf8")).toBe("two");
    await checkout();
    expect(readFileSync(at("out/file"), "utf8")).toBe("one");
  });

  test("changes that nobody committed are kept, unless by force", async () => {
    await checkout();
    write("out/file", "mine");
    await expect(checkout()).rejects.toThrow(/changes that were never committed/);
    expect(readFileSync(at("out/file"), "utf8")).toBe("mine");
    expect(await checkout({ force: true })).toEqual({ changed: { from: 1, to: 0 } });
    expect(readFileSync(at("out/file"), "utf8")).toBe("one");
  });

  test("commits that only this machine has are kept, unless by force", async () => {
    await checkout();
    run("git", "-C", "out", "commit", "--quiet", "--allow-empty", "--message", "mine");
    await expect(checkout()).rejects.toThrow(/commits that its remote does not have/);
    await checkout({ force: true });
    expect(run("git", "-C", "out", "rev-parse", "HEAD")).toBe(first);
  });

  test("hooks of the repository do not run", async () => {
    await checkout();
    write("out/.git/hooks/post-checkout", `#!/bin/sh\ntouch ${at("ran")}\n`);
    run("chmod", "0755", "out/.git/hooks/post-checkout");
    commit("two");
    await checkout();
    expect(existsSync(at("ran"))).toBe(false);
  });

  test("a directory that holds things and no repository is not touched", async () => {
    write("out/dear", "data");
    await expect(checkout()).rejects.toMatchObject({ code: "state/refused" });
    expect(readdirSync(at("out"))).toEqual(["dear"]);
  });

  test("a revision that is not there, and a remote that is not, are told of", async () => {
    await expect(checkout({ revision: "none" })).rejects.toThrow(/no branch and no tag none/);
    await expect(checkout({ remote: at("nowhere") })).rejects.toMatchObject({ code: "state/command-failed" });
  });

  test.each([
    { remote: "https://user:token@example.org/a.git" },
    { remote: "https://token@example.org/a.git" },
    { remote: "--upload-pack=touch /tmp/x" },
    { remote: "ext::sh -c whoami" },
    { revision: "--force" },
  ])("%j is no parameter", async (params) => {
    await expect(checkout(params)).rejects.toMatchObject({ code: "state/params" });
  });
});
