import { join } from "node:path";

import { BomaError, ExitCode, isJobId, parseDuration } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { AuditStatus } from "../audit/audit.ts";
import type { CopyStatus } from "../audit/copier.ts";
import type { AuditEntry } from "../audit/record.ts";
import type { Verified } from "../audit/verify.ts";
import type { Client } from "../client/client.ts";
import type { Home } from "../home.ts";
import { type Output, style } from "../print/output.ts";
import {
  asking,
  collect,
  type CommonOptions,
  example,
  perform,
  performAsking,
  usage,
  withClient,
} from "./shell.ts";

type StatusAnswer = AuditStatus & { readonly root: string; readonly copy: CopyStatus };

export function audit(program: Command): void {
  const group = program
    .command("audit")
    .summary("who did what to whom: show, verify, export, witness, status")
    .description(
      "Everything that operators and reactors do is in one chain of records, on disk before it is done. The right `audit` reads it.",
    )
    .addHelpText("after", example("boma-master audit show --since 1h\nboma-master audit verify"));
  show(group);
  verify(group);
  exportTo(group);
  witness(group);
  status(group);
}

const show = (group: Command): unknown =>
  asking(group.command("show"))
    .description("Prints records: who asked for what, on which nodes, and how each of them ended.")
    .option("--since <when>", "from a duration ago (1h) or a moment (2026-11-21T10:00Z) on")
    .option("--by <name>", "what this operator did")
    .option("--node <id>", "what was done to this node")
    .option("--job <id>", "what belongs to this job")
    .option("--follow", "go on with what is recorded from now on")
    .option("--dir <dir>", "read these files instead of asking the master")
    .option("--raw", "every record by itself, as it stands in the chain")
    .addHelpText("after", example("boma-master audit show --since 1d --by ann"))
    .action((options) =>
      perform(options, async (output) => {
        if (options.job !== undefined && !isJobId(options.job))
          throw new BomaError("job/unknown", `${JSON.stringify(options.job)} is not a job id`);
        const since = sinceOf(options.since);
        if (options.dir !== undefined) return print(localEntries(options.dir, since), output, options);
        await withClient(options, async (client) => {
          const { remoteEntries } = await import("../audit/remote.ts");
          return print(remoteEntries(client, { since, follow: options.follow ?? false }), output, options);
        });
      }),
    );

interface Shown {
  readonly by?: string | undefined;
  readonly node?: string | undefined;
  readonly job?: string | undefined;
  readonly follow?: true | undefined;
  readonly raw?: true | undefined;
}

async function print(entries: AsyncIterable<AuditEntry>, output: Output, shown: Shown): Promise<void> {
  const [{ entryText, fitsFilter }, { Story }] = await Promise.all([
    import("../audit/entry-text.ts"),
    import("../audit/story.ts"),
  ]);
  const story = new Story();
  const single = output.mode === "ndjson" || (output.mode === "json" && shown.follow);
  const all: AuditEntry[] = [];
  for await (const entry of entries) {
    if (!fitsFilter(entry, shown)) continue;
    if (single) output.document(entry);
    else if (output.mode === "json") all.push(entry);
    else for (const text of shown.raw ? [entryText(entry)] : story.take(entry)) output.line(text);
  }
  if (output.mode === "text") for (const text of story.end()) output.line(text);
  if (output.mode === "json" && !single) output.document(all);
}

async function* localEntries(dir: string, since: number | undefined): AsyncGenerator<AuditEntry> {
  const { auditEntries } = await import("../audit/audit-lines.ts");
  yield* auditEntries(dir, { since });
}

function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const moment = /^\d{4}-/.test(text) ? Date.parse(text) : Date.now() - parseDuration(text);
  if (Number.isNaN(moment)) throw usage(`--since ${text} is neither a duration nor a moment`);
  return moment;
}

const verify = (group: Command): unknown =>
  asking(group.command("verify"))
    .description(
      "Checks the chain on this host, its heads and every node's signature; with a running master also its copies on the bus.",
    )
    .option("--dir <dir>", "the files (default: those of --home); the master is not asked then")
    .option("--root <key>", "the master's root key in base64, where --home has none")
    .option("--witness <file>", "heads that were kept elsewhere (may be repeated)", collect, [])
    .addHelpText("after", example("boma-master audit verify --witness /mnt/witness/heads.jsonl"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ homeAt }, { auditDir, segmentsIn }, { verifyDirectory }, { headLines }] = await Promise.all([
          import("../home.ts"),
          import("../audit/segments.ts"),
          import("../audit/verify.ts"),
          import("../audit/head-book.ts"),
        ]);
        const home = homeAt(options.home);
        const dir = options.dir ?? auditDir(home);
        if (segmentsIn(dir).length === 0) throw new BomaError("usage/file", `there is no audit in ${dir}`);
        const witnesses = await Promise.all(
          options.witness.map(async (file) => ({ file, lines: await witnessLines(file, headLines) })),
        );
        const root = await rootOf(home, options.root);
        const online = options.dir === undefined ? await onBus(options, output) : undefined;
        const { copies, until } = online ?? {};
        const verified = await verifyDirectory(dir, {
          root,
          witnesses: online ? [...witnesses, online.witness] : witnesses,
          until,
          ...(copies && { copies }),
        });
        output.document({ ...verified, compared: copies?.size ?? 0 });
        tellVerified(output, verified);
        return verified.ok ? ExitCode.ok : ExitCode.failed;
      }),
    );

