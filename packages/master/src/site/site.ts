/** A site as it was loaded: whose trees are whose, which data, which profiles. Lives in the process that evaluates it. */
import { closest, type Nodegroups, parseNodegroups } from "@boma/protocol";
import {
  type Catalog,
  type Declaration,
  declare,
  type Notification,
  specOf,
  type Top,
  type Tree,
} from "@boma/states/core";
import { z } from "zod";

import { nodegroupsOf } from "../nodegroups.ts";
import type { Asked, NodeInput } from "./child-words.ts";
import { compileDeclarations } from "./compile-declarations.ts";
import { loadNotifications } from "./notifications-file.ts";
import { PillarOfSite } from "./pillar-source.ts";
import { type Profile, PROFILE_NAME, ProfileFile } from "./profile.ts";
import { SiteError } from "./site-error.ts";
import type { SiteModules } from "./site-modules.ts";
import { literalIn } from "./site-paths.ts";
import { siteErrorOf } from "./thrown.ts";
import { compileEntry, type Entry } from "./top-entries.ts";
import { isTree, loadTrees, requireTree, type Trees } from "./trees.ts";
import { loadWorkspaces, type SiteWorkspace, workspaceFor } from "./workspaces.ts";
import { readYaml } from "./yaml-data.ts";

const TOP = "top.ts";

export class Site {
  readonly trees: Trees;
  readonly pillar: PillarOfSite;
  readonly profiles: readonly Profile[];
  /** Nothing where the file is broken. */
  readonly notifications: readonly Notification[] | undefined;
  readonly workspaces: readonly SiteWorkspace[];
  readonly #modules: SiteModules;
  readonly #top: readonly Entry<Tree | string>[] | SiteError;

  constructor(modules: SiteModules) {
    this.#modules = modules;
    const nodegroups =
      modules.attempt("nodegroups.yaml", nodegroupsOf(modules.paths.root)) ?? parseNodegroups({});
    const world = { paths: modules.paths, nodegroups };
    this.trees = loadTrees(modules);
    this.profiles = loadProfiles(modules);
    this.notifications = loadNotifications(modules, world);
    this.workspaces = loadWorkspaces(modules, world);
    this.#top = this.#loadTop(nodegroups);
    this.pillar = new PillarOfSite(modules, world);
  }

  /** What cannot be used, and is told by `check`. */
  get errors(): SiteError[] {
    const errors = [...this.#modules.errors.values()];
    const known = new Set(errors.map(({ message }) => message));
    return this.#top instanceof SiteError && !known.has(this.#top.message) ? [...errors, this.#top] : errors;
  }

  /** Without a top.ts single trees can be compiled still. */
  #loadTop(nodegroups: Nodegroups): readonly Entry<Tree | string>[] | SiteError {
    const { paths } = this.#modules;
    if (!paths.isFile(TOP))
      return new SiteError("site/missing", "the site has no top.ts", {
        hint: 'It says what is for whom: `export default top({ "*": ["base"] })`.',
      });
    try {
      const { default: top } = this.#modules.load(TOP);
      if (typeof top !== "object" || top === null || (top as Partial<Top>).isTop !== true)
        throw new SiteError("site/broken", "the default export is not what `top` gives", {
          hint: 'Write `export default top({ "*": [base] })`.',
        });
      const entries = (top as Top).entries.map(({ target, trees }) =>
        compileEntry({ paths, nodegroups }, TOP, target, trees),
      );
      for (const { values, target } of entries)
        for (const value of values) this.#placed(value, () => this.#treeOf(value, target));
      return entries;
    } catch (thrown) {
      return siteErrorOf(thrown, paths, { file: TOP });
    }
  }

