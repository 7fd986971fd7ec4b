/** The master's own keys: the organisation's root, the working key that speaks every day, the key of its store. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import {
  BomaError,
  ENVELOPE_VERSION,
  type Manifest,
  newSealingKey,
  newSession,
  newSigningKey,
  readManifest,
  sameBytes,
  sealingKey,
  type SealingKey,
  signingKey,
  type SigningKey,
  signManifest,
} from "@boma/protocol";
import { z } from "zod";

import { createReleaseKey, releaseKeyFile } from "./bundles/release-key.ts";
import { assertPrivate, Base64, type Home, readJson, writeSecret } from "./home.ts";

export interface Keyring {
  readonly root: Uint8Array;
  readonly name: string;
  readonly sign: SigningKey;
  readonly seal: SealingKey;
  /** Seals what the store holds. */
  readonly store: Uint8Array;
  /** Public halves of retired working keys: what they once signed in our own store is still ours. */
  readonly former: readonly Uint8Array[];
  readonly manifest: Uint8Array;
  /** The public half of the key that signs the site's own states, as the root named it. */
  readonly release: Uint8Array | undefined;
}

const RootFile = z.strictObject({ seed: Base64.schema });
const WorkingFile = z.strictObject({
  root: Base64.schema,
  name: z.string(),
  sign: Base64.schema,
  seal: Base64.schema,
  store: Base64.schema,
  former: z.array(Base64.schema),
  manifest: Base64.schema,
});

const paths = (home: Home) => ({
  root: join(home.keys, "root.json"),
  working: join(home.keys, "working.json"),
});

/** Did this master, with its present or a former working key, sign this? */
export const isOurs = ({ sign, former }: Keyring, sender: Uint8Array): boolean =>
  [sign.publicKey, ...former].some((key) => sameBytes(key, sender));

/** Makes the root and the first working key. The root may then be moved off the machine. */
export function createKeyring(home: Home): void {
  const { root: path } = paths(home);
  const root = newSigningKey();
  writeSecret(path, JSON.stringify({ seed: Base64.print(root.seed) }));
  const { publicKey: release } = createReleaseKey(releaseKeyFile(home));
  keepWorkingKey(home, newWorkingKey(root, { serial: 1, store: randomBytes(32), former: [], release }));
}

/** A working key as its file holds it: secret. */
export interface WorkingKey {
  readonly serial: number;
  readonly text: string;
}

interface Kept {
  readonly serial: number;
  readonly store: Uint8Array;
  readonly former: readonly Uint8Array[];
  readonly release: Uint8Array | undefined;
}

function newWorkingKey(root: SigningKey, kept: Kept): WorkingKey {
  const { serial, store, former, release } = kept;
  const sign = newSigningKey();
  const seal = newSealingKey();
  const name = `master-${newSession().slice(0, 6).toLowerCase()}`;
  const manifest: Manifest = {
    serial,
    versionMin: ENVELOPE_VERSION,
    masters: [{ name, sign: sign.publicKey, seal: seal.publicKey }],
    ...(release && { release }),
  };
  // One text, kept as a whole: a working key without its manifest, or with another's, could speak to nobody.
  const print = Base64.print;
  const text = JSON.stringify({
    root: print(root.publicKey),
    name,
    sign: print(sign.seed),
    seal: print(seal.secretKey),
    store: print(store),
    former: former.map(print),
    manifest: print(signManifest(manifest, root)),
  });
  return { serial, text };
}

export const keepWorkingKey = (home: Home, { text }: WorkingKey): void =>
  writeSecret(paths(home).working, text);

export function readWorkingKey(home: Home): WorkingKey {
  const { root, manifest } = readWorking(home);
  return { serial: readManifest(manifest, root).serial, text: readFileSync(paths(home).working, "utf8") };
}

function readWorking(home: Home): z.output<typeof WorkingFile> {
  const { working } = paths(home);
  assertPrivate(working);
  return readJson(working, WorkingFile);
}

export function readKeyring(home: Home): Keyring {
  const held = readWorking(home);
  return {
    root: held.root,
    name: held.name,
    sign: signingKey(held.sign),
    seal: sealingKey(held.seal),
    store: held.store,
    former: held.former,
    manifest: held.manifest,
    release: readManifest(held.manifest, held.root).release,
  };
}

/** What retires the working key: the root signs a manifest with a higher serial and another key. It may name another release key as well. */
export function nextWorkingKey(home: Home, rootFile?: string, release?: Uint8Array, rise = 1): WorkingKey {
  const path = rootFile ?? paths(home).root;
  if (!existsSync(path))
    throw new BomaError("usage/file", `the root key is not at ${path}`, {
      hint: "Bring it back for a moment, or name it with --root-key FILE.",
    });
  const root = signingKey(readJson(path, RootFile).seed);
  const keyring = readKeyring(home);
  if (!sameBytes(root.publicKey, keyring.root))
    throw new BomaError("usage/file", `${path} holds the root key of another master`, {
      hint: "No node would follow it: name the root key that this master was made with.",
    });
  const serial = readManifest(keyring.manifest, root.publicKey).serial + rise;
  return newWorkingKey(root, {
    serial,
    store: keyring.store,
    former: [...keyring.former, keyring.sign.publicKey],
    release: release ?? keyring.release,
  });
}
