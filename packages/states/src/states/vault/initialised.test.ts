/** The one moment in which Vault gives its key away: what is written when, what is refused, and what is never said. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import forget from "../../functions/vault/init-shares-forget.ts";
import show from "../../functions/vault/init-shares.ts";
import { writeHost } from "../../host/host.ts";
import type { GivenApi } from "../../testing/given.ts";
import { memoryHost, recorded } from "../../testing/memory-host.ts";
import { tryState } from "../../testing/try-state.ts";
import { EXAMPLE_FINGERPRINT, EXAMPLE_KEY } from "../apt/example-key.ts";
import { intentPath, keptPath } from "./init-file.ts";
import initialised from "./initialised.ts";

const INIT = "http://127.0.0.1:8200/v1/sys/init";
/** A packet that holds a key for a key (0xc1, three bytes, version 3), and another one after it. */
const ENCRYPTED = Buffer.from([0xc1, 3, 3, 1, 2, 0xd2, 1, 1]).toString("base64");
const PLAIN = Buffer.from("a plain unseal key, canary").toString("base64");

const params = {
  address: "http://127.0.0.1:8200",
  shares: 1,
  threshold: 1,
  holders: [{ name: "anna", pgpKey: EXAMPLE_KEY }],
  rootTokenPgpKey: EXAMPLE_KEY,
};
const answering = (body: object | string): Record<string, GivenApi> => ({
  [`GET ${INIT}`]: { body: { initialized: false } },
  [`PUT ${INIT}`]: { body, makes: { [`GET ${INIT}`]: { body: { initialized: true } } } },
});
const GOOD = { keys_base64: [ENCRYPTED], root_token: ENCRYPTED };
const BEFORE = { "/var/lib/boma": { directory: true } } as const;

const called = (ports: Parameters<typeof writeHost>[0]) => ({ host: writeHost(ports) }) as never;

describe("vault.initialised", () => {
  test("writes its intent, asks with the keys of the holders, and keeps the answer for root alone", async () => {
    const { log, read, left, tree } = await tryState(initialised, "main", params, {
      files: BEFORE,
      http: answering(GOOD),
    });
    expect(log.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "files.makeDirectory /var/lib/boma/vault-init",
      `files.write ${intentPath("main")}`,
      expect.stringMatching(/^http\.send/) as string,
      `files.write ${keptPath("main")}`,
      `files.remove ${intentPath("main")}`,
    ]);
    expect(left).toEqual({});
    expect(tree.get(keptPath("main"))).toMatchObject({ mode: "0400", owner: "root" });
    expect(JSON.parse(await read(keptPath("main")))).toMatchObject({
      cluster: "main",
      threshold: 1,
      holders: [{ name: "anna", fingerprint: EXAMPLE_FINGERPRINT, share: ENCRYPTED }],
      rootToken: { token: ENCRYPTED },
    });
  });

  test("an answer that was lost is known to be, and nothing is done any more until a human has decided", async () => {
    const { ports } = memoryHost({ files: BEFORE, http: answering(GOOD) });
    const want = checkParams(initialised.spec, { ...params, cluster: "main" });
    const dies = recorded(ports, [], (call) => {
      if (call.startsWith(`files.write ${keptPath("main")}`)) throw new Error("killed");
    });
    const step = { spec: initialised.spec, want, ports: dies };
    await expect(make(step, await check(step))).rejects.toThrow("killed");
    const again = { spec: initialised.spec, want, ports };
    const changes = await check(again);
    expect(changes).toEqual({ answer: { from: "lost", to: "kept" } });
    expect(
      await initialised.spec.blocked?.(want as never, ports.http.read as never).catch(() => "x"),
    ).toBeDefined();
    await expect(make(again, changes)).rejects.toMatchObject({ code: "vault/init" });
    await expect(
      forget.run({ cluster: "main", digest: undefined, lost: false }, called(ports)),
    ).rejects.toMatchObject({
      code: "vault/shares",
    });
    await forget.run({ cluster: "main", digest: undefined, lost: true }, called(ports));
    expect(await check(again)).toEqual({});
  });

  test.each([
    ["a plain share", { keys_base64: [PLAIN], root_token: ENCRYPTED }],
    ["a plain token", { keys_base64: [ENCRYPTED], root_token: "hvs.canary" }],
    ["a plain token that reads as base64", { keys_base64: [ENCRYPTED], root_token: "hvsXcanarycanary" }],
    ["no JSON", PLAIN],
    ["a share too few", { keys_base64: [], root_token: ENCRYPTED }],
  ])("keeps nothing of an answer with %s, and repeats nothing of it", async (_, body) => {
    const { ports, tree } = memoryHost({ files: BEFORE, http: answering(body) });
    const want = checkParams(initialised.spec, { ...params, cluster: "main" });
    const step = { spec: initialised.spec, want, ports };
    const error = await make(step, await check(step)).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ code: "vault/init" });
    const said = `${error?.message} ${JSON.stringify(error)} ${error?.stack}`;
    expect(said).not.toMatch(/canary|YSBwbGFpbiB/);
    expect(tree.has(keptPath("main"))).toBe(false);
  });

  test.each([
    ["no keys", { holders: [] }, /holders/],
    ["fewer keys than shares", { shares: 2, threshold: 2 }, /2 holders, not 1/],
    [
      "one key for two holders",
      { shares: 2, threshold: 2, holders: [params.holders[0], { name: "bert", pgpKey: EXAMPLE_KEY }] },
      /two parts/,
    ],
    ["no key for the token", { rootTokenPgpKey: "" }, /rootTokenPgpKey/],
    ["what is no key", { holders: [{ name: "anna", pgpKey: "keybase:anna" }] }, /holders/],
    ["more than there are", { threshold: 2 }, /threshold/],
  ])("is refused with %s", (_, change, message) => {
    expect(() => initialised("main", { ...params, ...change } as never)).toThrow(message);
  });

  test("what is kept is shown with its digest, and goes with that digest only", async () => {
    const { host } = await tryState(initialised, "main", params, { files: BEFORE, http: answering(GOOD) });
    const shown = await show.run({ cluster: "main" }, called(host.ports));
    expect(shown.holders).toHaveLength(1);
    const goes = (digest: string) => forget.run({ cluster: "main", digest, lost: false }, called(host.ports));
    await expect(goes("another")).rejects.toMatchObject({ code: "vault/shares" });
    expect(await goes(shown.digest)).toMatchObject({ forgotten: true });
    expect(host.tree.has(keptPath("main"))).toBe(false);
    expect(await goes(shown.digest)).toMatchObject({ forgotten: false });
  });
});
