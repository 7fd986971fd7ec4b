/** The reactors of a site as they are loaded: their names, their files, and what is wrong with the others. */
import { existsSync } from "node:fs";
import { join } from "node:path";

import {
  asBomaError,
  type Nodegroups,
  parseTarget,
  selectNodes,
  type SequencedEvent,
  type TargetNode,
} from "@boma/protocol";

import { SiteError } from "../site/site-error.ts";
import { SiteModules } from "../site/site-modules.ts";
import { SitePaths } from "../site/site-paths.ts";
import { Interrupted, type ReactorProcess } from "./reactor-process.ts";
import type { Said } from "./reactor-words.ts";

export interface SiteReactor extends Said {
  /** The file's, with the export's behind it where that is not the default. */
  readonly name: string;
  readonly file: string;
}

/** It becomes part of subjects and of an operator's name. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,50}$/;
const FILES_MAX = 200;

const hasReactors = (site: string): boolean => existsSync(join(site, "reactors"));

export function reactorFiles(site: string): readonly string[] {
  if (!hasReactors(site)) return [];
  return new SiteModules(new SitePaths(site), () => undefined).list("reactors", [".ts", ".js"]);
}

/** Loads every file; one that cannot be used, or ends the process, does not hinder the others. */
export async function loadReactors(
  files: readonly string[],
  process: () => ReactorProcess,
): Promise<{ readonly reactors: readonly SiteReactor[]; readonly errors: readonly SiteError[] }> {
  const reactors: SiteReactor[] = [];
  const errors: SiteError[] = [];
  for (const file of files.slice(0, FILES_MAX))
    try {
      reactors.push(...(await loadFile(file, process)));
    } catch (thrown) {
      errors.push(faultOf(thrown, file));
    }
  if (files.length > FILES_MAX)
    errors.push(new SiteError("site/reactor", `reactors/ has more than ${FILES_MAX} files`));
  return { reactors, errors };
}

async function loadFile(file: string, process: () => ReactorProcess): Promise<readonly SiteReactor[]> {
  const name = file.replace(/^reactors\//, "").replace(/\.\w+$/, "");
  if (!NAME.test(name))
    throw new SiteError("site/reactor", `${name} cannot be a reactor's name`, {
      place: { file },
      hint: "Names match [a-z0-9][a-z0-9_-]*, without folders.",
    });
  const found = await process().load(file);
  return found.map((said) => ({
    ...said,
    name: said.export === "default" ? name : `${name}/${said.export}`,
    file,
  }));
}

function faultOf(thrown: unknown, file: string): SiteError {
  if (thrown instanceof SiteError)
    return thrown.place
      ? thrown
      : new SiteError(thrown.code, thrown.what, { place: { file }, hint: thrown.hint });
  const what = thrown instanceof Interrupted ? "it could not be loaded" : asBomaError(thrown).message;
  return new SiteError("site/reactor", what, { place: { file } });
}

/** Whether an event is one for this reactor, by its kind and by the node that it is about. */
export function isFor(
  { kinds, target }: Pick<SiteReactor, "kinds" | "target">,
  event: SequencedEvent,
  node: (key: string) => TargetNode | undefined,
  nodegroups: () => Nodegroups,
): boolean {
  if (!kinds.includes(event.kind)) return false;
  if (target === undefined) return true;
  const about = event.node === undefined ? undefined : node(event.node);
  return about !== undefined && selectNodes(parseTarget(target), [about], nodegroups()).matched.length > 0;
}
