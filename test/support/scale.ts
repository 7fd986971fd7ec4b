/**
 * A fleet of thousands below one master, as `npm run test:scale` and the bench
 * of the same name have it: emulated nodes in as few processes as can hold
 * them, and the questions that both ask.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BomaError, ExitCode } from "@boma/protocol";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { Client } from "../../packages/master/src/client/client.ts";
import type { MasterStatus } from "../../packages/master/src/commands/status.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Fleet } from "./fleet.ts";
import type { Failure, RunDocument } from "./run.ts";

/** A node takes a few hundred kilobytes and three files; one process with all of them would be one core's work. */
const NODES_PER_PROCESS = 2_500;
const STATES = 20;
const LOOK_MS = 250;
const ANSWER_MS = 1_000;

const TOP = `import { top } from "@boma/states";
import files from "./states/files.ts";
export default top({ "*": [files] });
`;
const FILES = `import { file, tree } from "@boma/states";
export default tree(({ node }) => {
  const dir = file.directory("/etc/fleet", { mode: "0755" });
  const files = Array.from({ length: ${STATES - 1} }, (_, index) =>
    file.managed(\`/etc/fleet/\${index}\`, { contents: \`\${node.id} \${index}\\n\`, mode: "0644", require: dir }),
  );
  return [dir, ...files];
});
`;

export class ScaleFleet implements AsyncDisposable {
  readonly fleet: Fleet;
  /** The ids of all nodes, in their order. */
  readonly ids: string[] = [];
  #processes = 0;

  private constructor(fleet: Fleet) {
    this.fleet = fleet;
  }

  static async start(): Promise<ScaleFleet> {
    return new ScaleFleet(await Fleet.start());
  }

  /** Enrols more nodes, until there are so many; says how long that took. */
  async growTo(nodes: number): Promise<number> {
    const began = performance.now();
    const more: Promise<unknown>[] = [];
    while (this.ids.length < nodes) {
      const count = Math.min(NODES_PER_PROCESS, nodes - this.ids.length);
      const prefix = `p${++this.#processes}`;
      for (let index = 1; index <= count; index++)
        this.ids.push(`${prefix}-${String(index).padStart(4, "0")}`);
      more.push(this.fleet.emulate(count, prefix));
    }
    await Promise.all(more);
    return performance.now() - began;
  }

  /** A site of twenty states for every node. */
  writeSite(): void {
    const site = join(this.fleet.home, "site");
    rmSync(site, { recursive: true, force: true });
    mkdirSync(join(site, "states"), { recursive: true });
    writeFileSync(join(site, "top.ts"), TOP);
    writeFileSync(join(site, "states/files.ts"), FILES);
  }

  /** What came of it, for each status that is not this one; and how long whoever typed it waited. */
  async run(
    expected: "ok" | "changed",
    ...words: readonly string[]
  ): Promise<{ readonly ms: number; readonly run: RunDocument; readonly others: readonly string[] }> {
    const began = performance.now();
    const { value: run } = await this.fleet.json<RunDocument | Failure>("run", ...words);
    const ms = performance.now() - began;
    if (!("nodes" in run)) throw new Error(`boma-master run ${words.join(" ")}: ${run.error.message}`);
    const others = Object.entries(run.nodes)
      .filter(([, { status }]) => status !== expected)
      .map(([id, { status, error }]) => `${id} ${status}: ${error?.message}`);
    return { ms, run, others };
  }

  /** Resolves when the master sees every node connected, over a connection made since then; it and the bus may be away until then. */
  async allConnected(since = 0): Promise<void> {
    while (!(await this.#areConnected(since))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }

  async #areConnected(since: number): Promise<boolean> {
    try {
      await using client = await Client.connect(readOperatorFile(homeAt(this.fleet.home)));
      const { nodes } = await client.ask<MasterStatus>("master.status", {}, ANSWER_MS);
      if (nodes.connected !== this.ids.length) return false;
      // A master that has just come back may not know yet who has not.
      const views = await client.ask<NodeView[]>("nodes.list", { revoked: false });
      return views.filter((node) => (node.since ?? -1) >= since).length === this.ids.length;
    } catch (thrown) {
      if (thrown instanceof BomaError && thrown.exit === ExitCode.unreachable) return false;
      throw thrown;
    }
  }

  /** MB of memory that each part holds now. */
  get rss(): { readonly master: number; readonly bus: number; readonly emulators: number } {
    const emulators = [...this.fleet.agents.values()].map(({ pid }) => rssOf(pid));
    return {
      master: rssOf(this.fleet.master.pid),
      bus: rssOf(this.fleet.busPid),
      emulators: emulators.reduce((sum, mb) => sum + mb, 0),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.fleet[Symbol.asyncDispose]();
  }
}

const rssOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
