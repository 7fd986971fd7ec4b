/** Workspaces of Terraform that the site declares: `terraform/NAME/workspace.ts`, and the files beside it. */
import { BomaError, closest, parseDuration } from "@boma/protocol";
import {
  type Declaration,
  declare,
  type Known,
  type TerraformWorkspace,
  WORKSPACE_NAME,
  type WorkspaceFile,
  type WorkspaceInfo,
  workspaceSpec,
} from "@boma/states/core";

import { SiteError } from "./site-error.ts";
import type { SiteModules } from "./site-modules.ts";
import type { SitePaths } from "./site-paths.ts";
import { siteErrorOf } from "./thrown.ts";
import { compileEntry, type World } from "./top-entries.ts";

const FOLDER = "terraform";
const FILE = /^terraform\/([^/]+)\/workspace\.ts$/;
const HIDDEN = /(^|\/)\.(?!terraform\.lock\.hcl$|terraformignore$)/;
const OURS = /(^|\/)(workspace\.ts|[^/]*\.test\.ts)$/;
const STATE = /\.tfstate(\.[^/]*)?$/;

export interface SiteWorkspace {
  readonly name: string;
  readonly file: string;
  readonly options: TerraformWorkspace["options"];
}

export function loadWorkspaces(modules: SiteModules, world: World): SiteWorkspace[] {
  const found: SiteWorkspace[] = [];
  for (const file of modules.list(FOLDER, [".ts"])) {
    const name = FILE.exec(file)?.[1];
    if (name === undefined) continue;
    modules.attempt(file, () => {
      if (!WORKSPACE_NAME.test(name))
        throw new SiteError("terraform/workspace", `${name} cannot be a workspace's name`, {
          place: { file },
          hint: "Names match [a-z0-9][a-z0-9_-]*.",
        });
      const { default: given } = modules.load(file);
      if (!isWorkspace(given))
        throw new SiteError(
          "terraform/workspace",
          "the default export is not what `terraformWorkspace` gives",
          {
            place: { file },
            hint: 'Write `export default terraformWorkspace({ on: "control01" })`.',
          },
        );
      const { options } = given;
      compileEntry(world, file, options.on, []);
      // What is wrong with its files is found by `check` as well.
      filesOf(modules.paths, { name, file, options });
      found.push({ name, file, options });
    });
  }
  return found;
}

const isWorkspace = (given: unknown): given is TerraformWorkspace =>
  typeof given === "object" && given !== null && (given as Partial<TerraformWorkspace>).isWorkspace === true;

export const infoOf = ({ name, options: { on, binary, approvals } }: SiteWorkspace): WorkspaceInfo => ({
  name,
  on,
  binary,
  approvals: {
    count: approvals.count,
    notSubmitter: approvals.notSubmitter,
    ttlMs: parseDuration(approvals.ttl),
  },
});

/** A workspace as it is for its node. */
export function workspaceFor(
  workspaces: readonly SiteWorkspace[],
  name: string,
  { modules, known }: { readonly modules: SiteModules; readonly known: Known },
): Declaration {
  const found = requireWorkspace(workspaces, name);
  const { on: _on, modules: _modules, approvals: _approvals, vars, env, ...rest } = found.options;
  modules.opening(found.file);
  try {
    return declare(workspaceSpec, name, {
      ...rest,
      vars: perNode(vars, known),
      env: perNode(env, known),
      files: filesOf(modules.paths, found),
    });
  } catch (thrown) {
    if (thrown instanceof BomaError && !(thrown instanceof SiteError))
      throw new SiteError("terraform/workspace", thrown.message, {
        place: { file: found.file },
        hint: "docs/guide/infra/terraform.md shows what it takes.",
      });
    throw siteErrorOf(thrown, modules.paths, { file: found.file });
  }
}

export function requireWorkspace<W extends { readonly name: string }>(
  workspaces: readonly W[],
  name: string,
): W {
  const found = workspaces.find((one) => one.name === name);
  if (found) return found;
  const names = workspaces.map((one) => one.name);
  const meant = closest(name, names);
  const all = names.length > 0 ? `There are ${names.slice(0, 10).join(", ")}.` : "It has none yet.";
  throw new BomaError(
    "terraform/workspace",
    `the site has no workspace ${JSON.stringify(name.slice(0, 100))}`,
    {
      hint: meant === undefined ? all : `Did you mean \`${meant}\`?`,
    },
  );
}

function perNode(given: unknown, known: Known): unknown {
  return typeof given === "function" ? (given as (known: Known) => unknown)(known) : (given ?? {});
}

/** Beside the workspace itself the modules that it names, each at its place below terraform/. */
function filesOf(paths: SitePaths, { name, file, options }: SiteWorkspace): WorkspaceFile[] {
  return [name, ...options.modules].flatMap((dir) => {
    const listed = paths.list(`${FOLDER}/${dir}`).map(({ path }) => `${dir}/${path}`);
    const state = listed.find((path) => !HIDDEN.test(path) && STATE.test(path));
    if (state !== undefined)
      throw new SiteError("terraform/workspace", `${FOLDER}/${state} is a state, which holds secrets`, {
        place: { file },
        hint: "The state belongs to the backend, or lies on the node. Take it out of the site.",
      });
    return listed
      .filter((path) => !HIDDEN.test(path) && !OURS.test(path))
      .map((path) => ({ path, bytes: paths.bytes(`${FOLDER}/${path}`) }));
  });
}
