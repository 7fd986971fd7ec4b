/** The audit by itself: records that a second takes with everything synced, and how long a long chain takes to check. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  ENVELOPE_VERSION,
  newJobId,
  newSealingKey,
  newSigningKey,
  NodeReturn,
  seal,
  signManifest,
} from "@boma/protocol";

import { Audit } from "../../packages/master/src/audit/audit.ts";
import { verifyDirectory } from "../../packages/master/src/audit/verify.ts";
import type { Keyring } from "../../packages/master/src/keyring.ts";
import { Boma } from "../boma.ts";
import type { Bench } from "../run.ts";

const NO_AUDIT = new URL("../no-audit.ts", import.meta.url).href;
const RECORDS = 100_000;
const ALONE = 200;
/** As many as returns of a large job come at once. */
const TOGETHER = 500;

export async function audit(bench: Bench): Promise<void> {
  await costs(bench);
  await chainAlone(bench);
}

/** What it costs whoever waits for a job: with it, and with a master that keeps none, turn by turn on the same machine. */
async function costs(bench: Bench): Promise<void> {
  await using withAudit = await Boma.start("source");
  await using without = await Boma.start("source", ["--import", NO_AUDIT]);
  const ms = { with: { start: [], ping: [], job: [] }, without: { start: [], ping: [], job: [] } } as Costs;
  for (const boma of [withAudit, without]) {
    await boma.emulate(50, "n");
    await boma.ping("*");
  }
  for (let run = 0; run < bench.runs * 2; run++)
    for (const [name, boma] of [
      ["with", withAudit],
      ["without", without],
    ] as const) {
      ms[name].start.push((await boma.type("run", "n-0001", "test.ping", "--async")).ms);
      const { ms: whole, run: document } = await boma.ping("*");
      ms[name].ping.push(whole);
      ms[name].job.push(await boma.jobMs(document.job));
    }
  for (const name of ["with", "without"] as const) {
    bench.add({ name: `${name} audit: job started, whole command line`, unit: "ms", runs: ms[name].start });
    bench.add({
      name: `${name} audit: test.ping of 50, whole command line`,
      unit: "ms",
      runs: ms[name].ping,
    });
    bench.add({
      name: `${name} audit: test.ping of 50, job made to last return stored`,
      unit: "ms",
      runs: ms[name].job,
    });
  }
}

type Costs = Record<"with" | "without", Record<"start" | "ping" | "job", number[]>>;

async function chainAlone(bench: Bench): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "boma-bench-audit-"));
  try {
    const keyring = newKeyring();
    const log = { error: console.error, warn: console.error, info: () => undefined };
    const keep = { ms: 1e12, bytes: 1e12 };
    const chain = await Audit.open({ dir, keyring: () => keyring, keep, log });
    const alone: number[] = [];
    for (let at = 0; at < ALONE; at++) {
      const start = performance.now();
      await chain.write({ kind: "request", operator: "bench", verb: "token.create", args: { env: "dev" } });
      alone.push(performance.now() - start);
    }
    bench.add({ name: "audit: one record on the disk, alone", unit: "ms", runs: alone });
    bench.add({
      name: "audit: records a second, synced, 500 at once",
      unit: "1/s",
      runs: [await fill(chain)],
    });
    await chain.close();
    const checks: number[] = [];
    for (let run = 0; run < (bench.quick ? 1 : 3); run++) {
      const start = performance.now();
      const { ok, records } = await verifyDirectory(dir, { root: keyring.root });
      if (!ok || records < RECORDS) bench.problem("the audit of the bench does not hold");
      checks.push((performance.now() - start) / 1000);
    }
    bench.add({
      name: "audit verify of 100,000 records, half of them signed results",
      unit: "s",
      runs: checks,
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function fill(chain: Audit): Promise<number> {
  const node = newSigningKey();
  const job = newJobId(Date.now());
  const body = { job, status: "ok" as const, value: true, startedAt: 1, ms: 1, cut: false };
  const frame = seal(NodeReturn, body, { to: "master", key: node });
  const result = {
    kind: "result" as const,
    job,
    node: "U",
    id: "n",
    status: "ok",
    sign: node.publicKey,
    frame,
  };
  await chain.write({ kind: "job", job, nodes: [["U", "n"]] });
  const start = performance.now();
  for (let at = ALONE; at < RECORDS; at += TOGETHER)
    await Promise.all(
      Array.from({ length: TOGETHER }, (_, one) =>
        chain.write(one % 2 ? result : { kind: "request", operator: "bench", verb: "token.create" }),
      ),
    );
  return (RECORDS - ALONE) / ((performance.now() - start) / 1000);
}

function newKeyring(): Keyring {
  const [root, sign, sealing] = [newSigningKey(), newSigningKey(), newSealingKey()];
  const masters = [{ name: "bench", sign: sign.publicKey, seal: sealing.publicKey }];
  const manifest = signManifest({ serial: 1, versionMin: ENVELOPE_VERSION, masters }, root);
  const base = { root: root.publicKey, name: "bench", sign, seal: sealing, manifest };
  return { ...base, store: new Uint8Array(32), former: [], release: undefined };
}
