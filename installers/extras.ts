/** What a package brings beside its program: completion for three shells, and manual pages. */
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import type { Program } from "./bundle.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "./completions.ts";
import { declaredOf } from "./declared.ts";
import { manPages } from "./man.ts";
import { file, type TreeFile } from "./tree-file.ts";

const gzipped = promisify(gzip);

export interface Facts {
  readonly version: string;
  readonly epochSeconds: number;
}

export async function extrasOf(program: Program, { version, epochSeconds }: Facts): Promise<TreeFile[]> {
  const declared = await declaredOf(program);
  const { name } = declared;
  const date = new Date(epochSeconds * 1000).toISOString().slice(0, 10);
  const pages = await Promise.all(
    manPages(declared, { version, date }).map(async (page) =>
      file(`usr/share/man/man1/${page.name}.gz`, await gzipped(page.text, { level: 9 })),
    ),
  );
  return [
    file(`usr/share/bash-completion/completions/${name}`, bashCompletion(declared)),
    file(`usr/share/zsh/vendor-completions/_${name}`, zshCompletion(declared)),
    file(`usr/share/fish/vendor_completions.d/${name}.fish`, fishCompletion(declared)),
    ...pages,
  ];
}
