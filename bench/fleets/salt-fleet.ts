/** Salt as its own documentation starts it: one master, fifty minions that are accepted by themselves, all as processes here. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { saltVenv } from "../../scripts/ensure-peers.ts";
import type { TestProcess } from "../../test/support/process.ts";
import { memoryOf } from "../boma.ts";
import { versionOf, write } from "../peers.ts";
import { type Timed, timed } from "../timed.ts";
import { FILES, type FleetTool, linesOf, NODES, type StandingFleet } from "./fleet-tool.ts";
import { endGroup, startGroup } from "./process-group.ts";

const bin = (name: string): string => join(saltVenv, "bin", name);
const READY_MS_MAX = 300_000;

export const saltFleet: FleetTool = {
  name: "Salt",
  version: () => versionOf({ argv: [bin("salt"), "--version"] }, /salt ([\d.]+)/),
  async start(dir): Promise<StandingFleet> {
    const master = join(dir, "master");
    const ports = { publish_port: 24_505, ret_port: 24_506 };
    const quiet = { log_level: "error", log_level_logfile: "error", user: "root" };
    const tree = join(dir, "tree");
    write(
      join(master, "master"),
      JSON.stringify({
        ...quiet,
        ...ports,
        root_dir: master,
        interface: "127.0.0.1",
        auto_accept: true,
        file_roots: { base: [tree] },
      }),
    );
    write(join(tree, "files.sls"), states(join(dir, "nodes")));
    const started = [startGroup(bin("salt-master"), ["-c", master])];
    for (const id of NODES) started.push(minion(dir, id, ports));
    const command = (...words: readonly string[]) => ({
      argv: [bin("salt"), "-c", master, "--static", "--out=json", ...words] as const,
    });
    const fleet: StandingFleet = {
      ping: (target) => command(target, "test.ping"),
      answered,
      apply: () => command("-t", "300", "*", "state.apply", "files"),
      fileOf: (node, index) => join(dir, "nodes", node, `file-${index}`),
      freeze() {
        const pids = treeOf(started.at(-1)!.pid);
        for (const pid of pids) process.kill(pid, "SIGSTOP");
        return () => {
          for (const pid of pids) process.kill(pid, "SIGCONT");
        };
      },
      memory: () => ({ master: pssOf(started[0]!), agent: pssOf(started[1]!) }),
      async [Symbol.asyncDispose]() {
        await Promise.all(started.map((one) => endGroup(one)));
      },
    };
    await allAnswer(fleet);
    return fleet;
  },
};

const states = (nodes: string): string =>
  Array.from(
    { length: FILES },
    (_, index) =>
      `${nodes}/{{ grains['id'] }}/file-${index}:\n  file.managed:\n    - makedirs: True\n    - mode: "0644"\n    - contents:\n${linesOf(
        index,
      )
        .map((line) => `      - ${line}\n`)
        .join("")}`,
  ).join("");

function minion(dir: string, id: string, ports: { publish_port: number; ret_port: number }): TestProcess {
  const own = join(dir, "minions", id);
  mkdirSync(own, { recursive: true });
  const config = {
    root_dir: own,
    id,
    master: "127.0.0.1",
    master_port: ports.ret_port,
    publish_port: ports.publish_port,
    log_level: "error",
    log_level_logfile: "error",
    user: "root",
  };
  write(join(own, "minion"), JSON.stringify(config));
  return startGroup(bin("salt-minion"), ["-c", own]);
}

/** Nodes that it does not name did not answer. */
function answered({ stdout }: Timed): number {
  try {
    const said = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
    return Object.values(said).filter((value) => value === true).length;
  } catch {
    return 0;
  }
}

async function allAnswer(fleet: StandingFleet): Promise<void> {
  const end = performance.now() + READY_MS_MAX;
  for (let there = 0; there < NODES.length; there = answered(await timed(fleet.ping("*"))))
    if (performance.now() > end) throw new Error(`only ${there} of ${NODES.length} minions of Salt answer`);
}

/** A process and what it started. */
function treeOf(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap((child) => treeOf(child))];
}

const pssOf = ({ pid }: TestProcess): number =>
  treeOf(pid).reduce((sum, one) => sum + memoryOf(one).pssMb, 0);
