/**
 * Goal: a site's own states run on nodes as signed code and as nothing else, and
 * a change that cuts a node off undoes itself.
 * Method: a real master with a real site, a real agent confined below a root; the
 * master is frozen, the agent killed, the bundle tampered with.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type RunDocument } from "../support/run.ts";
import { CONFIRMED, wordState } from "../support/word-state.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { env: "dev" });
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

type Ended = RunDocument & { readonly nodes: Readonly<Record<string, { readonly return?: RunReport }>> };
const apply = () => fleet.json<Ended>("run", "box", "state.apply");
const onNode = (path: string): string => join(fleet.dir, "box", path);
const content = (path: string): string | undefined =>
  existsSync(onNode(path)) ? readFileSync(onNode(path), "utf8") : undefined;

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(fleet.home, "site", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const site = (name: string, word: string, more = ""): Record<string, string> => ({
  "top.ts": `import { top } from "@boma/states";\nimport words from "./states/words.ts";\nexport default top({ "*": [words] });\n`,
  "states/words.ts": `import { tree } from "@boma/states";\nimport word from "./acme/word.ts";\nexport default tree(() => [word("/word", { word: "${word}" })]);\n`,
  "states/acme/word.ts": wordState(name, more),
});

beforeEach(() => {
  rmSync(join(fleet.home, "site"), { recursive: true, force: true });
  rmSync(onNode("word"), { force: true });
});

describe("a state of the site's own", () => {
  test("travels as a signed bundle, runs on the node, and a change of it is another bundle", async () => {
    write(site("acme.word", "one"));
    const first = await apply();
    expect(first.value.nodes["box"]).toMatchObject({ status: "changed" });
    expect(content("word")).toBe("one");
    expect((await apply()).value.nodes["box"]).toMatchObject({ status: "ok" });
    write({
      "states/acme/word.ts": wordState("acme.word")
        .replace("word!.to)", "word!.to)")
        .replace("{ word: await files.readText(path) }", "{ word: (await files.readText(path)).trim() }"),
    });
    expect((await apply()).value.nodes["box"]).toMatchObject({ status: "ok" });
    expect(readdirSync(onNode("boma/agent/bundles")).filter((name) => name.endsWith(".mjs")).length).toBe(2);
  });

  test("that was tampered with on the node's disk is refused and told, and fetched anew by the next job", async () => {
    // Else a look of the agent's own may find it before the apply does, and remove it.
    const unwatched = (word: string) => ({
      ...site("acme.word", word),
      "states/words.ts": site("acme.word", word)
        ["states/words.ts"]!.replace("{ tree }", "{ agent, tree }")
        .replace("[word(", '[agent.drift("node", { atOnce: false }), word('),
    });
    write(unwatched("one"));
    expect((await apply()).value.nodes["box"]).toMatchObject({ status: "changed" });
    // The first one comes by itself within half a minute of the first apply; the next in hours.
    await fleet.event("drift.checked");
    // It may still have a look at what it watches from now on; what is asked for comes after that.
    await fleet.ok("run", "box", "drift.check");
    const dir = onNode("boma/agent/bundles");
    for (const name of readdirSync(dir).filter((one) => one.endsWith(".mjs"))) {
      rmSync(join(dir, name));
      writeFileSync(join(dir, name), `throw new Error("evil");`);
    }
    write({ "states/words.ts": unwatched("two")["states/words.ts"] });
    const refused = await apply();
    expect(refused.code).toBe(1);
    expect(refused.value.nodes["box"]).toMatchObject({ status: "failed", error: { code: "bundle/refused" } });
    expect(content("word")).toBe("one");
    const events = async () => (await fleet.json<{ id: string }[]>("events", "bundle.refused")).value;
    await expect.poll(async () => (await events()).map(({ id }) => id), { timeout: 20_000 }).toContain("box");
    expect((await apply()).value.nodes["box"]).toMatchObject({ status: "changed" });
    expect(content("word")).toBe("two");
  });
});

describe("a change that must be confirmed", () => {
  test("stays when the master is reached over a new connection", async () => {
    write(site("acme.risky", "new", CONFIRMED));
    expect((await apply()).value.nodes["box"]).toMatchObject({ status: "changed" });
    expect(content("word")).toBe("new");
    expect(readdirSync(onNode("boma/agent/undo"))).toEqual([]);
  });

  test("is taken back when the master cannot be reached, and the run says so once it is back", async () => {
    writeFileSync(onNode("word"), "old");
    write(site("acme.risky", "new", CONFIRMED));
    const running = fleet.spawn("run", "box", "state.apply", "--json");
    await expect.poll(() => content("word"), { timeout: 20_000, interval: 5 }).toBe("new");
    fleet.master.signal("SIGSTOP");
    try {
      await expect.poll(() => content("word"), { timeout: 20_000 }).toBe("old");
    } finally {
      fleet.master.signal("SIGCONT");
    }
    const { code, stdout } = await running.ended;
    expect(code).toBe(1);
    const result = (JSON.parse(stdout) as Ended).nodes["box"]!.return!.results[0]!;
    expect(result).toMatchObject({ result: "failed", error: { code: "state/reverted" } });
  });

  test("is taken back also when the agent is killed before it could be confirmed", async () => {
    writeFileSync(onNode("word"), "old");
    write(site("acme.risky", "new", CONFIRMED));
    const running = fleet.spawn("run", "box", "state.apply", "--json", "--timeout", "60s");
    await expect.poll(() => content("word"), { timeout: 20_000, interval: 5 }).toBe("new");
    fleet.master.signal("SIGSTOP");
    const agent = fleet.agents.get("box")!;
    agent.signal("SIGKILL");
    await agent.ended;
    try {
      await expect.poll(() => content("word"), { timeout: 20_000 }).toBe("old");
    } finally {
      fleet.master.signal("SIGCONT");
    }
    running.signal("SIGINT");
    await running.ended;
    await fleet.agent("box", { noToken: true });
  });
});
