/** Files of two lines on this machine alone: boma, the tools that do the same, and the bare operations. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ensurePeers } from "../../scripts/ensure-peers.ts";
import { each, type Files, linesOf, pathOf, peers, type Tool, write } from "../peers.ts";
import { median } from "../report.ts";
import type { Bench } from "../run.ts";
import { type Program, timed } from "../timed.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const AGENT = join(root, "dist/boma-agent.mjs");
const FLOOR = join(root, "bench/file-floor.mjs");
/** Whoever takes longer for both than this is not asked again. */
const PATIENCE_MS = 60_000;

type Kind = "first" | "no-op";
const KINDS: readonly Kind[] = ["first", "no-op"];
const BUDGETS: Readonly<Record<string, string>> = { "1000 first": "≤ 1,300", "1000 no-op": "≤ 700" };

/** Its figures, run by run. */
interface Contender {
  readonly label: string;
  readonly ms: Readonly<Record<Kind, number[]>>;
  /** Of the bare operations also what the loop alone took. */
  readonly loopMs: Readonly<Record<Kind, number[]>>;
  readonly peakMb: number[];
  program(files: Files, kind: Kind): Program;
  given: boolean;
}

const contender = (label: string, program: Contender["program"]): Contender => ({
  label,
  program,
  ms: { first: [], "no-op": [] },
  loopMs: { first: [], "no-op": [] },
  peakMb: [],
  given: false,
});

const YAML = "boma-agent apply, YAML";
const SYNCED = "bare operations in node, synced as boma's";

const boma = (ending: "yaml" | "ts"): Contender["program"] => {
  return (files) => {
    const yaml = () =>
      each(
        files,
        (path, lines) =>
          `- file.managed: ${path}\n  contents: |\n${lines.map((line) => `    ${line}\n`).join("")}  mode: "0644"\n`,
      );
    const typescript = () => `import { file, tree } from "@boma/states";
export default tree(() =>
  Array.from({ length: ${files.count} }, (_, index) =>
    file.managed(\`${files.into}/file-\${index}\`, {
      contents: \`first line of file \${index}\\nsecond line of file \${index}\\n\`,
      mode: "0644",
    }),
  ),
);
`;
    const tree = write(join(files.own, `tree.${ending}`), ending === "yaml" ? yaml() : typescript());
    return { argv: [process.execPath, AGENT, "apply", tree, "--json", "--home", join(files.own, "home")] };
  };
};

const bare = (write: "synced" | "plain"): Contender["program"] => {
  return ({ into, count }, kind) => ({
    argv: [process.execPath, FLOOR, into, String(count), kind === "first" ? write : "look"],
  });
};

export async function localApply(bench: Bench): Promise<void> {
  if (bench.peers) await ensurePeers();
  const there: { readonly tool: Tool; readonly version: string }[] = [];
  for (const tool of peers) {
    const version = await tool.version();
    if (version === undefined)
      bench.problem(`${tool.name} is not installed: no figures of it (--peers installs it)`);
    else there.push({ tool, version });
  }
  for (const count of bench.quick ? [100] : [100, 1000]) {
    const beside = there
      .filter(({ tool }) => count < 1000 || tool.name !== "Ansible" || bench.long)
      .map(({ tool, version }) => contender(`${tool.name} ${version}`, (files) => tool.program(files)));
    await compare(bench, count, beside);
  }
}

async function compare(bench: Bench, count: number, others: readonly Contender[]): Promise<void> {
  const all = [
    contender(YAML, boma("yaml")),
    contender("boma-agent apply, TypeScript", boma("ts")),
    contender(SYNCED, bare("synced")),
    contender("bare operations in node, not synced", bare("plain")),
    ...others,
  ];
  // A first run of each fills the caches of its program and is not counted.
  for (const one of all) await twice(bench, one, 10);
  for (const one of all) {
    for (const list of [...Object.values(one.ms), ...Object.values(one.loopMs), one.peakMb]) list.length = 0;
  }
  for (let run = 0; run < bench.runs; run++)
    for (const one of all) if (!one.given) one.given = (await twice(bench, one, count)) > PATIENCE_MS;
  tell(bench, count, all);
}

