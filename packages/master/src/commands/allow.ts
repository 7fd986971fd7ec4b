import { BomaError, ExitCode, parseDuration } from "@boma/protocol";
import { DiskEvidence, evidenceText } from "@boma/states/core";
import { type Command, Option } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import type { NodeResult } from "../print/run-view.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

/** What a token can be made for. */
const ACTIONS = ["disk.wipe"] as const;

interface Permit {
  readonly id: string;
  readonly token: string;
  readonly expires: number;
  readonly node: string;
}

export const allow = (program: Command): unknown =>
  asking(program.command("allow"))
    .summary("makes a token for one destruction, such as wiping a disk")
    .description(
      "Asks the node which disk that is and what is on it, shows it, and makes a token with which this disk, as it is now, may be wiped once. Who may run the function may make the token; both stand in the audit.",
    )
    .argument("<node>", "the node")
    .argument("<action>", `what is to be done: ${ACTIONS.join(", ")}`)
    .argument("<device>", "the disk, by a name that stays with it: /dev/disk/by-id/…")
    .requiredOption("--reason <text>", "why; it stands in the token and in the audit")
    .option("--ttl <time>", "how long the token holds", "1h")
    .addOption(new Option("--run <serial>", "do it at once, if this is the disk's serial number"))
    .option("--whole", "with --run: zeros all of it, and not its ends only")
    .addHelpText(
      "after",
      example(
        "boma-master allow node-1 disk.wipe /dev/disk/by-id/wwn-0x5000c500a1b2c3d4 --reason 'a new OSD'\nboma-master allow node-1 disk.wipe /dev/disk/by-id/wwn-0x5000c500a1b2c3d4 --reason 'a new OSD' --run ZA1B2C3D --whole",
      ),
    )
    .action((node, action, device, options) =>
      performAsking(options, async (client, output) => {
        if (!(ACTIONS as readonly string[]).includes(action))
          throw usage(`there is no token for ${action}`, `There are tokens for: ${ACTIONS.join(", ")}.`);
        if (options.whole && options.run === undefined) throw usage("--whole goes with --run");
        const ttlMs = parseDuration(options.ttl);
        const { job, evidence } = await look(client, node, device);
        for (const text of evidenceText(evidence)) output.line(text);
        for (const objection of evidence.objections) output.note(`it cannot be wiped: ${objection}`);
        if (options.run !== undefined && options.run !== evidence.serial)
          throw usage(
            `the serial number of ${device} is ${evidence.serial ?? "unknown"}, not ${options.run}`,
            "Nothing was allowed. Look which disk is meant.",
          );
        const permit = await client.ask<Permit>("permit.sign", { job, reason: options.reason, ttlMs });
        const expires = new Date(permit.expires).toISOString();
        if (options.run === undefined) {
          output.document({ ok: true, ...permit, evidence });
          output.line(`allowed once, until ${expires}:`);
          output.line(`boma-master run ${node} ${action} ${device} ${permit.token}`);
          return ExitCode.ok;
        }
        const args = { device, token: permit.token, whole: options.whole ?? false };
        const done = await called(client, node, "disk.wipe", args);
        output.document({ ok: true, job: done.job, permit: permit.id, evidence, return: done.end.return });
        output.line(`wiped ${device} of ${node} (job ${done.job})`);
        return ExitCode.ok;
      }),
    );

async function look(client: Client, node: string, device: string) {
  const { job, end } = await called(client, node, "disk.evidence", { device });
  const read = DiskEvidence.safeParse(end.return);
  if (!read.success) throw new BomaError("permit/evidence", `what ${node} says of ${device} cannot be read`);
  return { job, evidence: read.data };
}

async function called(
  client: Client,
  node: string,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<{ readonly job: string; readonly end: NodeResult }> {
  const { runToEnd } = await import("../client/run-to-end.ts");
  const { job = "", nodes } = await runToEnd(client, { target: `L@${node}`, function: name, args });
  const [end, ...others] = nodes.values();
  if (!end || others.length > 0) throw usage(`${node} does not mean one node, but ${nodes.size}`);
  if (end.error) throw new BomaError(codeOf(end.error.code), `${node}: ${end.error.message}`);
  if (end.status !== "ok" && end.status !== "changed")
    throw new BomaError("permit/refused", `${node} did not do ${name}: ${end.status}`);
  return { job, end };
}

/** A node's own words are kept; its codes may be of another release. */
const codeOf = (code: string): "permit/refused" | "permit/evidence" | "node/offline" =>
  code === "permit/evidence" || code === "node/offline" ? code : "permit/refused";
