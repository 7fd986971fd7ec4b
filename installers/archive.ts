/** The same files as in the package, for machines without dpkg: `install.sh` unpacks it. */
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import type { Making } from "./deb.ts";
import { tar } from "./tar.ts";
import { type TreeFile, withDirectories } from "./tree-file.ts";

const gzipped = promisify(gzip);
const GZIP_BEST = 9;

/** gzip and not zstd: every machine can read it. */
export const archiveBytes = (files: readonly TreeFile[], { epochSeconds, level }: Making): Promise<Buffer> =>
  gzipped(tar(withDirectories(files), epochSeconds), { level: Math.min(level, GZIP_BEST) });
