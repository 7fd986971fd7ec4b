/**
 * Goal: an archive whose key was changed is an error that names the new fingerprint; the key is taken on when that
 * fingerprint is declared, and not before.
 * Method: an archive of files that is signed by one key, and from one day to the next by another.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { hashicorpKit } from "../../packages/states/src/kits/hashicorp.ts";
import { type Host, startHost } from "../support/host.ts";

/** Made out here, for a host has no agent of gpg. */
const ARCHIVE = `
export GNUPGHOME="$PWD/gnupg"
: > Packages
printf 'Date: %s\\nSHA256:\\n %s 0 Packages\\n' "$(date -Ru)" "$(sha256sum Packages | cut -d' ' -f1)" > Release
mkdir -m 700 gnupg
for who in old new; do
  gpg --batch --quiet --passphrase '' --quick-gen-key "$who@example.org" ed25519 sign never
  gpg --armor --export "$who@example.org" > "$who.asc"
  gpg --with-colons --fingerprint "$who@example.org" | sed -n 's/^fpr:*\\([0-9A-F]*\\):$/\\1/p' | head -n 1 | tr -d '\\n' > "$who.fingerprint"
  gpg --batch --yes --quiet --local-user "$who@example.org" --clearsign --output "$who.InRelease" Release
done
gpgconf --kill gpg-agent
`;

let host: Host;
let made: string;
const read = (name: string): string => readFileSync(join(made, name), "utf8");
beforeAll(async () => {
  host = await startHost({ name: "hashicorp" });
  made = mkdtempSync(join(tmpdir(), "boma-archive-"));
  execFileSync("/bin/sh", ["-ec", ARCHIVE], { cwd: made, stdio: "pipe" });
  await host.write("/srv/hashicorp/Packages", "");
  await host.write("/srv/hashicorp/InRelease", read("old.InRelease"));
}, 600_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  rmSync(made, { recursive: true, force: true });
});

const KEYRING = "/etc/apt/keyrings/boma-hashicorp.gpg";
function declared(key: string, fingerprint: string): readonly [string, string, object] {
  const [repo] = hashicorpKit({
    uri: "file:/srv/hashicorp",
    suite: "./",
    key: read(`${key}.asc`),
    fingerprints: [read(`${fingerprint}.fingerprint`)],
  });
  const { name: _, ...params } = repo!.params;
  return [repo!.state, repo!.key, params];
}

test("a key that was changed is named, changes nothing, and is taken on once it is pinned", async () => {
  await host.convergesTwice(...declared("old", "old"));
  const keyring = await host.must(["sha256sum", KEYRING]);

  await host.write("/srv/hashicorp/InRelease", read("new.InRelease"));
  const { error } = await host.converge(...declared("new", "old"));
  expect(error).toMatchObject({ code: "package/source" });
  expect(error?.message).toContain(`unknown fingerprint ${read("new.fingerprint")}`);
  expect(await host.must(["sha256sum", KEYRING])).toBe(keyring);
  // apt itself takes nothing from an archive that the old key does not vouch for.
  expect((await host.run(["apt-get", "--error-on=any", "update"])).stderr).toContain("NO_PUBKEY");

  const changes = await host.convergesTwice(...declared("new", "new"));
  expect(Object.keys(changes)).toContain("keyring");
  expect((await host.run(["apt-get", "--error-on=any", "update"])).stderr).not.toContain("NO_PUBKEY");
});
