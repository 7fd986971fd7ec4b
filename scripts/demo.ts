/**
 * The whole of boma in a minute, below one temporary directory: a master with its
 * own nats-server and three confined agents that enrol themselves.
 *
 *   npm run demo              runs, shows, and leaves nothing behind
 *   npm run demo -- --keep    leaves it running and says what to type next
 *   npm run demo -- --stop    ends what --keep left, and removes it
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs, styleText } from "node:util";

const { values: asked } = parseArgs({ options: { keep: { type: "boolean" }, stop: { type: "boolean" } } });
const state = join(tmpdir(), "boma-demo.json");
const bin = (name: "agent" | "master") =>
  fileURLToPath(new URL(`../packages/${name}/bin/boma-${name}.mjs`, import.meta.url));

interface Running {
  readonly dir: string;
  readonly pids: number[];
}

const nodes = [
  { id: "web-01", env: "dev" },
  { id: "web-02", env: "dev" },
  { id: "db-01", env: "prod" },
] as const;

const say = (text: string) => console.log(`\n${styleText("bold", text)}`);

function start(running: Running, name: string, program: "agent" | "master", args: readonly string[]) {
  const log = openSync(join(running.dir, `${name}.log`), "a");
  const child = spawn(process.execPath, [bin(program), ...args], {
    stdio: ["ignore", program === "master" ? "pipe" : log, log],
    detached: asked.keep === true,
    cwd: running.dir,
  });
  running.pids.push(child.pid!);
  return child;
}

/** Runs a command as a user would, on the user's own screen. */
const type = (home: string, ...args: readonly string[]): void => typed(home, args, 0);

function typed(home: string, args: readonly string[], expected: number): void {
  console.log(
    styleText(
      "cyan",
      `$ boma-master ${args.map((word) => (/^[\w.=-]+$/.test(word) ? word : `'${word}'`)).join(" ")}`,
    ),
  );
  const { status } = spawnSync(process.execPath, [bin("master"), ...args, "--home", home], {
    stdio: "inherit",
  });
  if (status !== expected) throw new Error(`boma-master ${args[0]} ended with ${status}`);
}

function ask<T>(home: string, ...args: readonly string[]): T {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [bin("master"), ...args, "--json", "--home", home],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`boma-master ${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

async function untilReady(running: Running, home: string): Promise<void> {
  const master = start(running, "master", "master", ["serve", "--listen", "127.0.0.1:0", "--home", home]);
  const lines = createInterface({ input: master.stdout! });
  const ready = Promise.withResolvers<void>();
  lines.on("line", (line) => {
    console.log(line);
    if (line.includes("ready")) ready.resolve();
  });
  master.on("exit", (code) =>
    ready.reject(
      new Error(`the master ended with ${code}:\n${readFileSync(join(running.dir, "master.log"), "utf8")}`),
    ),
  );
  await ready.promise;
  if (asked.keep) master.unref();
}

/** Follows the events, as a user would, until there was enough. */
async function follow(home: string, pattern: string, isEnough: (line: string) => boolean): Promise<void> {
  const words = ["events", pattern, "--since", "1h", "--follow"];
  console.log(styleText("cyan", `$ boma-master events '${pattern}' --since 1h --follow`));
  const events = spawn(process.execPath, [bin("master"), ...words, "--home", home], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let wasEnough = false;
  for await (const line of createInterface({ input: events.stdout! })) {
    console.log(line.length > 150 ? `${line.slice(0, 149)}…` : line);
    wasEnough = isEnough(line);
    if (wasEnough) break;
  }
  events.kill();
  if (!wasEnough) throw new Error(`the events ended before what was waited for`);
}

function allConnected(): (line: string) => boolean {
  const connected = new Set<string>();
  return (line) => {
    for (const { id } of nodes) if (line.includes("node.connected") && line.includes(id)) connected.add(id);
    return connected.size === nodes.length;
  };
}

async function run(running: Running): Promise<void> {
  const home = join(running.dir, "master");
  say("A master: trust root, keys, its own nats-server");
  type(home, "init");
  await untilReady(running, home);

  say("Three agents, each confined below a root of its own, with a boot token for their environment");
  for (const { id, env } of nodes) {
    const { joinToken, servers } = ask<{ joinToken: string; servers: string[] }>(
      home,
      "token",
      "create",
      "--env",
      env,
    );
    const root = join(running.dir, id);
    mkdirSync(root);
    const tokenFile = join(root, "token");
    writeFileSync(tokenFile, joinToken, { mode: 0o600 });
    const agent = start(running, id, "agent", [
      "run",
      "--master",
      servers.join(","),
      "--token-file",
      tokenFile,
      "--id",
      id,
      "--root",
      root,
      "--home",
      join(root, "boma"),
    ]);
    if (asked.keep) agent.unref();
  }
  await follow(home, "node.*", allConnected());

  say("What there is");
  type(home, "nodes");
  say("Ask the development nodes");
  type(home, "run", "env:dev", "test.ping");
  type(home, "grains", "env:dev", "env", "os", "arch", "cpus", "ram");
  say(
    "What the site says should be so: looked at first, then made so, and a second time there is nothing to do",
  );
  type(home, "check", "--no-types");
  type(home, "plan", "env:dev");
  type(home, "run", "env:dev", "state.apply");
  type(home, "run", "env:dev", "state.apply");
  say("Somebody changes a managed file by hand: the agent sees it, and the fleet shows it");
  console.log(styleText("cyan", "$ echo 'by hand' > /etc/motd      # on web-01"));
  writeFileSync(join(running.dir, "web-01/etc/motd"), "by hand\n");
  await follow(home, "drift.*", (line) => line.includes("drift.found") && line.includes("web-01"));
  typed(home, ["drift"], 1);
  say("Who did what to whom, and that nobody rewrote it");
  type(home, "audit", "show");
  type(home, "audit", "verify");
  say("A target says what it means before it is used");
  type(home, "target", "env:prod or (env:dev and not web-02)");
}

async function end({ dir, pids }: Running): Promise<void> {
  for (const pid of pids) signal(pid, "SIGTERM");
  const gone = (pid: number) => !signal(pid, 0);
  for (let waited = 0; waited < 10_000 && !pids.every(gone); waited += 50)
    await new Promise((resolve) => setTimeout(resolve, 50));
  for (const pid of pids) signal(pid, "SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  if (asked.stop) {
    await end(JSON.parse(readFileSync(state, "utf8")) as Running);
    rmSync(state);
    return console.log("stopped, and removed");
  }
  const began = performance.now();
  const running: Running = { dir: mkdtempSync(join(tmpdir(), "boma-demo-")), pids: [] };
  let ok = false;
  const interrupted = () => void end(running).then(() => process.exit(130));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupted);
  try {
    await run(running);
    ok = true;
  } finally {
    if (!ok || !asked.keep) await end(running);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (!asked.keep)
    return console.log(styleText("green", `\nAll green in ${seconds} s, and nothing is left behind.`));
  writeFileSync(state, JSON.stringify(running));
  const flag = `--home ${join(running.dir, "master")}`;
  console.log(styleText("green", `\nGreen in ${seconds} s, and still running. Try:`));
  for (const words of [
    "run 'env:dev' grains.get os ram",
    "run '*' agent.status",
    "grains web-01",
    "events --follow",
    "audit show",
    "revoke web-02",
  ])
    console.log(`  npx boma-master ${words} ${flag}`);
  console.log("stop it with:\n  npm run demo -- --stop");
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(styleText("red", error instanceof Error ? error.message : String(error)));
    process.exit(1);
  },
);
