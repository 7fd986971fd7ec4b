import type { Command } from "@commander-js/extra-typings";

import type { SiteLine } from "../bus/site-lines.ts";
import type { StreamFill } from "../bus/stream-fill.ts";
import { style } from "../print/output.ts";
import { bytesText, span } from "../print/table.ts";
import { asking, example, performAsking } from "./shell.ts";

export interface MasterStatus {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly rssBytes: number;
  readonly workingKey: string;
  readonly masters: {
    readonly leader: { readonly host: string; readonly term: number; readonly since: number };
    /** Hosts of masters that would take over. */
    readonly standBy: readonly string[];
  };
  readonly bus: {
    readonly version: string;
    readonly embedded: boolean;
    readonly servers: readonly string[];
    readonly tls: boolean;
    /** Why it keeps nothing now; its streams cannot be looked at then. */
    readonly trouble?: string;
  };
  readonly nodes: { readonly approved: number; readonly connected: number; readonly waiting: number };
  /** Those with a server of their own; `here` are its nodes that are connected. */
  readonly sites: readonly (SiteLine & { readonly nodes: number; readonly here: number })[];
  readonly jobs: { readonly open: number };
  readonly streams: readonly StreamFill[];
  /** What keeps the audit from the disk or from its copy, and what of it is gone. */
  readonly audit: { readonly disk?: string; readonly copy?: string; readonly lacking?: string };
}

export const status = (program: Command): unknown =>
  asking(program.command("status"))
    .summary("how the master is")
    .description("Shows how the master, the bus and the fleet are.")
    .addHelpText("after", example("boma-master status"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const now = await client.ask<MasterStatus>("master.status");
        output.document({ ok: true, ...now });
        const { nodes, bus } = now;
        const offline = nodes.approved - nodes.connected;
        output.line(
          `master   ${style("green", "up")} for ${span(now.startedAt)}, ${now.version}, pid ${now.pid}, ${bytesText(now.rssBytes)}, key ${now.workingKey}`,
        );
        if (!bus.embedded) output.line(`masters  ${mastersText(now.masters)}`);
        output.line(
          `bus      nats-server ${bus.version}, ${bus.embedded ? "embedded" : "external"}, ${bus.tls ? "TLS" : "loopback without TLS"}: ${bus.servers.join(" ")}`,
        );
        output.line(
          `nodes    ${nodes.connected} connected, ${offline} offline${nodes.waiting > 0 ? style("cyan", `, ${nodes.waiting} ask to join: boma-master enroll list`) : ""}`,
        );
        for (const site of now.sites) output.line(`site     ${siteText(site)}`);
        output.line(`jobs     ${now.jobs.open} open`);
        if (bus.trouble === undefined) output.line(`streams  ${now.streams.map(fillText).join(", ")}`);
        else output.line(`${style("red", "streams")}  ${bus.trouble}`);
        for (const [where, trouble] of Object.entries(now.audit))
          output.line(`${style("red", "audit")}    ${where}: ${trouble}`);
      }),
    );

function mastersText({ leader, standBy }: MasterStatus["masters"]): string {
  const leads = `${leader.host} leads for ${span(leader.since)}`;
  const by =
    standBy.length > 0
      ? `${standBy.join(", ")} ${standBy.length > 1 ? "stand" : "stands"} by`
      : "nobody stands by";
  return `${leads}, ${by}`;
}

function siteText({ site, connected, since, nodes, here }: MasterStatus["sites"][number]): string {
  const line =
    connected === true
      ? `its server is connected for ${span(since!)}`
      : connected === false
        ? style("red", `its server is cut off for ${span(since!)}`)
        : style("dim", "its server was not heard of since this master leads");
  return `${site}: ${here} of ${nodes} nodes connected, ${line}`;
}

const fillText = ({ name, bytes, bytesMax }: StreamFill): string =>
  `${name} ${bytesText(bytes)} of ${bytesText(bytesMax)}`;
