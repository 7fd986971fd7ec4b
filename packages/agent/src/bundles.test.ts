import { createHash } from "node:crypto";
import { chmod, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  BUNDLE_API,
  type BundleManifest,
  type BomaError,
  CHUNK_BYTES_MAX,
  newSigningKey,
  signBundle,
  subjects,
} from "@boma/protocol";
import { type AnySpec, states } from "@boma/states";
import { describe, expect, test } from "vitest";

import { Bundles } from "./bundles.ts";
import type { BusMessage } from "./bus.ts";
import { memoryBus, temporaryDirectory } from "./testing/support.ts";

const KEY = `U${"A".repeat(55)}`;
const release = newSigningKey();
const builtIn: Readonly<Record<string, AnySpec>> = { "file.managed": states["file.managed"]!.spec };
const { signal } = new AbortController();

/** The code of a bundle as the master makes it, by hand. */
const codeOf = (kinds: string): string =>
  `const { defineState } = globalThis[Symbol.for("boma.states")]; export const kinds = [${kinds}];`;
const kind = (name: string, more = ""): string =>
  `[${JSON.stringify(name)}, defineState({ name: ${JSON.stringify(name)}, key: "path", params: {}, summary: "",
    examples: [], async check() { return {}; }, async apply() {}, ${more} })]`;

interface Made {
  readonly digest: string;
  readonly parts: readonly Uint8Array[];
}

function bundle(code: string, change: Partial<BundleManifest> = {}, key = release): Made {
  const bytes = Buffer.from(code);
  const digest = createHash("sha256").update(bytes).digest("hex");
  const manifest = { digest, bytes: bytes.length, api: BUNDLE_API, states: ["site.motd"], ...change };
  return { digest, parts: [signBundle(manifest, key), bytes] };
}
/** No two are alike: what was loaded once in this process is not loaded again. */
let count = 0;
const motd = (): Made => bundle(`${codeOf(kind("site.motd"))} // ${count++}`);

