import { once } from "node:events";
import { join } from "node:path";

import { parseDuration, parseQuantity } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { StreamOptions } from "../bus/streams.ts";
import type { LeadRecord } from "../lead/lead-record.ts";
import { type Output, style } from "../print/output.ts";
import { collect, example, homeOption, jsonOption, perform, usage } from "./shell.ts";

export const serve = (program: Command): unknown =>
  program
    .command("serve")
    .summary("run the master, and the bus with it")
    .description(
      "Runs the master in the foreground. Without --nats it starts, watches and stops a nats-server of its own.",
    )
    .option(
      "--listen <host:port>",
      "where the bus listens; beyond loopback it speaks TLS only",
      "127.0.0.1:4222",
    )
    .option(
      "--name <host>",
      "a name or address under which nodes reach the bus (may be repeated)",
      collect,
      [],
    )
    .option("--site-listen <host:port>", "where servers of sites connect to the master's own bus")
    .option("--nats <url>", "use this server or cluster; see `init --print-nats-config`")
    .option("--replicas <n>", "with --nats: how many servers of the cluster keep each stream")
    .option("--site <dir>", "the site (default: <home>/site)")
    .option("--audit-keep <duration>", "how long the audit is kept", "400d")
    .option("--audit-size <bytes>", "how much of it is kept: 500MiB, 10GiB", "4GiB")
    .option("--witness <file>", "a further file for the signed heads of the audit, best on another disk")
    .option(
      "--stream-bytes <sizes>",
      "how much streams of the bus may hold: EVENTS=64MiB,INBOX=1GiB (see docs/guide/durability.md)",
    )
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master serve --listen 0.0.0.0:4222 --name boma.example.org"))
    .action((options) => perform(options, (output) => run(options, output)));

interface Options extends BusOptions, AuditOptions {
  readonly home?: string | undefined;
  readonly site?: string | undefined;
  readonly listen: string;
  readonly name: readonly string[];
  readonly siteListen?: string | undefined;
}

async function run(options: Options, output: Output): Promise<void> {
  const [{ homeAt }, { newLogger }, { serve: start }] = await Promise.all([
    import("../home.ts"),
    import("../log.ts"),
    import("../serve.ts"),
  ]);
  const log = newLogger();
  const home = homeAt(options.home);
  const { listen, nats, name: names } = options;
  const ended = new AbortController();
  const told = once(ended.signal, "abort");
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.abort());
  const serving = await start({
    home,
    site: options.site ?? join(home.dir, "site"),
    listen,
    sites: options.siteListen,
    nats,
    names,
    audit: auditSettings(options),
    streams: await streamOptions(options),
    log,
    onBusState: (state) => state.state !== "running" && log.warn(state, "the bus changed its state"),
    standsBy: (leader) => sayStandsBy(output, leader),
    signal: ended.signal,
  });
  if (!serving) return;
  sayReady(output, serving.servers);
  await Promise.race([told, serving.lost]);
  await serving.stop();
}

function sayStandsBy(output: Output, { host, term, since }: LeadRecord): void {
  output.document({ ok: true, ready: false, leader: { host, term, since }, pid: process.pid });
  output.line(
    `${style("yellow", "stands by")}  the master on ${host} leads since ${new Date(since).toISOString()}`,
  );
}

function sayReady(output: Output, servers: readonly string[]): void {
  output.document({ ok: true, ready: true, servers, pid: process.pid });
  output.line(`${style("green", "ready")}  bus ${servers.join(" ")}`);
  output.line(style("dim", "next, in another terminal: boma-master token create --env dev"));
}

async function streamOptions({ streamBytes, replicas, nats }: BusOptions): Promise<StreamOptions> {
  const [{ parseStreamBytes }, { readReplicas }] = await Promise.all([
    import("../bus/streams.ts"),
    import("../bus/replicas.ts"),
  ]);
  const copies = readReplicas(replicas, nats);
  return {
    ...(streamBytes !== undefined && { bytesMax: parseStreamBytes(streamBytes) }),
    ...(copies !== undefined && { replicas: copies }),
  };
}

interface BusOptions {
  readonly streamBytes?: string | undefined;
  readonly replicas?: string | undefined;
  readonly nats?: string | undefined;
}

const auditSettings = ({ auditKeep, auditSize, witness }: AuditOptions) => ({
  keep: { ms: parseDuration(auditKeep), bytes: bytesOf(auditSize) },
  witnessFile: witness,
});

function bytesOf(text: string): number {
  const bytes = parseQuantity(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw usage(`--audit-size ${text} is not a size`, "Write 500MiB or 10GiB.");
}

interface AuditOptions {
  readonly auditKeep: string;
  readonly auditSize: string;
  readonly witness?: string | undefined;
}
