/** An archive of nothing for apt, signed by each of some keys in turn; made out here, for a host has no agent of gpg. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCRIPT = `
export GNUPGHOME="$PWD/gnupg"
: > Packages
printf 'Date: %s\\nSHA256:\\n %s 0 Packages\\n' "$(date -Ru)" "$(sha256sum Packages | cut -d' ' -f1)" > Release
mkdir -m 700 gnupg
for who; do
  gpg --batch --quiet --passphrase '' --quick-gen-key "$who@example.org" ed25519 sign never
  gpg --armor --export "$who@example.org" > "$who.asc"
  gpg --with-colons --fingerprint "$who@example.org" | sed -n 's/^fpr:*\\([0-9A-F]*\\):$/\\1/p' | head -n 1 | tr -d '\\n' > "$who.fingerprint"
  gpg --batch --yes --quiet --local-user "$who@example.org" --clearsign --output "$who.InRelease" Release
done
gpgconf --kill gpg-agent
`;

export interface SignedArchive extends Disposable {
  /** `NAME.asc`, `NAME.fingerprint` and `NAME.InRelease` of each key. */
  readonly read: (name: string) => string;
}

export function signedArchive(...keys: readonly string[]): SignedArchive {
  const dir = mkdtempSync(join(tmpdir(), "boma-archive-"));
  execFileSync("/bin/sh", ["-ec", SCRIPT, "sh", ...keys], { cwd: dir, stdio: "pipe" });
  return {
    read: (name) => readFileSync(join(dir, name), "utf8"),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}
