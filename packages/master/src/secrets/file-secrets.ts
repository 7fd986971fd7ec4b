/** `file:/abs/path` and `file:/abs/path#KEY`: a file on the master, below a directory that is meant for it. */
import { isAbsolute, normalize, sep } from "node:path";

import { secretIn, textOf } from "./document.ts";
import { readPrivate, realPath } from "./private-file.ts";
import type { SecretProvider } from "./provider.ts";
import { assertOptions, malformed, unreadable } from "./reference.ts";

/** Without the fence a tree could send the master's own keys, or its /etc/shadow, to a node. */
export function fileSecrets(dirs: readonly string[]): SecretProvider {
  return {
    check(reference) {
      const { text, path } = reference;
      assertOptions(reference, []);
      if (!isAbsolute(path) || normalize(path) !== path)
        throw malformed(text, "file: takes a whole path, without `..`.");
    },
    async read(reference) {
      const real = await realPath(reference.path, reference);
      const below = await Promise.all(dirs.map((dir) => realPath(dir, reference).catch(() => undefined)));
      if (!below.some((dir) => dir !== undefined && real.startsWith(dir + sep)))
        throw unreadable(
          reference,
          `${real} is in none of the directories for secrets`,
          `They are ${dirs.join(" and ")}; \`file.directories\` in secrets.yaml names others.`,
        );
      return secretIn(textOf(await readPrivate(real, reference), reference), reference);
    },
  };
}
