/**
 * The site's own states from their source to a node that runs them: built and
 * signed as `boma-master bundle build` does, sent over a real bus, and loaded by
 * a process of its own, from source and from the built program.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { newSigningKey, signBundle } from "@boma/protocol";
import { builtInSpecs } from "@boma/states";
import { rolldown } from "rolldown";
import { beforeAll, afterAll, describe, expect, test } from "vitest";

import { Bundles } from "../../packages/agent/src/bundles.ts";
import type { Bus } from "../../packages/agent/src/bus.ts";
import { type Built, buildBundle } from "../../packages/master/src/bundles/build-bundle.ts";
import { BundleShelf } from "../../packages/master/src/bundles/bundle-shelf.ts";
import { createReleaseKey, releaseKeyFile } from "../../packages/master/src/bundles/release-key.ts";
import { SiteBundles } from "../../packages/master/src/bundles/site-bundles.ts";
import { homeAt, makeHome } from "../../packages/master/src/home.ts";
import { Chunks } from "../../packages/master/src/mail/chunks.ts";
import { Store } from "../../packages/master/src/store/store.ts";
import { startTestBus } from "../support/nats.ts";

const KINDS = [{ name: "site.greeting", file: "states/greeting.ts" }];
const GREETING = `
import { BYTES } from "./bytes.ts";
import { type Changes, defineState } from "@boma/states";
import { z } from "zod";

export default defineState({
  name: "site.greeting",
  summary: "A word in a file.",
  key: "path",
  params: z.strictObject({ path: z.string(), word: z.string().max(BYTES).default("hello") }),
  async check({ word }): Promise<Changes<{ word: string }>> {
    return { word: { from: undefined, to: word } };
  },
  async apply(): Promise<void> {},
  examples: [],
});
`;

let dir: string;
let site: string;
let built: Built;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "boma-bundles-"));
  site = join(dir, "site");
  mkdirSync(join(site, "states"), { recursive: true });
  writeFileSync(join(site, "states/greeting.ts"), GREETING);
  writeFileSync(join(site, "states/bytes.ts"), "export const BYTES: number = 100;\n");
  built = await buildBundle(site, KINDS);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A master's home with a release key, beside the site. */
function newHome(name: string, { key = true } = {}) {
  const home = homeAt(join(dir, name));
  makeHome(home);
  const release = key ? createReleaseKey(releaseKeyFile(home)) : newSigningKey();
  return { home, release, bundles: new SiteBundles(home, site, () => ({ release: release.publicKey })) };
}

describe("the master", () => {
  test("signs with the release key where it has it, keeps what it signed in the site, and builds once for a site that stays", async () => {
    const { release, bundles } = newHome("with-key");
    const first = (await bundles.current(KINDS))!;
    expect(first.digest).toBe(built.manifest.digest);
    expect(await bundles.current(KINDS)).toBe(first);
    expect(bundles.get(first.digest)).toBe(first);
    expect(new BundleShelf(site).signatureOf(first.digest, release.publicKey)).toEqual(
      new Uint8Array(first.manifest),
    );
    expect(await bundles.current([])).toBeNull();
  });

  test("without the key sends nothing that was not signed elsewhere, and sends what was", async () => {
    const { release, bundles } = newHome("without-key", { key: false });
    await expect(bundles.current(KINDS)).rejects.toMatchObject({ code: "bundle/unsigned" });
    // What was signed by another key counts for nothing.
    new BundleShelf(site).put(built, signBundle(built.manifest, newSigningKey()));
    await expect(bundles.current([...KINDS])).rejects.toMatchObject({ code: "bundle/unsigned" });
    new BundleShelf(site).put(built, signBundle(built.manifest, release));
    expect(await bundles.current([...KINDS])).toMatchObject({ digest: built.manifest.digest });
  });

  test("does not sign with a key that is not the one which nodes know", async () => {
    const { home } = newHome("other-key");
    const known = newSigningKey();
    const bundles = new SiteBundles(home, site, () => ({ release: known.publicKey }));
    await expect(bundles.current(KINDS)).rejects.toMatchObject({
      code: "bundle/unsigned",
      message: expect.stringContaining("not the one that nodes know") as string,
    });
  });
});

test("a node fetches it over the bus by the digest alone, and its state checks with the agent's own language", async () => {
  await using bus = await startTestBus();
  const { release, bundles } = newHome("sends");
  const sent = (await bundles.current(KINDS))!;
  const user = await bus.agent();
  const chunks = new Chunks(await Store.open(await bus.ctrl(), new Uint8Array(32)), (key) => key);
  await chunks.putBundle(user.key, sent);
  const agentBus: Bus = {
    async request(subject, data, { timeoutMs }) {
      const answer = await user.connection.request(subject, data, { timeout: timeoutMs });
      return { data: answer.data, status: answer.headers?.code ?? 0 };
    },
    subscribe: () => undefined,
    connected: () => Promise.resolve(),
  };
  const told: unknown[] = [];
  const node = new Bundles({
    dir: join(dir, "node"),
    bus: agentBus,
    key: () => user.key,
    release: () => release.publicKey,
    builtIn: async () => builtInSpecs,
    refused: (...refused) => told.push(refused),
  });
  const { "site.greeting": spec } = await node.load(sent.digest, AbortSignal.timeout(20_000));
  const want = spec!.params.parse({ path: "/x" });
  expect(await spec!.check(want, {} as never)).toEqual({ word: { from: undefined, to: "hello" } });
  expect(told).toEqual([]);
});

/** What the agent does with a bundle that is on its disk, as a program by itself. */
const LOADER = `
import { loadBundle } from ${JSON.stringify(fileURLToPath(new URL("../../packages/agent/src/bundle-loader.ts", import.meta.url)))};
const specs = loadBundle(process.argv[2], ["site.greeting"], {});
console.log(JSON.stringify(specs["site.greeting"].params.parse({ path: "/x" })));
`;

describe("a process loads it", () => {
  const run = (program: string): string => {
    const file = join(dir, `${built.manifest.digest}.mjs`);
    writeFileSync(file, readFileSync(new BundleShelf(site).dir + `/${built.manifest.digest}.mjs`));
    const { stdout, stderr } = spawnSync(process.execPath, [program, file], { encoding: "utf8", cwd: "/" });
    return stdout.trim() || stderr;
  };

  test("from source", () => {
    new BundleShelf(site).put(built, signBundle(built.manifest, newSigningKey()));
    const program = join(dir, "from-source.ts");
    writeFileSync(program, LOADER);
    expect(run(program)).toBe('{"path":"/x","word":"hello"}');
  });

  test("from one built file that stands alone", async () => {
    new BundleShelf(site).put(built, signBundle(built.manifest, newSigningKey()));
    const input = join(dir, "built.ts");
    writeFileSync(input, LOADER);
    const bundled = await rolldown({ input, platform: "node", onLog: () => undefined });
    const program = join(dir, "built.mjs");
    await bundled.write({ file: program, format: "esm", codeSplitting: false });
    await bundled.close();
    expect(run(program)).toBe('{"path":"/x","word":"hello"}');
  });
});
