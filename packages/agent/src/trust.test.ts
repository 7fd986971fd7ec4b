import { type Manifest, newSealingKey, newSigningKey, signManifest } from "@boma/protocol";
import { expect, test } from "vitest";

import { temporaryDirectory } from "./testing/support.ts";
import { openTrust } from "./trust.ts";

const root = newSigningKey();
const master = newSigningKey();
const manifest = (serial: number, sign = master.publicKey): Manifest => ({
  serial,
  masters: [{ name: "main", sign, seal: newSealingKey().publicKey }],
  versionMin: 1,
});

test("nobody speaks for the master before a manifest of the pinned root says so", async () => {
  await using dir = await temporaryDirectory();
  const trust = await openTrust(dir.path, root.publicKey);
  expect(trust.trusts(master.publicKey)).toBe(false);
  await expect(trust.accept(signManifest(manifest(1), newSigningKey()))).rejects.toMatchObject({
    code: "trust/manifest",
  });
  expect(trust.trusts(master.publicKey)).toBe(false);
  await trust.accept(signManifest(manifest(1), root));
  expect(trust.trusts(master.publicKey)).toBe(true);
});

test("a lower serial is refused, also after a restart; the same one is fine", async () => {
  await using dir = await temporaryDirectory();
  const next = newSigningKey();
  const trust = await openTrust(dir.path, root.publicKey);
  await trust.accept(signManifest(manifest(2, next.publicKey), root));
  const again = await openTrust(dir.path, root.publicKey);
  expect(again.serial).toBe(2);
  await again.accept(signManifest(manifest(2, next.publicKey), root));
  await expect(again.accept(signManifest(manifest(1), root))).rejects.toMatchObject({
    code: "trust/manifest",
  });
  expect([again.trusts(next.publicKey), again.trusts(master.publicKey)]).toEqual([true, false]);
});
