import { execFile } from "node:child_process";
/** What `boma-master import-sls` reads, writes and never writes over, and how it ends. No master is asked. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { program } from "../support/programs.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "boma-sls-"));
  mkdirSync(join(dir, "web"));
  writeFileSync(
    join(dir, "web/init.sls"),
    "include: [base]\nnginx:\n  pkg.installed:\n    - require: [{pkg: curl}]\n",
  );
  writeFileSync(join(dir, "base.sls"), "curl: pkg.installed\n");
  writeFileSync(join(dir, "half.sls"), "curl: pkg.installed\nx: docker_container.running\n");
  writeFileSync(join(dir, "none.sls"), "x: docker_container.running\n");
  writeFileSync(join(dir, "latin.sls"), Buffer.from([0x61, 0xe4, 0x3a, 0x0a]));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> =>
  new Promise((done) =>
    execFile(
      process.execPath,
      [program("master"), "import-sls", ...args],
      { cwd: dir },
      (error, stdout, stderr) => done({ code: error?.code ?? 0, stdout, stderr }),
    ),
  );

test("a tree goes to standard output, what is said of it beside it, and all that was translated ends with 0", async () => {
  const { code, stdout, stderr } = await run("web/init.sls", "base.sls");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "all of it was translated\n" });
  expect(stdout.indexOf("pkg.installed: curl")).toBeLessThan(stdout.indexOf("pkg.installed: nginx"));
});

test("with something left out the tree is written all the same, and it ends with 1", async () => {
  const { code, stdout } = await run("half.sls", "-o", "half.yaml");
  expect(code).toBe(1);
  expect(stdout).toContain("half.sls:2");
  expect(readFileSync(join(dir, "half.yaml"), "utf8")).toContain("- pkg.installed: curl");
});

test("a file that is there is written over with --force only", async () => {
  writeFileSync(join(dir, "kept.yaml"), "mine");
  const refused = await run("base.sls", "-o", "kept.yaml");
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(readFileSync(join(dir, "kept.yaml"), "utf8")).toBe("mine");
  expect(await run("base.sls", "-o", "kept.yaml", "--force")).toMatchObject({ code: 0 });
  expect(readFileSync(join(dir, "kept.yaml"), "utf8")).toContain("curl");
});

test("--out writes a tree for each file, and none where nothing could be translated", async () => {
  expect(await run("web/init.sls", "base.sls", "none.sls", "--out", "trees")).toMatchObject({ code: 1 });
  expect(["web.yaml", "base.yaml", "none.yaml"].map((name) => existsSync(join(dir, "trees", name)))).toEqual([
    true,
    true,
    false,
  ]);
});

test("--json is one document, with the tree and the findings", async () => {
  const { code, stdout, stderr } = await run("half.sls", "--json");
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({
    tree: expect.stringContaining("- pkg.installed: curl"),
    findings: [
      { level: "left-out", file: "half.sls", line: 2, column: 1, what: "x: docker_container.running" },
    ],
  });
});

test.each([[["gone.sls"]], [["latin.sls"]], [["web"]], [["base.sls", "-o", "a", "--out", "b"]], [[]]])(
  "%j ends with 2",
  async (args) => {
    expect(await run(...args)).toMatchObject({ code: 2, stdout: "" });
  },
);
