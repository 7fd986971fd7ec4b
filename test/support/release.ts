/** A release as `npm run build` makes it for this machine's architecture, signed with a key of the test: hosts see it below the checkout. */
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { buildRelease, HERE } from "../../installers/build.ts";
import { PACKAGES } from "./debs.ts";
import { offerPackages } from "./hosts/offered.ts";

export interface Release extends AsyncDisposable {
  /** The directory of the release itself. */
  readonly dir: string;
  /** The public key, where hosts see it. */
  readonly key: string;
  /** For a host's apt: what the release's packages need of Debian. */
  readonly source: string;
}

/** What a first server takes of Debian, beside what every machine has. */
const NEEDED = ["nats-server", "ipxe", "dnsmasq-base"] as const;

export async function makeRelease(version: string, more: readonly string[] = []): Promise<Release> {
  await mkdir(PACKAGES, { recursive: true });
  const top = await mkdtemp(join(PACKAGES, "release-"));
  // Not root alone may read a release.
  await chmod(top, 0o755);
  const end = () => rm(top, { recursive: true, force: true });
  try {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const sign = join(top, "key.pem");
    await writeFile(sign, privateKey.export({ format: "pem", type: "pkcs8" }));
    const key = join(top, "release.pub");
    await writeFile(key, publicKey.export({ format: "pem", type: "spki" }));
    const dir = join(top, "release of boma");
    await buildRelease(dir, {
      archs: [HERE],
      version,
      making: { epochSeconds: 1_000_000_000, level: 1 },
      sign,
    });
    const source = await offerPackages(join(top, "debian"), [...NEEDED, ...more]);
    return { dir, key, source, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
