/** Everything that can be found wrong in a site before anything is sent. */
import type { BomaError } from "@boma/protocol";

import { reactorFaults } from "../reactors/reactor-faults.ts";
import { errorWords, type NodeInput } from "./child-words.ts";
import { chooseProfile, type Machine } from "./profile.ts";
import type { SiteCompiler } from "./site-compiler.ts";
import { SiteError } from "./site-error.ts";

export interface Finding {
  readonly code: string;
  readonly what: string;
  readonly hint?: string | undefined;
  readonly place?:
    | { readonly file: string; readonly line?: number | undefined; readonly column?: number | undefined }
    | undefined;
}
export type CheckItem =
  | {
      readonly kind: "site";
      readonly site: string;
      readonly trees: number;
      readonly kinds: readonly string[];
      readonly profiles: number;
      readonly errors: readonly Finding[];
    }
  | {
      readonly kind: "node";
      readonly id: string;
      readonly declarations: number;
      readonly warnings: readonly string[];
      readonly error?: Finding;
    };

export type CheckedNode = NodeInput & { readonly machine?: Machine };

/** Loads the site, then compiles it for every node; one that fails does not hide the others. */
export async function* checkSite(
  compiler: SiteCompiler,
  nodes: readonly CheckedNode[],
): AsyncGenerator<CheckItem> {
  const site = await compiler.load();
  const base = {
    kind: "site",
    site: compiler.site,
    trees: site.trees.length,
    profiles: site.profiles.length,
  } as const;
  const kinds = site.kinds.map(({ name }) => name);
  const reactors = await reactorFaults(compiler.site);
  const errors = [...site.errors, ...profileFaults(site.profiles, nodes), ...reactors].map(finding);
  yield { ...base, kinds, errors };
  const inputs = nodes.map(({ key, id, grains, assigned }) => ({ key, id, grains, assigned }));
  const compiled = await compiler.compile(inputs);
  for (const { key, id } of nodes) {
    const result = compiled.get(key);
    if (!result) continue;
    yield result instanceof Error
      ? { kind: "node", id, declarations: 0, warnings: [], error: finding(result) }
      : { kind: "node", id, declarations: result.catalog.entries.length, warnings: result.warnings };
  }
}

/** Profiles that only together with a machine turn out to be ambiguous. */
function profileFaults(
  profiles: Parameters<typeof chooseProfile>[0],
  nodes: readonly CheckedNode[],
): BomaError[] {
  return nodes.flatMap(({ id, machine }) => {
    if (!machine) return [];
    try {
      chooseProfile(profiles, machine);
      return [];
    } catch (thrown) {
      if (!(thrown instanceof SiteError)) return [];
      return [
        new SiteError(thrown.code, `for ${id} ${thrown.what}`, { place: thrown.place, hint: thrown.hint }),
      ];
    }
  });
}

const finding = (error: BomaError): Finding => errorWords(error);
