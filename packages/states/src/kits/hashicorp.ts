/** The archive of HashiCorp, or a mirror of it. Its key is the site's to pin: it was changed before, and will be again. */
import type { Declaration } from "../declaration.ts";
import repo from "../states/apt/repo.ts";

export interface HashicorpArchive {
  /** A mirror. */
  readonly uri?: string;
  /** The key, armoured or in base64, as its publisher gives it. */
  readonly key: string;
  /** Whole fingerprints of the keys in `key`. None is known here: compare them with what the publisher says. */
  readonly fingerprints: string[];
  /** The codename of the machine's release, such as `bookworm`. */
  readonly suite: string;
  readonly components?: string[];
}

/** A new key is taken on when its fingerprint is declared, and not before: until then nothing changes, and it says so. */
export function hashicorpKit({
  uri = "https://apt.releases.hashicorp.com",
  components = ["main"],
  suite,
  key,
  fingerprints,
}: HashicorpArchive): readonly Declaration[] {
  const flat = suite.endsWith("/");
  return [
    repo("hashicorp", {
      uris: [uri],
      suites: [suite],
      components: flat ? [] : components,
      key,
      fingerprints,
    }),
  ];
}
