/**
 * `age:FILE#KEY`: a file in the site that is encrypted with age, and so can be
 * kept in git. Without a key it is one secret, with one it is YAML or JSON. The
 * identity that opens it lies with the master's keys.
 */
import { isAbsolute, join, normalize, sep } from "node:path";

import { armor, Decrypter } from "age-encryption";

import { secretIn, textOf } from "./document.ts";
import { readPrivate, realPath } from "./private-file.ts";
import type { SecretProvider } from "./provider.ts";
import { assertOptions, malformed, type Reference, unreadable } from "./reference.ts";

const ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----";
const IDENTITY = /^AGE-SECRET-KEY-[A-Z0-9-]+$/;
const IDENTITIES_MAX = 32;

/** Lives for one run: a file that holds many secrets is decrypted once. */
export function ageSecrets(site: string, identityFile: string): SecretProvider {
  const opened = new Map<string, Promise<string>>();
  const open = async (real: string, reference: Reference): Promise<string> => {
    const sealed = await readPrivate(real, reference, { open: true });
    const plain = await decrypt(sealed, await identities(identityFile, reference), reference);
    return textOf(plain, reference);
  };
  return {
    check(reference) {
      const { text, path } = reference;
      assertOptions(reference, []);
      if (isAbsolute(path) || normalize(path) !== path || path.startsWith(".."))
        throw malformed(text, "age: takes a file of the site, such as age:secrets/web.age#password.");
    },
    async read(reference) {
      const root = await realPath(site, reference);
      const real = await realPath(join(root, reference.path), reference);
      if (!real.startsWith(root + sep)) throw unreadable(reference, "the file lies outside of the site");
      let opening = opened.get(real);
      if (!opening) {
        opened.set(real, (opening = open(real, reference)));
        opening.catch(() => opened.delete(real));
      }
      return secretIn(await opening, reference);
    },
  };
}

async function identities(path: string, reference: Reference): Promise<readonly string[]> {
  const real = await realPath(path, reference).catch(() => {
    throw unreadable(
      reference,
      `there is no age identity at ${path}`,
      "Make one: `boma-master secret identity`.",
    );
  });
  const lines = textOf(await readPrivate(real, reference), reference).split("\n");
  const found = lines.map((line) => line.trim()).filter((line) => IDENTITY.test(line));
  if (found.length === 0) throw unreadable(reference, `${path} holds no age identity`);
  return found.slice(0, IDENTITIES_MAX);
}

async function decrypt(
  sealed: Uint8Array,
  keys: readonly string[],
  reference: Reference,
): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  let bytes = sealed;
  try {
    for (const key of keys) decrypter.addIdentity(key);
    const text = Buffer.from(sealed).toString("latin1");
    if (text.trimStart().startsWith(ARMOR)) bytes = armor.decode(text.trim());
  } catch {
    throw unreadable(reference, "the identity or the armor of the file is not age's");
  }
  try {
    return await decrypter.decrypt(bytes);
  } catch {
    throw unreadable(
      reference,
      "it does not open with the master's identity, or is not an age file",
      "Encrypt it to what `boma-master secret identity` prints.",
    );
  }
}
