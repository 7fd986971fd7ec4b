/** Declarations of a node as its catalog, with places by their names in the site. */
import {
  type AnySpec,
  type Catalog,
  compileCatalog,
  type Declaration,
  originOf,
  setOrigin,
} from "@boma/states/core";

import { placeText } from "./site-error.ts";
import type { SitePaths } from "./site-paths.ts";

export interface Given {
  /** The bundle of the site's own states; a catalog that uses none of them does not name it. */
  readonly bundle: string | null;
  readonly specs: Readonly<Record<string, AnySpec>>;
  readonly own: ReadonlySet<string>;
}

export function compileDeclarations(
  declarations: readonly Declaration[],
  { bundle, specs, own }: Given,
  paths: SitePaths,
): { catalog: Catalog; warnings: readonly string[] } {
  for (const declaration of declarations) {
    const origin = originOf(declaration);
    const file = origin && paths.nameOf(origin.file);
    if (file !== undefined) setOrigin(declaration, { ...origin!, file });
  }
  const { catalog, warnings } = compileCatalog(declarations, {
    specs: (state) => specs[state],
    site: { bytes: (name) => paths.bytes(name), list: (name) => paths.list(name) },
  });
  const named = catalog.entries.some(({ state }) => own.has(state)) ? bundle : null;
  return {
    catalog: { ...catalog, bundle: named },
    warnings: warnings.map(({ message, origin }) => (origin ? `${placeText(origin)}: ${message}` : message)),
  };
}
