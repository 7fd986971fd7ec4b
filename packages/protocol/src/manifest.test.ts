import { describe, expect, test } from "vitest";

import { open } from "./envelope.ts";
import { BomaError } from "./errors.ts";
import { newSealingKey, newSigningKey } from "./keys.ts";
import {
  type Manifest,
  readManifest,
  signManifest,
  speaksForMaster,
  splitManifest,
  TrustManifest,
  withManifest,
} from "./manifest.ts";

const root = newSigningKey();
const working = newSigningKey();
const manifest: Manifest = {
  serial: 7,
  masters: [{ name: "master", sign: working.publicKey, seal: newSealingKey().publicKey }],
  versionMin: 1,
};
const signed = signManifest(manifest, root);

const refusalOf = (act: () => unknown): BomaError => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof BomaError) return thrown;
    throw thrown;
  }
  throw new Error("it was accepted");
};

describe("the trust manifest", () => {
  test("is what the pinned root signed, with its serial", () => {
    expect(readManifest(signed, root.publicKey)).toEqual(manifest);
  });

  test("may name the key that signs the site's states, and one from before there was such a key is as good as ever", () => {
    const release = newSigningKey().publicKey;
    expect(readManifest(signManifest({ ...manifest, release }, root), root.publicKey).release).toEqual(
      release,
    );
    expect(readManifest(signed, root.publicKey)).not.toHaveProperty("release");
  });

  test("has no end: it is replaced, and never runs out", () => {
    const trusts = (key: Uint8Array) => Buffer.from(key).equals(root.publicKey);
    const now = Date.UTC(9999, 0, 1);
    expect(open(TrustManifest, signed, { trusts, to: "-", now }).body).toEqual(manifest);
  });

  test.each([
    ["a working key", () => signManifest(manifest, working)],
    ["another root", () => signManifest(manifest, newSigningKey())],
    ["nobody", () => new Uint8Array(signed.length)],
    ["a root whose bytes were changed", () => signed.with(signed.length - 1, signed.at(-1)! ^ 1)],
    ["a root, and then cut", () => signed.subarray(0, -1)],
  ])("signed by %s is not acceptable", (_, make) => {
    expect(refusalOf(() => readManifest(make(), root.publicKey)).code).toBe("trust/manifest");
  });

  test.each([
    ["serial zero", { serial: 0 }],
    ["a serial between two numbers", { serial: 1.5 }],
    ["no master", { masters: [] }],
    ["seventeen masters", { masters: Array.from({ length: 17 }, () => manifest.masters[0]!) }],
    ["a short key", { masters: [{ ...manifest.masters[0]!, sign: new Uint8Array(31) }] }],
    ["a short release key", { release: new Uint8Array(31) }],
    ["an unknown field", { more: 1 }],
  ])("with %s is not acceptable, even from the root", (_, change) => {
    const bytes = signManifest({ ...manifest, ...change } as Manifest, root);
    expect(refusalOf(() => readManifest(bytes, root.publicKey)).code).toBe("trust/manifest");
  });

  test("the refusal says why", () => {
    const refusal = refusalOf(() => readManifest(signManifest(manifest, working), root.publicKey));
    expect(refusal.message).toContain("not trusted");
    expect((refusal.cause as BomaError).code).toBe("wire/sender");
  });

  test("only the keys in it speak for the master; the root itself does not", () => {
    expect(speaksForMaster(manifest, working.publicKey)).toBe(true);
    expect(speaksForMaster(manifest, root.publicKey)).toBe(false);
    expect(speaksForMaster(manifest, manifest.masters[0]!.seal)).toBe(false);
    expect(speaksForMaster(manifest, new Uint8Array(0))).toBe(false);
  });
});

describe("an answer with the manifest beside it", () => {
  const frame = Buffer.from("the answer");

  test("is split into the two again, from the middle of a buffer too", () => {
    const both = Buffer.concat([Buffer.from("xyz"), withManifest(signed, frame)]).subarray(3);
    const split = splitManifest(both);
    expect(new Uint8Array(split.manifest)).toEqual(new Uint8Array(signed));
    expect(Buffer.from(split.frame).toString()).toBe("the answer");
  });

  test("may carry an empty frame, which is for the frame's reader to refuse", () => {
    expect(splitManifest(withManifest(signed, new Uint8Array(0))).frame).toHaveLength(0);
  });

  test("cut anywhere within the manifest is refused", () => {
    const both = withManifest(signed, frame);
    for (let length = 0; length < 4 + signed.length; length++)
      expect(refusalOf(() => splitManifest(both.subarray(0, length))).code, `${length}`).toBe("wire/frame");
  });

  test("with a manifest larger than one may be is refused", () => {
    const large = withManifest(new Uint8Array(16 * 1024 + 1), frame);
    expect(refusalOf(() => splitManifest(large)).code).toBe("wire/frame");
    expect(refusalOf(() => splitManifest(Buffer.alloc(64, 255))).code).toBe("wire/frame");
  });
});
