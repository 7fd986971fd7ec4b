/** Goal: whatever a reactor's code does, it is contained and named, and the others go on. */
import type { SequencedEvent } from "@boma/protocol";
import { describe, expect, test } from "vitest";

import { withReactors } from "../../packages/master/src/reactors/reactor-faults.ts";
import { Interrupted, ReactorProcess } from "../../packages/master/src/reactors/reactor-process.ts";
import type { Act } from "../../packages/master/src/reactors/reactor-words.ts";
import { reactorFiles } from "../../packages/master/src/reactors/site-reactor.ts";
import { placed, TestSite } from "../support/site.ts";

const reactorOf = (...body: readonly string[]) =>
  [
    'import { on } from "@boma/states";',
    'export default on("node.connected", async (event, boma: any) => {',
    ...body,
    "});",
    "",
  ].join("\n");

const EVENT = {
  uid: "u",
  at: 1,
  sequence: 7,
  kind: "node.connected",
  id: "n1",
  node: "UA",
  data: { address: "x", since: 1 },
} as SequencedEvent;

/** What a reactor asked for, answered with its number. */
function handled(process: ReactorProcess, file: string, signal = new AbortController().signal) {
  const acts: Act[] = [];
  const notes: string[] = [];
  const ended = process.handle({
    file: `reactors/${file}.ts`,
    export: "default",
    event: EVENT,
    act: async (act, number) => {
      acts.push(act);
      return number;
    },
    note: (text) => notes.push(text),
    signal,
  });
  return { acts, notes, ended };
}

const QUICK = { busyMs: 1500, memoryMiB: 64 };

async function started(files: Readonly<Record<string, string>>, limits = QUICK) {
  const site = new TestSite(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`reactors/${name}.ts`, text])),
  );
  const process = new ReactorProcess(site.dir, limits);
  // Types are stripped and modules loaded before the clock of a slow machine can matter.
  for (const name of Object.keys(files)) await process.load(`reactors/${name}.ts`).catch(() => undefined);
  return {
    process,
    [Symbol.asyncDispose]: async () => {
      await process.close();
      site[Symbol.dispose]();
    },
  };
}

const refused = (ended: Promise<unknown>): Promise<Error> =>
  ended.then(
    () => new Error("it was accepted"),
    (thrown: unknown) => thrown as Error,
  );

