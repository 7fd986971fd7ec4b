/** Sites that tests make, each below a directory of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import {
  type Asked,
  type Compiled,
  type NodeInput,
  SiteCompiler,
  type SiteCompilerOptions,
} from "../../packages/master/src/site/site-compiler.ts";
import type { SiteError } from "../../packages/master/src/site/site-error.ts";

export class TestSite implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), "boma-test-site-"));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    const path = join(this.dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export const IMPORTS = 'import { file, read, template, top, tree } from "@boma/states";';
export const TOP = `${IMPORTS}\nexport default top({ "*": "a" });\n`;
/** A tree whose body begins on line 3. */
export const treeOf = (...body: readonly string[]) =>
  [IMPORTS, "export default tree(({ node, grains, assigned, pillar }: any) => {", ...body, "});", ""].join(
    "\n",
  );
export const MOTD =
  'return [file.managed("/etc/motd", { contents: `${node.id} ${grains.os} ${assigned.env}` })];';

export const node = (id: string, assigned: NodeInput["assigned"] = {}): NodeInput => ({
  key: `KEY-${id}`,
  id,
  grains: { os: "debian" },
  assigned,
});

export interface Opened extends AsyncDisposable {
  readonly compiler: SiteCompiler;
  readonly site: TestSite;
  readonly notes: string[];
}
export function open(
  files: Readonly<Record<string, string>>,
  options: Partial<SiteCompilerOptions> = {},
): Opened {
  const site = new TestSite({ "top.ts": TOP, ...files });
  const notes: string[] = [];
  const compiler = new SiteCompiler({ site: site.dir, note: (text) => notes.push(text), ...options });
  const end = async () => {
    await compiler.close();
    site[Symbol.dispose]();
  };
  return { compiler, site, notes, [Symbol.asyncDispose]: end };
}

export async function one(
  compiler: SiteCompiler,
  of = node("n1"),
  asked?: Asked,
): Promise<Compiled | SiteError> {
  const results = await compiler.compile([of], asked);
  return results.get(of.key) as Compiled | SiteError;
}
export async function compiled(compiler: SiteCompiler, of = node("n1"), asked?: Asked): Promise<Compiled> {
  const result = await one(compiler, of, asked);
  if (result instanceof Error) throw result;
  return result;
}
export const QUICK = { limits: { timeMs: 4000, memoryMiB: 96 } };

export async function refusal(
  files: Readonly<Record<string, string>>,
  options: Partial<SiteCompilerOptions> = {},
): Promise<SiteError> {
  await using opened = open(files, options);
  const result = await one(opened.compiler).catch((thrown: unknown) => thrown);
  if (!(result instanceof Error)) throw new Error("the site was accepted");
  return result as SiteError;
}
export const placed = ({ code, place }: SiteError) => ({ code, ...place });
