import { existsSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";

import { asBomaError, ExitCode } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Home } from "../home.ts";
import { style } from "../print/output.ts";
import { bytesText } from "../print/table.ts";
import { asking, example, type CommonOptions, perform } from "./shell.ts";
import type { MasterStatus } from "./status.ts";

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly hint?: string | undefined;
}

const FREE_BYTES_MIN = 1024 ** 3;

export const doctor = (program: Command): unknown =>
  asking(program.command("doctor"))
    .summary("look for what is wrong, and say what to do")
    .description(
      "Checks this host's master from the ground up: program, home, keys, disk, bus, master, nodes.",
    )
    .addHelpText("after", example("boma-master doctor"))
    .action((options) =>
      perform(options, async (output) => {
        const { homeAt } = await import("../home.ts");
        const home = homeAt(options.home);
        const findings = [await program_(), ...local(home), ...(await remote(options, home))];
        const ok = findings.every((finding) => finding.ok);
        output.document({ ok, findings });
        for (const { what, ok: good, found, hint } of findings) {
          output.line(`${good ? style("green", "ok ") : style("red", "bad")}  ${what.padEnd(12)} ${found}`);
          if (!good && hint) output.line(`     ${style("dim", hint)}`);
        }
        return ok ? ExitCode.ok : ExitCode.failed;
      }),
    );

async function program_(): Promise<Finding> {
  const { findNatsServer } = await import("../bus/program.ts");
  const found = await findNatsServer().catch(() => undefined);
  if (found) return { what: "nats-server", ok: true, found: `${found.path} ${found.version.join(".")}` };
  return {
    what: "nats-server",
    ok: false,
    found: "not found",
    hint: "apt-get install nats-server, or use `serve --nats URL`",
  };
}

function local(home: Home): Finding[] {
  const file = join(home.keys, "bus.json");
  if (!existsSync(file))
    return [{ what: "home", ok: false, found: `${home.dir} has no trust root`, hint: "boma-master init" }];
  const closed = (statSync(home.keys).mode & 0o077) === 0;
  // The bus may have a disk of its own.
  const free = Math.min(...[home.dir, home.bus].filter((dir) => existsSync(dir)).map(freeBytes));
  return [
    { what: "home", ok: true, found: home.dir },
    {
      what: "keys",
      ok: closed,
      found: closed ? "readable by their owner only" : "readable by others",
      hint: `chmod 700 ${home.keys}`,
    },
    {
      what: "disk",
      ok: free > FREE_BYTES_MIN,
      found: `${bytesText(free)} free`,
      hint: "The bus refuses to store when the disk is full.",
    },
  ];
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

/** A stream that drops its oldest may be full; one that refuses may not. */
const FULL_SHARE = 0.9;

function streamsFinding({ streams, bus }: Pick<MasterStatus, "streams" | "bus">): Finding {
  const hint = "What refuses takes nothing more when it is full: see docs/guide/durability.md.";
  if (bus.trouble !== undefined) return { what: "streams", ok: false, found: bus.trouble, hint };
  const nearlyFull = streams.filter(({ bytes, bytesMax }) => bytes > bytesMax * FULL_SHARE);
  const oldest = streams.find(({ name }) => name === "EVENTS")?.oldestAt;
  const since = oldest === undefined ? "none yet" : `since ${new Date(oldest).toISOString()}`;
  return {
    what: "streams",
    ok: !nearlyFull.some(({ refuses }) => refuses),
    found: [`events ${since}`, ...nearlyFull.map(({ name }) => `${name} nearly full`)].join(", "),
    hint,
  };
}

async function remote(options: CommonOptions, home: Home): Promise<Finding[]> {
  try {
    const [{ Client }, { readOperatorFile }] = await Promise.all([
      import("../client/client.ts"),
      import("../operator-file.ts"),
    ]);
    const operator = readOperatorFile(home, options.operator);
    await using client = await Client.connect(operator);
    const now = await client.ask<MasterStatus>("master.status");
    const { bus, nodes, version, audit } = now;
    const offline = nodes.approved - nodes.connected;
    return [
      { what: "bus", ok: true, found: `nats-server ${bus.version} at ${operator.servers.join(" ")}` },
      { what: "master", ok: true, found: `${version}, answers ${operator.name}` },
      streamsFinding(now),
      {
        what: "nodes",
        ok: offline === 0,
        found: `${nodes.connected} connected, ${offline} offline`,
        hint: "boma-master nodes",
      },
      {
        what: "audit",
        ok: Object.keys(audit).length === 0,
        found: Object.values(audit).join("; ") || "written and copied",
        hint: "boma-master audit status",
      },
    ];
  } catch (thrown) {
    const { message, hint, code } = asBomaError(thrown);
    return [{ what: code.startsWith("bus/") ? "bus" : "master", ok: false, found: message, hint }];
  }
}
