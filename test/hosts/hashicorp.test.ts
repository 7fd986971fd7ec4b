/**
 * Goal: an archive whose key was changed is an error that names the new fingerprint; the key is taken on when that
 * fingerprint is declared, and not before.
 * Method: an archive of files that is signed by one key, and from one day to the next by another.
 */

import { afterAll, beforeAll, expect, test } from "vitest";

import { hashicorpKit } from "../../packages/states/src/kits/hashicorp.ts";
import { type Host, startHost } from "../support/host.ts";
import { type SignedArchive, signedArchive } from "../support/signed-archive.ts";

let host: Host;
let archive: SignedArchive;
beforeAll(async () => {
  host = await startHost({ name: "hashicorp" });
  archive = signedArchive("old", "new");
  await host.write("/srv/hashicorp/Packages", "");
  await host.write("/srv/hashicorp/InRelease", archive.read("old.InRelease"));
}, 600_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  archive?.[Symbol.dispose]();
});

const KEYRING = "/etc/apt/keyrings/boma-hashicorp.gpg";
function declared(key: string, fingerprint: string): readonly [string, string, object] {
  const [repo] = hashicorpKit({
    uri: "file:/srv/hashicorp",
    suite: "./",
    key: archive.read(`${key}.asc`),
    fingerprints: [archive.read(`${fingerprint}.fingerprint`)],
  });
  const { name: _, ...params } = repo!.params;
  return [repo!.state, repo!.key, params];
}

test("a key that was changed is named, changes nothing, and is taken on once it is pinned", async () => {
  await host.convergesTwice(...declared("old", "old"));
  const keyring = await host.must(["sha256sum", KEYRING]);

  await host.write("/srv/hashicorp/InRelease", archive.read("new.InRelease"));
  const { error } = await host.converge(...declared("new", "old"));
  expect(error).toMatchObject({ code: "package/source" });
  expect(error?.message).toContain(`unknown fingerprint ${archive.read("new.fingerprint")}`);
  expect(await host.must(["sha256sum", KEYRING])).toBe(keyring);
  // apt itself takes nothing from an archive that the old key does not vouch for.
  expect((await host.run(["apt-get", "--error-on=any", "update"])).stderr).toContain("NO_PUBKEY");

  const changes = await host.convergesTwice(...declared("new", "new"));
  expect(Object.keys(changes)).toContain("keyring");
  expect((await host.run(["apt-get", "--error-on=any", "update"])).stderr).not.toContain("NO_PUBKEY");
});