/** Into an empty directory, and once more into the same. */
async function twice(bench: Bench, one: Contender, count: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "boma-bench-"));
  try {
    const files = { count, into: join(dir, "files"), own: join(dir, "own") };
    mkdirSync(files.into);
    mkdirSync(files.own);
    const stamps: string[] = [];
    let sum = 0;
    for (const kind of KINDS) {
      const program = one.program(files, kind);
      const { ms, code, stdout, stderr, peakMb } = await timed(program);
      sum += ms;
      one.ms[kind].push(ms);
      one.peakMb.push(peakMb);
      if (/^[\d.]+\s*$/.test(stdout)) one.loopMs[kind].push(Number(stdout));
      if (code !== 0) bench.problem(`${one.label}, ${kind}: exit ${code}: ${(stderr || stdout).slice(-500)}`);
      stamps.push(stampOf(bench, one, files));
    }
    if (stamps[0] !== stamps[1]) bench.problem(`${one.label} wrote files anew that were as they should be`);
    return sum;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Changes when a file is written again; complains of what is not as it was wanted. */
function stampOf(bench: Bench, { label }: Contender, files: Files): string {
  const stamps: string[] = [];
  for (let index = 0; index < files.count; index++) {
    const path = pathOf(files, index);
    const wanted = `${linesOf(index).join("\n")}\n`;
    if (
      !existsSync(path) ||
      readFileSync(path, "utf8") !== wanted ||
      (statSync(path).mode & 0o777) !== 0o644
    ) {
      bench.problem(`${label}: ${path} is not as it should be`);
      break;
    }
    stamps.push(`${statSync(path).ino}:${statSync(path).mtimeMs}`);
  }
  return stamps.join(" ");
}

function tell(bench: Bench, count: number, all: readonly Contender[]): void {
  for (const kind of KINDS) {
    const name = `${count} ${kind}`;
    for (const one of all) {
      const isBoma = one.label.startsWith("boma");
      const loop = one.loopMs[kind];
      bench.add({
        name: `${count} files, ${kind}: ${one.label}`,
        unit: "ms",
        runs: one.ms[kind],
        ...(isBoma && BUDGETS[name] && { budget: BUDGETS[name] }),
        ...(loop.length > 0 && { note: `the loop alone ${median(loop).toFixed(0)} ms` }),
      });
    }
    ratios(bench, name, kind, all);
  }
  for (const one of all)
    if (!one.label.startsWith("bare"))
      bench.add({
        name: `${count} files, peak RSS: ${one.label}`,
        unit: "MB",
        runs: one.peakMb,
      });
}

/** Medians against medians, whole processes all. */
function ratios(bench: Bench, name: string, kind: Kind, all: readonly Contender[]): void {
  const [yaml] = all;
  const own = median(yaml!.ms[kind]);
  const floor = all.find(({ label }) => label === SYNCED)!;
  bench.add({
    name: `${name.replace(" ", " files, ")}: boma (YAML) as a multiple of the bare operations`,
    unit: "×",
    runs: [own / median(floor.ms[kind])],
    budget: "≤ 10",
    note: `of the loop alone, without the start of node: ${(own / median(floor.loopMs[kind])).toFixed(1)}`,
  });
  const others = all.filter(({ label }) => !/^(boma|bare)/.test(label));
  const fastest = others.toSorted((a, b) => median(a.ms[kind]) - median(b.ms[kind]))[0];
  if (fastest)
    bench.add({
      name: `${name.replace(" ", " files, ")}: the fastest of the others as a multiple of boma (YAML)`,
      unit: "×",
      runs: [median(fastest.ms[kind]) / own],
      budget: "≥ 3",
      note: fastest.label,
    });
}
