/** Trees in YAML: the one place where a site's YAML becomes a tree. */
import { type AnySpec, parseTree, type Tree } from "@boma/states";

export const yamlTree = (source: string, file: string, specs: Readonly<Record<string, AnySpec>>): Tree =>
  parseTree(source, file, specs);
