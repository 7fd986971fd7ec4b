/**
 * Goal: what `npm run build` makes is all that a machine needs, and the same commit gives the same bytes.
 * Method: the archives of a release unpacked elsewhere, and the main path of the demo walked with nothing but what is in
 * them; a second build of a copy of the sources that was moved, at another time, in another zone and language.
 */
import { execFile } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { HERE } from "../../installers/build.ts";
import { Fleet } from "../support/fleet.ts";
import { Receiver } from "../support/receiver.ts";
import type { RunDocument } from "../support/run.ts";
import { copySources } from "../support/sources-copy.ts";
import { CONFIRMED, wordState } from "../support/word-state.ts";

const execute = promisify(execFile);
/** Two programs for two architectures, on a machine that has other things to do. */
const BUILD_MS_MAX = 900_000;
const VERSION = "7.8.9";

const dir = mkdtempSync(join(tmpdir(), "boma-dist-"));
const out = join(dir, "out");
const keyFile = join(dir, "release.pem");
const pem = { format: "pem", type: "pkcs8" } as const;

/** The copy that is built, where it lies at the moment. */
let sources: string | undefined;

async function buildInto(where: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const build = [process.execPath, join(sources!, "installers/build.ts"), "--out", where];
  const words = [...build, "--level", "1", "--version", VERSION, "--sign", keyFile];
  await execute("sh", ["-c", 'umask "$1"; shift; exec "$@"', "sh", env["UMASK"] ?? "022", ...words], {
    env: { ...process.env, SOURCE_DATE_EPOCH: "1700000000", ...env },
  });
}

beforeAll(async () => {
  writeFileSync(keyFile, generateKeyPairSync("ed25519").privateKey.export(pem), { mode: 0o600 });
  sources = await copySources();
  await buildInto(out);
  for (const name of ["agent", "master"])
    await execute("tar", ["-xzf", join(out, `boma-${name}-${VERSION}-linux-${HERE}.tar.gz`), "-C", dir]);
}, BUILD_MS_MAX);
afterAll(() => {
  for (const path of [dir, sources]) if (path !== undefined) rmSync(path, { recursive: true, force: true });
});

const lib = (path: string): string => join(dir, "usr/lib", path);
const startFleet = () =>
  Fleet.start({
    programs: {
      agent: [lib("boma-agent/boma-agent")],
      master: [lib("boma-master/bin/node"), lib("boma-master/boma-master.mjs")],
    },
  });

const siteOf = (url: string): Readonly<Record<string, string>> => ({
  "states/word/kept.ts": wordState("word.kept", CONFIRMED),
  "states/words.ts": `import { file, template, tree } from "@boma/states";
import { z } from "zod";
import kept from "./word/kept.ts";
export default tree(z.object({ motd: z.string() }), ({ node, pillar }) => [
  kept("/word", { word: "said" }),
  file.managed("/hello", { contents: template("files/hello.eta", { id: node.id, motd: pillar.motd }) }),
]);
`,
  "files/hello.eta": "<%= it.id %>: <%= it.motd %>\n",
  "top.ts":
    'import { top } from "@boma/states";\nimport words from "./states/words.ts";\nexport default top({ "*": [words] });\n',
  "reactors/note.ts": `import { on } from "@boma/states";
export default on("node.assigned", async (event, boma) => {
  await boma.tell("noted", { whom: event.id ?? "nobody" });
});
`,
  "notifications.ts": `import { notifications, webhook } from "@boma/states";
export default notifications({ ops: { on: "node.assigned", to: webhook({ url: ${JSON.stringify(url)} }) } });
`,
});