async function witnessLines(file: string, read: (path: string) => Promise<string[]>): Promise<string[]> {
  const lines = await read(file);
  if (lines.length === 0)
    throw new BomaError("usage/file", `the witness ${file} is not there, or says nothing`);
  return lines;
}

async function rootOf(home: Home, given: string | undefined): Promise<Uint8Array> {
  if (given === undefined) return (await import("../keyring.ts")).readKeyring(home).root;
  const root = Buffer.from(given, "base64");
  if (root.length !== 32) throw usage(`--root ${given.slice(0, 80)} is no key in base64`);
  return root;
}

/** What the bus has of it, when there is a master to ask. Without one, the disk and the witnesses are looked at alone. */
async function onBus(options: CommonOptions, output: Output) {
  try {
    return await withClient(options, readBus);
  } catch (thrown) {
    const { message, code } = thrown as BomaError;
    if (code !== "bus/unreachable" && code !== "master/unreachable" && code !== "usage/file") throw thrown;
    output.note(`the copies on the bus were not compared: ${message}`);
    return undefined;
  }
}

async function readBus(client: Client) {
  const { remoteHeads } = await import("../audit/remote.ts");
  const lines = await remoteHeads(client, "witness");
  const copies = new Map<number, string>();
  for await (const item of client.follow<{ n?: number; hash?: string; fault?: string }>("audit.copies")) {
    if (item.fault !== undefined)
      throw new BomaError("audit/broken", `the copy in the stream AUDIT does not open: ${item.fault}`);
    if (item.n !== undefined) copies.set(item.n, item.hash!);
  }
  const { last: until } = await client.ask<StatusAnswer>("audit.status");
  return { copies, until, witness: { file: "stream WITNESS", lines } };
}

function tellVerified(
  output: Output,
  { ok, records, first, last, signed, heads, results, faults }: Verified,
): void {
  for (const { record, file, line, what } of faults) {
    const where = `${file}${line === undefined ? "" : `:${line}`}`;
    output.line(
      `${style("red", "broken")}  ${record === undefined ? "" : `record ${record}  `}${where}\n        ${what}`,
    );
  }
  const range = `records ${first} to ${last}, ${heads} signed heads, ${results} results of nodes`;
  if (ok) output.line(`${style("green", "holds")}   ${range}`);
  else output.line(`looked at ${records} ${range}`);
  if (first > 1) output.line(`        the records before ${first} were let go of for their age or size`);
  if (signed < last)
    output.line(`        ${last - signed} at the end are not signed yet: a cut there would leave no trace`);
}

const exportTo = (group: Command): unknown =>
  asking(group.command("export"))
    .description(
      "Writes a part of the audit into one file that audit-verify.mjs checks by itself, or sends records on with --to.",
    )
    .argument("[file]", "the bundle")
    .option("--since <when>", "from a duration ago (1d) or a moment on")
    .option(
      "--to <place>",
      "syslog://HOST:PORT, syslog+tcp://…, unix:/dev/log, loki+http://HOST:PORT, or a FILE.jsonl",
    )
    .option("--follow", "go on with what is recorded from now on")
    .option("--durable <name>", "remember below --home how far it got, and go on there")
    .addHelpText(
      "after",
      example(
        "boma-master audit export audit-2026.boma --since 30d\nboma-master audit export --to syslog+tcp://log.example.org:514 --follow --durable siem",
      ),
    )
    .action((file, options) =>
      performAsking(options, async (client, output) => {
        if ((file === undefined) === (options.to === undefined))
          throw usage("name either a file for a bundle, or a place with --to");
        const since = sinceOf(options.since);
        if (file !== undefined) return bundleInto(client, output, { file, since });
        await send(client, output, { ...options, to: options.to!, since });
      }),
    );