async function node() {
  const home = await temporaryDirectory();
  const dir = join(home.path, "bundles");
  const held = new Map<string, Uint8Array>();
  const told: { digest: string; error: BomaError }[] = [];
  let pinned: Uint8Array | undefined = release.publicKey;
  const bus = memoryBus(({ subject }): BusMessage => {
    const data = held.get(subject);
    return data ? { data, status: 0 } : { data: new Uint8Array(), status: 404 };
  });
  const open = () =>
    new Bundles({
      dir,
      durable: false,
      bus,
      key: () => KEY,
      release: () => pinned,
      builtIn: () => Promise.resolve(builtIn),
      refused: (digest, error) => told.push({ digest, error }),
    });
  return {
    bus,
    dir,
    told,
    open,
    offer: ({ digest, parts }: Made) =>
      parts.forEach((part, at) => held.set(subjects.readChunk(KEY, digest, at), part)),
    withdraw: () => held.clear(),
    pin: (key: Uint8Array | undefined) => (pinned = key),
    fileOf: ({ digest }: Made) => join(dir, `${digest}.mjs`),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}
const refused = (message: string) => ({
  code: "bundle/refused",
  message: expect.stringContaining(message) as string,
});

describe("a bundle of the site's own states", () => {
  test("is fetched by its digest, checked, loaded, and kept for the time without a bus", async () => {
    await using here = await node();
    const made = motd();
    here.offer(made);
    const specs = await here.open().load(made.digest, signal);
    expect(Object.keys(specs)).toEqual(["site.motd"]);
    expect(specs["site.motd"]).toMatchObject({ name: "site.motd", key: "path" });
    expect((await stat(here.fileOf(made))).mode & 0o777).toBe(0o400);
    expect((await stat(here.dir)).mode & 0o777).toBe(0o700);

    here.withdraw();
    expect(Object.keys(await here.open().load(made.digest, signal))).toEqual(["site.motd"]);
    expect(here.told).toEqual([]);
  });

  test("is loaded once in a process, however often and by how many it is asked for", async () => {
    await using here = await node();
    const made = bundle(`globalThis.bomaRuns = (globalThis.bomaRuns ?? 0) + 1; ${codeOf(kind("site.motd"))}`);
    here.offer(made);
    const bundles = here.open();
    const [a, b] = await Promise.all([bundles.load(made.digest, signal), bundles.load(made.digest, signal)]);
    expect(await bundles.load(made.digest, signal)).toBe(a);
    expect(b).toBe(a);
    expect((globalThis as { bomaRuns?: number }).bomaRuns).toBe(1);
    expect(here.bus.sent).toHaveLength(2);
  });

  test("of many parts is put together", async () => {
    await using here = await node();
    const code = Buffer.from(`${codeOf(kind("site.motd"))} // ${"x".repeat(CHUNK_BYTES_MAX)}`);
    const { digest, parts } = bundle(code.toString());
    here.offer({
      digest,
      parts: [parts[0]!, code.subarray(0, CHUNK_BYTES_MAX), code.subarray(CHUNK_BYTES_MAX)],
    });
    expect(Object.keys(await here.open().load(digest, signal))).toEqual(["site.motd"]);
  });

  test("that another key signed is refused and told, before any code is fetched", async () => {
    await using here = await node();
    const made = bundle(codeOf(kind("site.motd")), {}, newSigningKey());
    here.offer(made);
    await expect(here.open().load(made.digest, signal)).rejects.toMatchObject(refused("not signed"));
    expect(here.bus.sent).toHaveLength(1);
    expect(here.told).toMatchObject([{ digest: made.digest, error: { code: "bundle/refused" } }]);
  });

  test("is refused by a node whose root names no release key", async () => {
    await using here = await node();
    const made = motd();
    here.offer(made);
    here.pin(undefined);
    await expect(here.open().load(made.digest, signal)).rejects.toMatchObject(refused("no release key"));
    expect(here.told).toHaveLength(1);
  });

  test("whose code was altered on the way is refused, and nothing of it is kept", async () => {
    await using here = await node();
    const made = motd();
    const code = Buffer.from(made.parts[1]!);
    code[code.length - 1]! ^= 1;
    here.offer({ digest: made.digest, parts: [made.parts[0]!, code] });
    await expect(here.open().load(made.digest, signal)).rejects.toMatchObject(refused("not what was signed"));
    expect(here.told).toHaveLength(1);
    await expect(stat(here.fileOf(made))).rejects.toThrow();
  });

  test("that was altered on the disk is refused and told, and fetched anew by the next job", async () => {
    await using here = await node();
    const made = bundle(`${codeOf(kind("site.motd"))} // ${count++}`);
    here.offer(made);
    const bundles = here.open();
    await bundles.load(made.digest, signal);
    await chmod(here.fileOf(made), 0o600);
    await writeFile(here.fileOf(made), `globalThis.bomaPwned = true; ${codeOf(kind("site.motd"))}`);
    await expect(bundles.load(made.digest, signal)).rejects.toMatchObject(
      refused("altered on this node's disk"),
    );
    expect(here.told).toHaveLength(1);
    expect(globalThis).not.toHaveProperty("bomaPwned");
    expect(Object.keys(await bundles.load(made.digest, signal))).toEqual(["site.motd"]);
  });

  test("is not read through a link that lies in its place", async () => {
    await using here = await node();
    const made = motd();
    here.offer(made);
    await here.open().load(made.digest, signal);
    const elsewhere = join(here.dir, "..", "elsewhere");
    await writeFile(elsewhere, made.parts[1]!);
    await chmod(here.fileOf(made), 0o600);
    await rm(here.fileOf(made));
    await symlink(elsewhere, here.fileOf(made));
    await expect(here.open().load(made.digest, signal)).rejects.toMatchObject(refused("altered"));
  });

  test("that the former release key signed is fetched with the word of the new one", async () => {
    await using here = await node();
    const made = motd();
    here.offer(made);
    await here.open().load(made.digest, signal);
    const next = newSigningKey();
    here.pin(next.publicKey);
    here.withdraw();
    await expect(here.open().load(made.digest, signal)).rejects.toMatchObject({
      code: "wire/chunks-missing",
    });
    expect(here.told).toMatchObject([{ error: refused("not signed") }]);
    const manifest = {
      digest: made.digest,
      bytes: made.parts[1]!.length,
      api: BUNDLE_API,
      states: ["site.motd"],
    };
    here.offer({ digest: made.digest, parts: [signBundle(manifest, next), made.parts[1]!] });
    expect(Object.keys(await here.open().load(made.digest, signal))).toEqual(["site.motd"]);
  });

  test.each([
    [
      "throws when it is loaded",
      `throw new Error("no such thing"); export const kinds = []`,
      "no such thing",
    ],
    ["does not parse", "export const kinds = [", "its code fails"],
    ["waits at its top", `await 0; ${codeOf(kind("site.motd"))}`, "its code fails"],
    ["exports nothing", "export const other = 1;", "it holds no states"],
    ["brings what is no state", `export const kinds = [["site.motd", { spec: {} }]];`, "it holds no states"],
    ["brings a state that cannot check", codeOf(kind("site.motd", "check: 1")), "site.motd is not a state"],
    [
      "brings a state under another name",
      codeOf(kind("site.other").replace("site.other", "site.motd")),
      "calls itself",
    ],
    ["brings a state twice", codeOf(`${kind("site.motd")}, ${kind("site.motd")}`), "in it twice"],
    ["brings a state of boma's own", codeOf(kind("file.managed")), "a state of boma's own"],
    [
      "brings more than was signed",
      codeOf(`${kind("site.motd")}, ${kind("site.more")}`),
      "but site.motd was signed",
    ],
    ["brings less than was signed", codeOf(""), "it brings nothing"],
  ])("that %s is refused in clear words, and told", async (_, code, words) => {
    await using here = await node();
    const made = bundle(code);
    here.offer(made);
    await expect(here.open().load(made.digest, signal)).rejects.toMatchObject(refused(words));
    expect(here.told).toHaveLength(1);
  });

  test("that is not on the bus is an error that says so, and no alarm", async () => {
    await using here = await node();
    await expect(here.open().load("ab".repeat(32), signal)).rejects.toMatchObject({
      code: "wire/chunks-missing",
      message: expect.stringContaining("not on the bus") as string,
    });
    expect(here.told).toEqual([]);
  });

  test("is never asked for by what is no digest", async () => {
    await using here = await node();
    await expect(here.open().load("../../etc/passwd", signal)).rejects.toMatchObject(refused("no digest"));
    expect(here.bus.sent).toHaveLength(0);
  });

  test("makes room: the three used last stay, and what a crash left behind goes", async () => {
    await using here = await node();
    const made = Array.from({ length: 5 }, () => motd());
    made.forEach(here.offer);
    const bundles = here.open();
    await bundles.load(made[0]!.digest, signal);
    await writeFile(join(here.dir, "draft-0123456789ab"), "half");
    for (const { digest } of made.slice(1)) await bundles.load(digest, signal);
    const names = await readdir(here.dir);
    expect(names.toSorted()).toEqual(
      made
        .slice(2)
        .flatMap(({ digest }) => [`${digest}.mjs`, `${digest}.sig`])
        .toSorted(),
    );
  });
});
