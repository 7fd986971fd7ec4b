/**
 * Files of the site that trees use. Whoever evaluates the site says how they are
 * read: on a master it reads below `files/`, in a test of a tree from memory.
 */
import { BomaError } from "@boma/protocol";

import type { SecretText } from "./secret.ts";

export interface SiteReader {
  /** The text of a file, by its path from the site's root. */
  read(path: string): string;
  template(path: string, values: Readonly<Record<string, unknown>>): string | SecretText;
}

let files: SiteReader | undefined;

/** From now on trees read through these. */
export const useSiteFiles = (given: SiteReader | undefined): void => void (files = given);

/** The text of a file of the site: `read("files/nginx.conf")`. */
export const read = (path: string): string => reader(path).read(path);

/** A text made from an eta template of the site: `template("files/vhost.eta", { port: 80 })`. */
export const template = (path: string, values: Readonly<Record<string, unknown>> = {}): string | SecretText =>
  reader(path).template(path, values);

function reader(path: string): SiteReader {
  if (files) return files;
  throw new BomaError("site/file", `there is no site here to read ${path} from`, {
    hint: "In a test of a tree, say with `useSiteFiles` what its files hold.",
  });
}