describe("a reactor that means no good", () => {
  test.each([
    ["loops", "for (;;);"],
    ["loops after an answer", "await boma.tell('a'); for (;;);"],
    ["gives turns to nobody but itself", "for (;;) await 0;"],
    ["waits for nobody", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);"],
  ])("and %s is named, while one that waits was only interrupted", async (_what, body) => {
    await using running = await started({ bad: reactorOf(body), good: reactorOf("await boma.tell('x');") });
    const { process } = running;
    const never = new Promise<void>(() => undefined);
    const waiting = process.handle({
      file: "reactors/good.ts",
      export: "default",
      event: EVENT,
      act: () => never,
      note: () => undefined,
      signal: new AbortController().signal,
    });
    const [bad, good] = await Promise.all([refused(handled(process, "bad").ended), refused(waiting)]);
    expect(bad).toMatchObject({ code: "site/time" });
    expect(good).toBeInstanceOf(Interrupted);
    expect(process.alive).toBe(false);
  });

  test.each([
    ["values", "const all: unknown[] = []; for (;;) all.push(new Array(1000).fill(1.5));"],
    [
      "bytes",
      "const all: unknown[] = []; for (;;) { all.push(new Uint8Array(1e7).fill(1)); await boma.tell('a').catch(() => 0); }",
    ],
  ])("and fills the memory with %s is named as that", async (_what, body) => {
    await using running = await started({ bad: reactorOf(body) }, { busyMs: 30_000, memoryMiB: 64 });
    expect(await refused(handled(running.process, "bad").ended)).toMatchObject({ code: "site/memory" });
  });

  test.each([
    ["a text", "throw 'no';", /it threw no/],
    ["nothing", "throw undefined;", /it threw undefined/],
    [
      "what cannot be shown",
      "throw { get stack() { throw 1; }, toString() { throw 1; } };",
      /cannot be shown/,
    ],
    ["an error", "throw new Error('told');", /bad\.ts:3:\d+: told/],
  ])("and throws %s is told so with what can be said", async (_what, body, text) => {
    await using running = await started({ bad: reactorOf(body) });
    expect((await refused(handled(running.process, "bad").ended)).message).toMatch(text);
    expect(running.process.alive).toBe(true);
  });

  test("and never ends is let go of when its time is over, and the next event is handled", async () => {
    await using running = await started({
      bad: reactorOf("await new Promise(() => undefined);"),
      good: reactorOf("await boma.tell('x');"),
    });
    const over = new AbortController();
    const { ended } = handled(running.process, "bad", over.signal);
    const good = handled(running.process, "good");
    await good.ended;
    over.abort(new Error("late"));
    expect((await refused(ended)).message).toBe("late");
    await handled(running.process, "good").ended;
    expect(good.acts).toEqual([{ do: "tell", name: "x" }]);
  });

  test("and tells more than an event holds is told how much that was, and where", async () => {
    await using running = await started({
      bad: reactorOf("await boma.tell('big', 'x'.repeat(20_000));"),
      huge: reactorOf("await boma.tell('huge', 'x'.repeat(10_000_000));"),
    });
    const bad = await refused(handled(running.process, "bad").ended);
    expect(bad.message).toMatch(/bad\.ts:3:\d+: .*boma\.tell\("big"\) holds 20003 bytes, and may hold 16384/);
    const huge = handled(running.process, "huge");
    expect((await refused(huge.ended)).message).toContain("and may hold 16384");
    expect({ acts: huge.acts, alive: running.process.alive }).toEqual({ acts: [], alive: true });
  });

  test("and ends without waiting for what it asked is told so", async () => {
    await using running = await started({ bad: reactorOf("void boma.run('*', 'test.ping');") });
    const { notes, ended } = handled(running.process, "bad");
    await ended;
    expect(notes.join("\n")).toContain("it ended while 1 of what it asked for was under way");
  });

  test("and floods the master is refused from the hundredth thing on", async () => {
    await using running = await started(
      {
        bad: reactorOf(
          "let denied = '';",
          "for (let i = 0; i < 300; i++) boma.tell('x', i).catch((e: any) => { denied = e.code; });",
          "for (let i = 0; i < 300; i++) console.log(i);",
          "await 0; await 0; await 0;",
          "throw new Error(denied);",
        ),
      },
      { busyMs: 30_000, memoryMiB: 64 },
    );
    const { acts, notes, ended } = handled(running.process, "bad");
    expect((await refused(ended)).message).toContain("reactor/limit");
    expect([acts.length, notes.length]).toEqual([100, 100]);
  });

  test.each([
    ["a function that is none", "await boma.run('n1', 7);", /Invalid input/],
    ["an option that is none", "await boma.run('n1', 'test.ping', {}, { wiat: false });", /wiat/],
    ["a value that cannot travel", "const a: any = {}; a.a = a; await boma.tell('x', a);", /./],
    ["a name that is none", "await boma.tell('no name');", /a name matches/],
  ])("and asks with %s is told so at its line", async (_what, body, text) => {
    await using running = await started({ bad: reactorOf(body) });
    const { acts, ended } = handled(running.process, "bad");
    expect((await refused(ended)).message).toMatch(text);
    expect(acts).toEqual([]);
  });

  test("reaches neither files, network, environment, processes nor clocks", async () => {
    const g = "(globalThis as any)";
    const tries = [
      `${g}.process.kill(${g}.process.ppid, 9)`,
      `${g}.process.env`,
      `${g}.fetch("http://127.0.0.1:1/")`,
      `${g}.setTimeout(() => 0, 1)`,
      `${g}.require("fs")`,
      `await import("node:fs")`,
      `await import("/etc/passwd")`,
      `new Function("return process")().pid`,
    ];
    await using running = await started({
      bad: reactorOf(
        "const seen: string[] = [];",
        ...tries.map((text) => `try { seen.push(String(${text})); } catch { seen.push("refused"); }`),
        "await boma.tell('seen', seen);",
      ),
    });
    const { acts, ended } = handled(running.process, "bad");
    await ended;
    expect(acts).toEqual([{ do: "tell", name: "seen", value: tries.map(() => "refused") }]);
  });

  test("in a file that cannot be loaded is named, and the files beside it are loaded", async () => {
    const line = (text: string) => `import { on } from "@boma/states";\n${text}\n`;
    using site = new TestSite({
      "reactors/a-kind.ts": line('export default on("node.enroled" as any, () => undefined);'),
      "reactors/b-target.ts": line(
        'export default on("node.enrolled", { target: "env:" }, () => undefined);',
      ),
      "reactors/c-none.ts": line("on('node.enrolled', () => undefined);"),
      "reactors/d-syntax.ts": line("export default on(;"),
      "reactors/e-option.ts": line(
        'export default on("node.enrolled", { limits: "1/m" } as any, () => undefined);',
      ),
      "reactors/f-never.ts": line('export default on("reactor.fired" as any, () => undefined);'),
      "reactors/g-import.ts": line('import "node:fs";'),
      "reactors/Wrong.Name.ts": line('export default on("node.enrolled", () => undefined);'),
      "reactors/z-good.ts": line(
        'export const a = on("node.enrolled", () => undefined);\nexport default on(["job.finished", "node.revoked"], { limit: "1/s" }, (event) => void event.data);',
      ),
    });
    const { reactors, errors } = await withReactors(
      site.dir,
      reactorFiles(site.dir),
      async (loaded) => loaded,
    );
    expect(reactors.map(({ name, kinds }) => [name, kinds])).toEqual([
      ["z-good/a", ["node.enrolled"]],
      ["z-good", ["job.finished", "node.revoked"]],
    ]);
    expect(errors.map((error) => placed(error)).map(({ code, file, line: at }) => [code, file, at])).toEqual([
      ["site/reactor", "reactors/Wrong.Name.ts", undefined],
      ["site/reactor", "reactors/a-kind.ts", 2],
      ["target/syntax", "reactors/b-target.ts", 2],
      ["site/reactor", "reactors/c-none.ts", 1],
      ["site/broken", "reactors/d-syntax.ts", 2],
      ["site/reactor", "reactors/e-option.ts", 2],
      ["site/reactor", "reactors/f-never.ts", 2],
      ["site/import", "reactors/g-import.ts", 2],
    ]);
    expect(errors[1]!.hint).toContain("node.enrolled");
    expect(errors[5]!.hint).toContain("limit");
  });
});