  /** A name that is wrong is told where it is written. */
  #placed(value: unknown, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      const at = typeof value === "string" ? literalIn(this.#modules.paths.read(TOP), value) : undefined;
      throw siteErrorOf(thrown, this.#modules.paths, { file: TOP, ...at });
    }
  }

  #treeOf(value: unknown, target: string): { readonly file: string; readonly tree: Tree } {
    if (typeof value === "string") return requireTree(this.trees, value, this.#modules.errors);
    if (isTree(value)) return this.trees.byTree.get(value) ?? { file: TOP, tree: value };
    throw new SiteError("site/broken", `the entry for ${JSON.stringify(target)} holds what is not a tree`, {
      hint: "A tree is the default export of a file below states/, or its name as a text.",
    });
  }

  /** What is to be true of a node. */
  compile(
    node: NodeInput,
    asked: Asked,
    bundle: string | null,
  ): { catalog: Catalog; warnings: readonly string[] } {
    const declarations = this.#asked(node, asked);
    const { specs, kinds } = this.trees;
    const own = new Set(kinds.map(({ name }) => name));
    return compileDeclarations(declarations, { bundle, specs, own }, this.#modules.paths);
  }

  #asked(node: NodeInput, { single, workspace, trees }: Asked): readonly Declaration[] {
    if (single) return [this.#single(single)];
    if (workspace === undefined) return this.#declarations(node, trees);
    const { id, grains, assigned } = node;
    const known = { node: { id }, grains, assigned, pillar: this.pillar.of(node).value };
    return [workspaceFor(this.workspaces, workspace, { modules: this.#modules, known })];
  }

  #single({ state, key, params }: NonNullable<Asked["single"]>): Declaration {
    const spec = this.trees.specs[state];
    if (spec) return declare(spec, key, params);
    const meant = closest(state, Object.keys(this.trees.specs));
    throw new SiteError("site/missing", `there is no state ${JSON.stringify(state)}`, {
      hint: meant === undefined ? "`boma-master doc` lists the states." : `Did you mean \`${meant}\`?`,
    });
  }

  #declarations(node: NodeInput, names: readonly string[] | undefined): readonly Declaration[] {
    const trees = names
      ? names.map((name) => requireTree(this.trees, name, this.#modules.errors))
      : this.#entriesFor(node);
    const { id, grains, assigned } = node;
    const pillar = this.pillar.of(node).value;
    return trees.flatMap(({ tree, file }) => {
      this.#modules.opening(file);
      try {
        return assertDeclarations(tree({ node: { id }, grains, assigned, pillar }), file);
      } catch (thrown) {
        throw siteErrorOf(thrown, this.#modules.paths, { file });
      }
    });
  }

  #entriesFor(node: NodeInput) {
    if (this.#top instanceof SiteError) throw this.#top;
    const found = new Map<Tree, { readonly file: string; readonly tree: Tree }>();
    for (const { matches, values, target } of this.#top)
      if (matches(node))
        for (const value of values) {
          const named = this.#treeOf(value, target);
          found.set(named.tree, named);
        }
    return [...found.values()];
  }
}

function assertDeclarations(given: unknown, file: string): readonly Declaration[] {
  const place = { file };
  for (const one of Array.isArray(given) ? (given as unknown[]) : [given]) {
    if (typeof one === "object" && one !== null && specOf(one as Declaration)) continue;
    if (one instanceof Promise || typeof (one as { then?: unknown } | undefined)?.then === "function")
      throw new SiteError("site/broken", "the tree gives a promise", {
        place,
        hint: "A tree is computed at once: take out `async` and `await`.",
      });
    throw new SiteError("site/broken", `the tree gives what is no declaration, but of type ${typeof one}`, {
      place,
      hint: "Every part is a declaration such as `file.managed(…)`, a list of them, or `false`.",
    });
  }
  return given as readonly Declaration[];
}

function loadProfiles(modules: SiteModules): Profile[] {
  const profiles: Profile[] = [];
  for (const file of modules.list("profiles", [".ts", ".js", ".yaml", ".yml"]))
    modules.attempt(file, () => {
      const name = file.slice("profiles/".length).replace(/\.\w+$/, "");
      if (!PROFILE_NAME.test(name))
        throw new SiteError("site/profile", `${name} cannot be a profile's name`, {
          place: { file },
          hint: "Names match [a-z0-9][a-z0-9._-]*, without folders.",
        });
      const other = profiles.find((profile) => profile.name === name);
      if (other)
        throw new SiteError("site/profile", `${other.file} is the profile ${name} as well`, {
          place: { file },
        });
      profiles.push({ ...readProfile(modules, file), name, file });
    });
  return profiles;
}

function readProfile(modules: SiteModules, file: string): z.output<typeof ProfileFile> {
  const yaml = /\.ya?ml$/.test(file) ? readYaml(modules.paths.read(file), file) : undefined;
  const read = ProfileFile.safeParse(yaml ? (yaml.value ?? {}) : modules.load(file)["default"]);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])] as (string | number)[];
  const names = issue?.path.length === 0 ? Object.keys(ProfileFile.shape) : ["mac", "hostname"];
  const meant = unknown === undefined ? undefined : closest(unknown, names);
  throw new SiteError("site/profile", `this is not a profile:\n${z.prettifyError(read.error)}`, {
    place: { file, ...yaml?.placeOf(path) },
    hint:
      meant === undefined
        ? "It holds `roles`, `assign`, `match` and `default`."
        : `Did you mean \`${meant}\`?`,
  });
}
