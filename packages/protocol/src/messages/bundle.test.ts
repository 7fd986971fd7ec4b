import { expect, test } from "vitest";

import { newSigningKey } from "../keys.ts";
import { type BundleManifest, BUNDLE_API, readBundleManifest, signBundle } from "./bundle.ts";

const release = newSigningKey();
const digest = "ab".repeat(32);
const manifest: BundleManifest = { digest, bytes: 10, api: BUNDLE_API, states: ["site.motd"] };
const expected = { digest, release: release.publicKey };
const refused = (message: string) =>
  expect.objectContaining({ code: "bundle/refused", message: expect.stringContaining(message) as string });

test("what the release key says of a bundle is read", () => {
  expect(readBundleManifest(signBundle(manifest, release), expected)).toEqual(manifest);
});

test("what any other key says of it is refused", () => {
  const forged = signBundle(manifest, newSigningKey());
  expect(() => readBundleManifest(forged, expected)).toThrow(refused("not signed by the site's release key"));
});

test("it is refused when one byte was altered", () => {
  const signed = signBundle(manifest, release);
  signed[signed.length - 3]! ^= 1;
  expect(() => readBundleManifest(signed, expected)).toThrow(refused("not signed"));
});

test("the signature of one bundle does not carry another", () => {
  const other = signBundle({ ...manifest, digest: "cd".repeat(32) }, release);
  expect(() => readBundleManifest(other, expected)).toThrow(refused("signature of another"));
});

test("a bundle for another interface of the states is refused, with both versions named", () => {
  const newer = signBundle({ ...manifest, api: BUNDLE_API + 1 }, release);
  expect(() => readBundleManifest(newer, expected)).toThrow(refused(`version ${BUNDLE_API + 1}`));
});

test("without a pinned release key no bundle is believed", () => {
  const signed = signBundle(manifest, release);
  expect(() => readBundleManifest(signed, { digest, release: undefined })).toThrow(refused("no release key"));
});
