/** The boot LAN as an operator sees it: windows, machines, and each stage as it comes. */
import { NETBOOT_STAGES, type NetbootStage } from "@boma/protocol";

import type { Client } from "../client/client.ts";
import { type Output, style } from "../print/output.ts";
import { ago, grainText, table } from "../print/table.ts";
import type { Machine } from "./machines.ts";
import type { BootWindow } from "./windows.ts";

interface Status {
  readonly windows: readonly BootWindow[];
  readonly machines: readonly (Machine & { readonly stage?: NetbootStage })[];
}

export async function showStatus(client: Client, output: Output): Promise<void> {
  const status = await client.ask<Status>("netboot.status");
  output.document(status);
  const { windows, machines } = status;
  if (windows.length === 0) output.line("no boot window is open: boma-master netboot open --mac MAC");
  else
    output.line(
      table(windows, [
        { head: "WINDOW", text: ({ id }) => id, colour: (text) => style("bold", text) },
        { head: "FOR", text: (window) => window.for.value },
        { head: "ID", text: ({ node }) => node ?? "" },
        { head: "ASSIGNS", text: ({ assigned }) => grainText(assigned) },
        { head: "DISKLESS", text: ({ diskless }) => (diskless ? "yes" : "no") },
        {
          head: "INSTALL",
          text: ({ install }) => (install ? (install.disk ?? "the empty disk") : "no"),
        },
        { head: "BOOTS", text: ({ boots }) => (boots === undefined ? "any" : String(boots)) },
        { head: "UNTIL", text: ({ until }) => new Date(until).toISOString() },
      ]),
    );
  if (machines.length === 0) return;
  output.line();
  output.line(
    table(machines, [
      { head: "MAC", text: ({ mac }) => mac },
      { head: "NODE", text: ({ node }) => node ?? "" },
      {
        head: "STAGE",
        text: ({ stage, why }) => stage ?? (why === undefined ? "" : "refused"),
        colour: (text, { stage }) => style(stage === "converged" ? "green" : "yellow", text),
      },
      { head: "SINCE SCRIPT", text: sinceScript },
      { head: "ADDRESS", text: ({ address }) => address ?? "" },
      { head: "SEEN", text: ({ seenAt }) => ago(seenAt) },
      { head: "WAITS FOR", text: ({ why, stage }) => (stage === "converged" ? "" : (why ?? "")) },
    ]),
  );
}

/** How long the boot took up to the last stage that it reached. */
function sinceScript({ stages }: Machine): string {
  const last = NETBOOT_STAGES.findLast((stage) => stages[stage] !== undefined);
  const { script } = stages;
  if (script === undefined || last === undefined) return "";
  return `${((stages[last]! - script) / 1000).toFixed(1)} s`;
}