function write(fleet: Fleet, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(fleet.home, "site", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

type Applied = RunDocument & { readonly nodes: Readonly<Record<string, { readonly return?: RunReport }>> };

describe("the archives of a release, unpacked far from the checkout", () => {
  let fleet: Fleet;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await Receiver.start();
    fleet = await startFleet();
    write(fleet, siteOf(receiver.url));
    await fleet.agent("box", { env: "dev" });
  });
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
  });

  test("say the version that they were built as", async () => {
    expect((await fleet.ok("--version")).trim()).toBe(VERSION);
    const { value } = await fleet.json<{ nodes: { version?: string }[] }>("run", "box", "agent.status");
    expect(JSON.stringify(value)).toContain(`"version":"${VERSION}"`);
  });

  test("type-check and compile a site with templates, a pillar and a state of its own", async () => {
    const { code, value } = await fleet.json<{ ok: boolean }>("check");
    expect({ code, value }).toMatchObject({ code: 0, value: { ok: true } });
    write(fleet, { "states/bad.ts": 'export const wrong: number = "text";\n' });
    const wrong = await fleet.run("check");
    expect(wrong.code).not.toBe(0);
    expect(wrong.stdout + wrong.stderr).toContain("states/bad.ts:1");
    rmSync(join(fleet.home, "site/states/bad.ts"));
  });

  test("apply it: the agent loads the site's own state as signed code, and a second time there is nothing to do", async () => {
    const first = await fleet.json<Applied>("run", "box", "state.apply");
    expect(first.code, JSON.stringify(first.value)).toBe(0);
    expect(readFileSync(join(fleet.dir, "box/word"), "utf8")).toBe("said");
    expect(readFileSync(join(fleet.dir, "box/hello"), "utf8")).toMatch(/^box: ./);
    const second = await fleet.json<Applied>("run", "box", "state.apply");
    expect(second.value.nodes["box"]!.return!.results.every(({ result }) => result === "ok")).toBe(true);
  });

  test("take a change back that nobody could confirm: the dead-man is the same program", async () => {
    const word = join(fleet.dir, "box/word");
    const site = siteOf(receiver.url);
    write(fleet, {
      "states/words.ts": site["states/words.ts"]!.replace('"said"', '"cut off"'),
      // It writes and never comes to its end, so that nobody can confirm it however slow this machine is.
      "states/word/kept.ts": site["states/word/kept.ts"]!.replace(
        "files.write(path, word!.to)",
        "files.write(path, word!.to).then(() => Promise.withResolvers<void>().promise)",
      ),
    });
    const watching = fleet.spawn("run", "box", "state.apply", "--json");
    await expect.poll(() => readFileSync(word, "utf8"), { timeout: 60_000, interval: 5 }).toBe("cut off");
    fleet.agents.get("box")!.signal("SIGKILL");
    await expect.poll(() => readFileSync(word, "utf8"), { timeout: 60_000 }).toBe("said");
    await watching[Symbol.asyncDispose]();
    write(fleet, site);
    await fleet.restart("box");
  });

  test("run the site's reactors, and tell webhooks", async () => {
    await fleet.ok("reactor", "allow", "note", "--run", "test.ping@env:dev");
    // The list is of what the master has read of the site.
    expect(await fleet.ok("reactor", "list")).toContain("note");
    const noted = fleet.event("reactor.said", ({ data }) => data["name"] === "noted");
    await fleet.ok("assign", "box", "rack=A1");
    await receiver.until(({ length }) => length >= 1);
    expect(receiver.received[0]!.body).toContain('"rack":"A1"');
    expect((await noted).data).toMatchObject({ value: { whom: "box" } });
  });

  test("verify the audit, and bring a verifier that needs nothing else", async () => {
    expect((await fleet.json<{ ok: boolean }>("audit", "verify")).value).toMatchObject({ ok: true });
    const exported = join(dir, "audit.boma");
    const said = await fleet.ok("audit", "export", exported);
    const root = /--root (\S+)/.exec(said)![1]!;
    const { stdout } = await execute(lib("boma-master/bin/node"), [
      lib("boma-master/packages/master/src/audit/audit-verify.mjs"),
      exported,
      "--root",
      root,
    ]);
    expect(stdout).toMatch(/record/);
  });

  test("apply a tree in TypeScript or YAML without a master", async () => {
    const tree = join(dir, "tree.ts");
    writeFileSync(
      tree,
      'import { file, tree } from "@boma/states";\nexport default tree(() => [file.managed("/one", { contents: "1" })]);\n',
    );
    const words = ["apply", tree, "--root", join(dir, "alone"), "--home", join(dir, "alone-home"), "--json"];
    mkdirSync(join(dir, "alone"));
    const { stdout } = await execute(lib("boma-agent/boma-agent"), words);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    expect(readFileSync(join(dir, "alone/one"), "utf8")).toBe("1");
  });
});

const digests = (where: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(where, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(where, name)))
          .digest("hex"),
      ]),
  );

test("nothing in a release says where it was built", async () => {
  const { stdout } = await execute("grep", ["-rlF", sources!, join(dir, "usr")]).catch(
    (thrown: { stdout: string }) => thrown,
  );
  expect(stdout).toBe("");
});

test(
  "a second build, later, elsewhere, in another zone and language and with another umask, gives the same bytes for both architectures",
  async () => {
    const again = join(dir, "again");
    mkdirSync(again);
    chmodSync(again, 0o700);
    const moved = `${sources}-elsewhere`;
    renameSync(sources!, moved);
    sources = moved;
    await buildInto(again, { UMASK: "077", TZ: "Pacific/Auckland", LC_ALL: "C", TMPDIR: again });
    const [first, second] = [digests(out), digests(again)];
    expect(second).toEqual(first);
    for (const arch of ["amd64", "arm64"])
      for (const name of ["agent", "master"])
        expect(Object.keys(first)).toContain(`boma-${name}_${VERSION}_${arch}.deb`);
  },
  BUILD_MS_MAX,
);
