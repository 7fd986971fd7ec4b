/**
 * What of the master is started as a file, by its path below `src`. The built
 * master lies in the same place of a tree that has these files, so both find them.
 */
import { fileURLToPath } from "node:url";

export const ownFile = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
