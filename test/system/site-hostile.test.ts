/** Goal: whatever a site's code does, the master gets an error that names the place, and the next request works. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Compiled } from "../../packages/master/src/site/site-compiler.ts";
import type { SiteError } from "../../packages/master/src/site/site-error.ts";
import { fence, LIMITS } from "../../packages/master/src/site/site-process.ts";
import {
  IMPORTS,
  treeOf,
  MOTD,
  node,
  open,
  one,
  compiled,
  QUICK,
  refusal,
  placed,
  TestSite,
} from "../support/site.ts";

describe("code that means no good", () => {
  test("in a loop is ended, named with its line, and does not hinder other nodes", async () => {
    await using opened = open(
      { "states/a.ts": treeOf('for (let x = 0; node.id === "n1";) {', "  x += Math.sin(x);", "}", MOTD) },
      QUICK,
    );
    const results = await opened.compiler.compile([node("n0"), node("n1"), node("n2")]);
    const [before, looped, after] = ["n0", "n1", "n2"].map((id) => results.get(`KEY-${id}`)!);
    expect(placed(looped as SiteError)).toMatchObject({ code: "site/time", file: "states/a.ts" });
    expect([3, 4]).toContain((looped as SiteError).place!.line);
    expect((looped as SiteError).message).toContain("n1");
    expect([before, after].map((result) => (result as Compiled).catalog.entries.length)).toEqual([1, 1]);
  });

  test("in a loop is named with its line also where other nodes were compiled before", async () => {
    await using opened = open(
      { "states/a.ts": treeOf('for (let x = 0; node.id === "n1";) {', "  x += Math.sin(x);", "}", MOTD) },
      QUICK,
    );
    await compiled(opened.compiler, node("n0"));
    const looped = (await one(opened.compiler, node("n1"))) as SiteError;
    expect(placed(looped)).toMatchObject({ code: "site/time", file: "states/a.ts" });
    expect([3, 4]).toContain(looped.place!.line);
    expect(looped.message).toContain("n1");
  });

  test.each([
    ["while a file is loaded", `${IMPORTS}\nlet x = 0;\nfor (;;) {\n  x = Math.sqrt(x + 1);\n}\n`, [4, 3]],
    ["that catches everything", treeOf("for (;;) { try { JSON.parse('{'); } catch {} }"), [3]],
    ["within a pattern", treeOf("/^(a+)+$/.test('a'.repeat(40) + 'b');", "return [];"), [3]],
    [
      "that waits for nobody",
      treeOf("Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);", "return [];"),
      [3],
    ],
  ])("in a loop %s is named with its line", async (_where, text, lines) => {
    const error = await refusal({ "states/a.ts": text }, QUICK);
    expect(placed(error)).toMatchObject({ code: "site/time", file: "states/a.ts" });
    expect(lines).toContain(error.place!.line);
  });

  test.each([
    ["values", "const all: unknown[] = [];", "for (;;) all.push(new Array(1000).fill(1.5));"],
    [
      "bytes outside of the heap",
      "const all: unknown[] = [];",
      "for (;;) all.push(new Uint8Array(1e7).fill(1));",
    ],
  ])("that fills the memory with %s is named as that", async (_what, ...body) => {
    const error = await refusal(
      { "states/a.ts": treeOf(...body) },
      { limits: { timeMs: 20_000, memoryMiB: 64 } },
    );
    expect(placed(error)).toEqual({ code: "site/memory", file: "states/a.ts" });
  });

  test("reaches neither files, processes, network, environment nor signals", async () => {
    const hits: string[] = [];
    const server = createServer((request) => hits.push(String(request.url))).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const g = "(globalThis as any)";
    const tries = [
      `${g}.process.kill(${g}.process.ppid, 9)`,
      `${g}.process.env`,
      `${g}.process.getBuiltinModule("fs")`,
      `${g}.fetch("http://127.0.0.1:${port}/")`,
      `${g}.setTimeout(() => 0, 1)`,
      `new Function("return process")().pid`,
      `${g}.require("fs")`,
      `new ${g}.WebSocket("ws://127.0.0.1:${port}/")`,
      `eval("process.mainModule")`,
    ];
    const body = tries.map((text) => `try { seen.push(String(${text})); } catch { seen.push("refused"); }`);
    await using opened = open({
      "states/a.ts": treeOf(
        "const seen: string[] = [];",
        ...body,
        'return [file.managed("/x", { contents: seen.join() })];',
      ),
    });
    const { catalog } = await compiled(opened.compiler);
    expect(catalog.entries[0]!.params["contents"]).toBe(tries.map(() => "refused").join());
    expect(hits).toEqual([]);
    server.close();
  });

  test("is behind a fence that holds without any help of ours", () => {
    const probe = `import { readFileSync, writeFileSync } from "node:fs"; import { spawnSync } from "node:child_process";
      import { connect } from "node:net"; import { Worker } from "node:worker_threads"; import { open } from "node:inspector";
      const tries = { read: () => readFileSync("/etc/passwd"), write: () => writeFileSync("./x", ""), own: () => writeFileSync(process.argv[1], ""),
        spawn: () => spawnSync("/bin/true"), worker: () => new Worker("0", { eval: true }), inspect: () => open(0),
        addon: () => process.dlopen({ exports: {} }, process.argv[1]), site: () => readFileSync(process.argv[1]) };
      for (const [name, work] of Object.entries(tries)) try { work(); console.log(name, "done"); } catch (e) { console.log(name, e.code); }
      connect(9, "127.0.0.1").on("error", (e) => console.log("net", e.code));`;
    using site = new TestSite({ "probe.mjs": probe });
    const { stdout } = spawnSync(
      process.execPath,
      [...fence(site.dir, LIMITS), join(site.dir, "probe.mjs")],
      {
        encoding: "utf8",
      },
    );
    const denied = ["read", "write", "own", "spawn", "worker", "inspect"].map(
      (name) => `${name} ERR_ACCESS_DENIED`,
    );
    expect(stdout.trim().split("\n")).toEqual([
      ...denied,
      "addon ERR_DLOPEN_DISABLED",
      "site done",
      "net ERR_ACCESS_DENIED",
    ]);
  });

  test("that gives too much is refused, and what it prints is bounded", async () => {
    const big = await refusal({
      "states/a.ts": treeOf('return [file.managed("/x", { contents: "x".repeat(40_000_000) })];'),
    });
    expect(big.message).toContain("is larger than");
    await using opened = open({
      "states/a.ts": treeOf('for (let i = 0; i < 5000; i++) console.log("loud", i);', "return [];"),
    });
    await compiled(opened.compiler);
    expect(opened.notes).toHaveLength(100);
    expect(opened.notes[0]).toBe("states/a.ts:3: loud 0");
  });

  test("leaves the compiler able to answer once it is mended", async () => {
    await using opened = open({ "states/a.ts": treeOf("for (;;);") }, QUICK);
    expect(placed((await one(opened.compiler)) as SiteError)).toMatchObject({ code: "site/time" });
    opened.site.write("states/a.ts", treeOf(MOTD));
    expect((await compiled(opened.compiler)).catalog.entries).toHaveLength(1);
  });
});
