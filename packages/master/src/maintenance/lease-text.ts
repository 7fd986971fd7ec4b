/** Who has which failure domain, as people read it. */
import { style } from "../print/output.ts";
import { ago, span, table } from "../print/table.ts";
import type { Holder } from "./holders.ts";

export const leaseTable = (held: readonly Holder[]): string =>
  table(held, [
    { head: "DOMAIN", text: ({ domain }) => domain },
    { head: "NODE", text: ({ node }) => node, colour: (text) => style("bold", text) },
    {
      head: "THERE",
      text: thereText,
      colour: (text, { connected }) => style(connected ? "green" : "red", text),
    },
    { head: "JOB", text: ({ job }) => job },
    { head: "STATE", text: ({ state, status }) => (status === null ? state : `${state}, ${status}`) },
    { head: "BY", text: ({ operator }) => operator },
    { head: "SINCE", text: ({ since }) => ago(since) },
    { head: "FREE", text: freeText },
  ]);

function thereText({ connected, revoked, awaySince }: Holder): string {
  if (connected) return "connected";
  if (revoked) return "revoked";
  return awaySince === null ? "away" : `away for ${span(awaySince)}`;
}

/** At the latest: a node that says how it ended lets go of it at once. */
const freeText = ({ until }: Holder): string =>
  until === null ? "?" : `within ${span(Date.now(), Math.max(until, Date.now()))}`;