async function bundleInto(
  client: Client,
  output: Output,
  { file, since }: { readonly file: string; readonly since: number | undefined },
): Promise<void> {
  const [{ remoteHeads, remoteLines }, { writeBundle }] = await Promise.all([
    import("../audit/remote.ts"),
    import("../audit/bundle.ts"),
  ]);
  const { root, chain } = await client.ask<StatusAnswer>("audit.status");
  const lines = remoteLines(client, { after: 0, since, follow: false });
  const heads = await remoteHeads(client, "disk");
  const records = await writeBundle(file, { root, chain, lines, heads });
  output.document({ ok: true, file, records, root });
  output.line(
    `${records} records in ${file}; check them anywhere: node audit-verify.mjs ${file} --root ${root}`,
  );
}

interface SendOptions extends CommonOptions {
  readonly to: string;
  readonly since: number | undefined;
  readonly follow?: true | undefined;
  readonly durable?: string | undefined;
}

async function send(client: Client, output: Output, options: SendOptions): Promise<void> {
  const { to, since, durable, follow = false } = options;
  const [{ sinkOf }, { sendAll, SendPosition }, { remoteLines }, { homeAt }] = await Promise.all([
    import("../audit/sinks.ts"),
    import("../audit/send.ts"),
    import("../audit/remote.ts"),
    import("../home.ts"),
  ]);
  if (durable !== undefined && !/^[a-z0-9][a-z0-9._-]{0,62}$/.test(durable))
    throw usage(`--durable ${durable} is no name`, "It matches [a-z0-9][a-z0-9._-]*.");
  const path =
    durable === undefined ? undefined : join(homeAt(options.home).dir, "exports", `${durable}.json`);
  const sink = await sinkOf(to);
  try {
    const position = new SendPosition(path);
    const after = Math.max(position.last, sink.last ?? 0);
    const lines = remoteLines(client, { after, since, follow });
    const records = await sendAll(lines, { sink, position, follow, note: (text) => output.note(text) });
    output.document({ ok: true, records, last: position.last });
    output.line(`${records} records sent to ${to}`);
  } finally {
    await sink.close();
  }
}

const witness = (group: Command): unknown =>
  asking(group.command("witness"))
    .description(
      "Keeps the signed heads in a file on this host, each only if the records lead to it from the one before. Best run elsewhere.",
    )
    .argument("<file>", "where they are kept")
    .option("--follow", "go on with what is signed from now on")
    .option("--every <duration>", "how often to ask with --follow", "30s")
    .option(
      "--root <key>",
      "the master's root key in base64; asked of the master the first time where it is not given",
    )
    .addHelpText("after", example("boma-master audit witness /var/lib/witness/heads.jsonl --follow"))
    .action((file, options) =>
      performAsking(options, async (client, output) => {
        const [{ remoteHeads, remoteLines }, { WitnessFile }] = await Promise.all([
          import("../audit/remote.ts"),
          import("../audit/witness.ts"),
        ]);
        const every = parseDuration(options.every);
        const { root: told } = await client.ask<StatusAnswer>("audit.status");
        const root = Buffer.from(options.root ?? told, "base64");
        const book = await WitnessFile.open(file, root);
        const source = {
          root,
          heads: () => remoteHeads(client, "disk"),
          lines: (after: number) => remoteLines(client, { after, follow: false }),
        };
        do {
          const taken = await book.take(source);
          const { n: last = 0 } = book.last ?? {};
          if (taken > 0 || !options.follow) output.document({ ok: true, taken, last });
          if (taken > 0 || !options.follow) output.line(`${taken} heads, up to record ${last}`);
          if (options.follow) await new Promise((resolve) => setTimeout(resolve, every));
        } while (options.follow);
      }),
    );

const status = (group: Command): unknown =>
  asking(group.command("status"))
    .description("Shows how far the audit is written, signed and copied, and what keeps it from it.")
    .addHelpText("after", example("boma-master audit status"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const now = await client.ask<StatusAnswer>("audit.status");
        const { last, signed, owed, trouble, copy, lacking } = now;
        const ok = trouble === undefined && copy.trouble === undefined && lacking === undefined;
        output.document({ ok, ...now });
        output.line(
          `chain    ${now.chain}, ${last} records, signed up to ${signed}, copied up to ${copy.copied}`,
        );
        if (trouble !== undefined)
          output.line(
            `${style("red", "disk")}     ${trouble}; ${owed} records wait, and nothing is done until it can be written`,
          );
        if (lacking !== undefined) output.line(`${style("red", "lacking")}  ${lacking}`);
        if (copy.trouble !== undefined) output.line(`${style("red", "copy")}     ${copy.trouble}`);
        return ok ? ExitCode.ok : ExitCode.failed;
      }),
    );
