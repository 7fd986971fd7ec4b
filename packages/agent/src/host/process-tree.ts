/**
 * Every process that a command has started. Its group is not enough, because
 * whoever calls setsid leaves it; its tree is not enough, because whoever loses
 * its parent leaves that. So each command carries a mark in its environment,
 * which children inherit, and the three ways of looking are put together.
 */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** The variable that marks what a command has started. */
export const MARK = "BOMA_CALL";

const TERM_MS = 2_000;
const LOOK_MS = 20;
const KILL_ROUNDS_MAX = 50;

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Clock ticks from boot to its start: a pid that was given out anew has another. */
  readonly start: string;
  readonly marked: boolean;
}

/** What to look for: the command's own process, and the mark of everything below it. */
export interface TreeRoot {
  readonly root: number;
  readonly mark: string;
}

/** Pids, each with its start. */
export type ProcessTree = ReadonlyMap<number, string>;

async function readRow(pid: number, mark: string): Promise<ProcessRow | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", parent, group] = fields;
    if ("ZX".includes(state)) return undefined;
    const marked = (await readEnvironment(pid)).includes(`\0${MARK}=${mark}\0`);
    return { pid, parent: Number(parent), group: Number(group), start: fields[19] ?? "", marked };
  } catch {
    return undefined; // It has ended between the listing and the reading.
  }
}

const readEnvironment = async (pid: number): Promise<string> =>
  `\0${await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "")}\0`;

/** The living processes of the command, with those that were known before and whatever these have started. */
async function findTree({ root, mark }: TreeRoot, known: ProcessTree = new Map()): Promise<ProcessTree> {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const rows = (await Promise.all(pids.map((pid) => readRow(pid, mark)))).filter((row) => row !== undefined);
  const tree = new Map<number, string>();
  for (const row of rows)
    if (row.group === root || row.marked || known.get(row.pid) === row.start) tree.set(row.pid, row.start);
  for (let grown = true; grown;) {
    grown = false;
    for (const row of rows) {
      if (tree.has(row.pid) || !tree.has(row.parent)) continue;
      tree.set(row.pid, row.start);
      grown = true;
    }
  }
  tree.delete(process.pid);
  return tree;
}

/** Signals each of them, and no process that has got one of their pids since. */
async function signalTree(tree: ProcessTree, signal: NodeJS.Signals): Promise<void> {
  for (const [pid, start] of tree) {
    if ((await readRow(pid, ""))?.start !== start) continue;
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself just now.
    }
  }
}

/** Asks all of them to end, and after a while makes those end that are left. */
export async function endTree(root: TreeRoot): Promise<void> {
  let tree = await findTree(root);
  await signalTree(tree, "SIGTERM");
  for (const deadline = performance.now() + TERM_MS; performance.now() < deadline;) {
    tree = await findTree(root, tree);
    if (tree.size === 0) return;
    await sleep(LOOK_MS);
  }
  for (let round = 0; round < KILL_ROUNDS_MAX && tree.size > 0; round++) {
    // All of them are stopped before the first is killed, so that none can start another in between.
    await signalTree(tree, "SIGSTOP");
    tree = await findTree(root, tree);
    await signalTree(tree, "SIGKILL");
    await sleep(LOOK_MS);
    tree = await findTree(root, tree);
  }
}
