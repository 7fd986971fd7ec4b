/** What a site looked like: names, sizes and times of all its files. Another fingerprint is another site. */
import { createHash } from "node:crypto";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

const FILES_MAX = 50_000;
/** Not part of what a site says. */
const PASSED_OVER = new Set(["node_modules", ".git", ".boma"]);

export async function fingerprintOf(site: string): Promise<string> {
  const rows: string[] = [];
  const walk = async (dir: string): Promise<void> => {
    for await (const entry of await opendir(dir)) {
      if (PASSED_OVER.has(entry.name)) continue;
      const path = join(dir, entry.name);
      if (entry.isDirectory()) await walk(path);
      else {
        const found = await stat(path, { bigint: true }).catch(() => undefined);
        rows.push(`${path}\0${found?.size ?? "?"}\0${found?.mtimeNs ?? "?"}\0${found?.ino ?? "?"}`);
      }
      if (rows.length > FILES_MAX)
        throw new BomaError("site/broken", `${site} has more than ${FILES_MAX} files`, {
          hint: "Is this the site? `boma-master serve --site DIR` says where it is.",
        });
    }
  };
  try {
    await walk(site);
  } catch (thrown) {
    if (thrown instanceof BomaError) throw thrown;
    throw new BomaError("site/missing", `the site cannot be read: ${(thrown as Error).message}`, {
      hint: "`boma-master serve --site DIR` says where it is; `boma-master init` makes one.",
      cause: thrown,
    });
  }
  return createHash("sha256").update(rows.toSorted().join("\n")).digest("hex");
}
