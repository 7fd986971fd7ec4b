/** An image that boots nothing and is signed like any other, for tests of who is served what. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type ImageManifest, signImage } from "@boma/protocol";

import { readReleaseKey, releaseKeyFile } from "../../../packages/master/src/bundles/release-key.ts";
import { homeAt } from "../../../packages/master/src/home.ts";
import { readKeyring } from "../../../packages/master/src/keyring.ts";

const described = (text: string) => ({
  digest: createHash("sha256").update(text).digest("hex"),
  bytes: text.length,
});

/** Below the home of a master, as `image build` would put it there. Returns its directory. */
export function putImage(
  homeDir: string,
  { name = "small", kernel = "the kernel", initrd = "the root", ...rest }: Partial<Small> = {},
): string {
  const home = homeAt(homeDir);
  const manifest: ImageManifest = {
    name,
    arch: "amd64",
    root: readKeyring(home).root,
    files: { kernel: described(kernel), initrd: described(initrd) },
    rootBytes: initrd.length,
    kernelVersion: "6.1",
    agentVersion: "0.1.0",
    packages: [],
    ...rest,
  };
  const dir = join(home.dir, "images", name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "kernel"), kernel);
  writeFileSync(join(dir, "initrd"), initrd);
  writeFileSync(join(dir, "manifest"), signImage(manifest, readReleaseKey(releaseKeyFile(home))));
  return dir;
}

interface Small {
  readonly name: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly root: Uint8Array;
  readonly arch: "amd64" | "arm64";
  readonly install: true;
}
