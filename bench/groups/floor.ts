/** What cannot be beaten: the start of a command line, the bus alone, one signature. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { newSigningKey, signBytes, verifyBytes } from "@boma/protocol";
import { connect, type NatsConnection } from "nats";

import { requireNatsServer } from "../../packages/master/src/bus/program.ts";
import { version } from "../boma.ts";
import type { Bench } from "../run.ts";

export async function floor(bench: Bench): Promise<void> {
  const starts: number[] = [];
  await version();
  for (let run = 0; run < bench.runs; run++) starts.push((await version()).ms);
  bench.add({ name: "command line start (`boma-master --version`)", unit: "ms", runs: starts });
  signatures(bench);
  await fanOut(bench);
}

function signatures(bench: Bench): void {
  const key = newSigningKey();
  const bytes = Buffer.alloc(400, 7);
  const signature = signBytes(bytes, key);
  const rate = (work: () => unknown): number => {
    for (let at = 0; at < 500; at++) work();
    const began = performance.now();
    for (let at = 0; at < 4000; at++) work();
    return 4000 / ((performance.now() - began) / 1000);
  };
  const runs = (work: () => unknown) => Array.from({ length: bench.runs }, () => rate(work));
  bench.add({
    name: "ed25519 verified by one thread",
    unit: "1/s",
    runs: runs(() => verifyBytes(bytes, signature, key.publicKey)),
  });
  bench.add({ name: "ed25519 signed by one thread", unit: "1/s", runs: runs(() => signBytes(bytes, key)) });
}

/** One publish, and an unsigned reply of each connection: what remains when boma is taken away. */
async function fanOut(bench: Bench): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "boma-bench-nats-"));
  const port = await freePort();
  const { path } = await requireNatsServer();
  const words = ["--pdeathsig", "KILL", path, "-a", "127.0.0.1", "-p", String(port)];
  const server = spawn("setpriv", words, { cwd: dir, stdio: "ignore" });
  const open: NatsConnection[] = [];
  const more = async () => {
    const servers = `nats://127.0.0.1:${port}`;
    open.push(await connect({ servers, waitOnFirstConnect: true, reconnectTimeWait: 50 }));
    return open.at(-1)!;
  };
  try {
    const asker = await more();
    for (const count of bench.quick ? [50] : [50, 1000]) {
      while (open.length <= count) {
        const agent = await more();
        agent.subscribe("ask", { callback: (_error, message) => agent.publish(message.reply!, "ok") });
        await agent.flush();
      }
      const runs: number[] = [];
      for (let run = 0; run < bench.runs; run++) runs.push(await askAll(asker, count));
      bench.add({ name: `${count} plain NATS connections: one publish, all replies`, unit: "ms", runs });
    }
  } finally {
    await Promise.all(open.map((connection) => connection.close()));
    server.kill("SIGTERM");
    rmSync(dir, { recursive: true, force: true });
  }
}

async function askAll(asker: NatsConnection, count: number): Promise<number> {
  const all = Promise.withResolvers<void>();
  let heard = 0;
  const inbox = `answers.${crypto.randomUUID()}`;
  const subscription = asker.subscribe(inbox, { callback: () => void (++heard === count && all.resolve()) });
  await asker.flush();
  const began = performance.now();
  asker.publish("ask", "", { reply: inbox });
  await all.promise;
  const ms = performance.now() - began;
  subscription.unsubscribe();
  return ms;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
