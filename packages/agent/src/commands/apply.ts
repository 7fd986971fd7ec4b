/** A tree on this machine, without a master: the same compiler and the same engine as in a job. */
import { lstat, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { styleText } from "node:util";

import { BomaError, ExitCode, type Grains, proposeNodeId } from "@boma/protocol";
import {
  type AnySpec,
  type Catalog,
  compileCatalog,
  type Declaration,
  type Known,
  noteOrigins,
  parseTree,
  reportText,
  type RunReport,
  secretsIn,
  specOf,
  type Tree,
  withNamed,
} from "@boma/states";

import { DutyBook } from "../duties/duty-book.ts";
import { messageOf } from "../files.ts";
import { confinedHost, realHost } from "../host/hosts.ts";
import { POLICY_DIR, readPolicy } from "../policy.ts";
import { loadTree } from "../states/load-tree.ts";
import { builtIn } from "../states/node-states.ts";
import { pendingFile } from "../states/pending-file.ts";
import { stateRunner } from "../states/runner.ts";
import { Turns } from "../states/turn.ts";
import { agentDir } from "./home.ts";
import { machineGrains } from "./machine-grains.ts";

export interface ApplyOptions {
  readonly test?: true | undefined;
  readonly pillar?: string | undefined;
  readonly root?: string | undefined;
  readonly json?: true | undefined;
  readonly home?: string | undefined;
}

export async function apply(file: string, options: ApplyOptions): Promise<void> {
  const path = resolve(file);
  const root = options.root === undefined ? undefined : resolve(options.root);
  const grains = (await machineGrains([], root).collect()).grains;
  const declarations = [...withNamed(await readTree(path, await knownHere(grains, options.pillar)))];
  assertNoSecrets(declarations);
  const { catalog, warnings } = compileCatalog(declarations);
  for (const { message } of warnings) process.stderr.write(`warning: ${message}\n`);
  const report = await runHere({ catalog, own: ownStates(declarations) }, root, options);
  print(report, options);
  process.exitCode = report.ok ? ExitCode.ok : ExitCode.failed;
}

/** Kinds of state that the tree brings itself. */
const ownStates = (declarations: readonly Declaration[]): Readonly<Record<string, AnySpec>> =>
  Object.fromEntries(
    declarations.flatMap((declaration) => {
      const spec = specOf(declaration);
      return spec ? [[spec.name, spec]] : [];
    }),
  );

interface Compiled {
  readonly catalog: Catalog;
  readonly own: Readonly<Record<string, AnySpec>>;
}

async function runHere(
  { catalog, own }: Compiled,
  root: string | undefined,
  { test, home, json }: ApplyOptions,
): Promise<RunReport> {
  const dir = root === undefined ? join(agentDir(home), "states") : await ownDirBelow(root);
  const policy = await readPolicy(join(root ?? "/", POLICY_DIR));
  const ending = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => ending.abort(new BomaError("job/refused", "the apply was interrupted")));
  const world = {
    machine: root === undefined ? realHost : confinedHost(root),
    duties: await DutyBook.open(join(dir, "../duties.json"), { durable: true }),
    turns: new Turns(dir),
    pending: pendingFile(join(dir, "pending.json")),
    permit: (state: string) => policy.check(state, "write"),
  };
  const runner = stateRunner(world, {
    who: `boma-agent apply (pid ${process.pid})`,
    parcel: () => Promise.resolve({ catalog, secrets: {}, partial: true }),
    states: async () => ({ ...own, ...(await builtIn()) }),
    signal: ending.signal,
    line: ({ text }) => void (!json && process.stderr.write(`  ${text}\n`)),
    progress: () => undefined,
  });
  return runner.run(test ? "plan" : "apply");
}

/** What is confined leads nowhere else: a link in its place would take lock and notes out of the root. */
async function ownDirBelow(root: string): Promise<string> {
  for (const path of [join(root, ".boma"), join(root, ".boma/states")])
    if ((await lstat(path).catch(() => undefined))?.isSymbolicLink())
      throw new BomaError("confined/refused", `${path} is a symbolic link, which may lead out of ${root}`);
  return join(root, ".boma/states");
}

async function knownHere(grains: Grains, pillar: string | undefined): Promise<Known> {
  return {
    grains,
    assigned: {},
    node: { id: proposeNodeId(hostname()) },
    pillar: pillar === undefined ? {} : await readPillar(resolve(pillar)),
  };
}

async function readPillar(path: string): Promise<unknown> {
  try {
    const { parse } = await import("yaml");
    return parse(await readFile(path, "utf8"), { maxAliasCount: 100 }) as unknown;
  } catch (cause) {
    throw new BomaError("usage/file", `the pillar ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

async function readTree(path: string, known: Known): Promise<readonly Declaration[]> {
  const tree = await openTree(path);
  return tree(known);
}

async function openTree(path: string): Promise<Tree> {
  if (/\.ya?ml$/.test(path)) return parseTree(await readText(path), path, await builtIn());
  // In YAML the parser knows the places; here the stack does.
  const dir = dirname(path);
  noteOrigins((file) => file.startsWith(`${dir}/`));
  return loadTree(path);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new BomaError("usage/file", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Their values are the master's to give. */
function assertNoSecrets(declarations: readonly Declaration[]): void {
  for (const { id, params } of declarations) {
    const [reference] = secretsIn(params);
    if (reference !== undefined)
      throw new BomaError("state/secret", `${id} refers to ${reference}, which only a master can resolve`, {
        hint: "Apply this tree through a master, or give the value in the pillar.",
      });
  }
}

function print(report: RunReport, { json }: ApplyOptions): void {
  const text = json
    ? JSON.stringify(report)
    : reportText(report, (colour, part) => styleText(colour, part, { stream: process.stdout }));
  process.stdout.write(`${text}\n`);
}
