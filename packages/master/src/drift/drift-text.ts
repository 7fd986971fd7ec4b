/** The drift of a fleet as people read it: a line a node, then each difference once, with the nodes that have it. */
import { escapeLine } from "@boma/protocol";
import { changeLines } from "@boma/states/core";

import type { DriftView } from "../api/verbs/drift.ts";
import { style } from "../print/output.ts";
import { ago, span, table } from "../print/table.ts";
import type { DriftedResource } from "./drift-record.ts";

const GROUPS_SHOWN = 40;
const NAMES_SHOWN = 8;
const LINES_SHOWN = 30;

interface Group {
  readonly one: DriftedResource;
  readonly ids: string[];
  since: number;
  readonly who: Set<string>;
}

export interface Shown {
  /** Nodes that are in order as well, and all lines of every difference. */
  readonly all: boolean;
}

export function driftText(views: readonly DriftView[], { all }: Shown): string {
  const lines = [...nodeTable(views, all), ...groupLines(views, all), ...troubleLines(views)];
  return [...lines, closing(views), ...nextSteps(views)].join("\n");
}

function nodeTable(views: readonly DriftView[], all: boolean): string[] {
  const shown = views.filter(({ state, resources }) => all || state === "drifted" || resources.length > 0);
  if (shown.length === 0) return [];
  return [
    table(shown, [
      { head: "NODE", text: ({ id }) => id, colour: (text) => style("bold", text) },
      { head: "STATE", text: ({ state }) => state, colour: (text, { state }) => style(COLOURS[state], text) },
      { head: "DRIFTED", text: countText },
      { head: "OLDEST", text: ({ resources: [oldest] }) => (oldest ? ago(oldest.since) : "") },
      { head: "CHECKED", text: ({ checkedAt }) => (checkedAt === undefined ? "never" : ago(checkedAt)) },
    ]),
    "",
  ];
}

const COLOURS = { ok: "green", drifted: "yellow", unknown: "magenta" } as const;

/** `3 observe, 1 enforce`. */
function countText({ resources, more }: DriftView): string {
  const modes = Map.groupBy(resources, ({ mode, loop }) => (loop ? "left alone" : mode));
  const counts = [...modes].map(([mode, members]) => `${members.length} ${mode}`);
  return [...counts, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

function groupsOf(views: readonly DriftView[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { id, resources } of views)
    for (const one of resources) {
      const { resource, mode, changes, comment, loop } = one;
      const name = JSON.stringify([resource, mode, changes, comment, loop !== undefined], plain);
      const group = groups.get(name) ?? { one, ids: [], since: one.since, who: new Set<string>() };
      groups.set(name, group);
      group.ids.push(id);
      group.since = Math.min(group.since, one.since);
      for (const who of one.loop?.who ?? one.who) group.who.add(who);
    }
  return [...groups.values()].sort((a, b) => b.ids.length - a.ids.length || a.since - b.since);
}

const plain = (_name: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

function groupLines(views: readonly DriftView[], all: boolean): string[] {
  const groups = groupsOf(views);
  const shown = all ? groups : groups.slice(0, GROUPS_SHOWN);
  const more = groups.length - shown.length;
  return [
    ...shown.flatMap((group) => [...oneGroup(group, all), ""]),
    ...(more > 0 ? [style("dim", `… ${more} more; --all shows them`), ""] : []),
  ];
}

function oneGroup({ one, ids, since, who }: Group, all: boolean): string[] {
  const on =
    all || ids.length <= NAMES_SHOWN
      ? ids
      : [...ids.slice(0, NAMES_SHOWN), `and ${ids.length - NAMES_SHOWN} more`];
  const by = who.size > 0 ? `, by ${[...who].map(escapeLine).join("; ")}` : "";
  const differences = Object.entries(one.changes).flatMap(([name, change]) =>
    changeLines(escapeLine(name), change, style),
  );
  const lines = all ? differences : differences.slice(0, LINES_SHOWN);
  if (one.cut || lines.length < differences.length) lines.push(style("dim", "    … cut"));
  return [
    `${style("bold", escapeLine(one.resource))}  ${one.mode}  ${on.join(" ")}`,
    style("dim", `    since ${span(since)}${by}${one.comment === "" ? "" : `: ${escapeLine(one.comment)}`}`),
    ...loopLines(one),
    ...lines,
  ];
}

const loopLines = ({ loop }: DriftedResource): string[] =>
  loop
    ? [
        style(
          "red",
          `    undone ${loop.reverts} times within ${Math.round(loop.withinMs / 60_000)} min: it is left alone until drift.reset`,
        ),
      ]
    : [];

function troubleLines(views: readonly DriftView[]): string[] {
  const failures = views.flatMap(({ id, failed }) =>
    failed.map(
      ({ resource, comment }) =>
        `${style("red", "failed")}   ${id}  ${escapeLine(resource)}: ${escapeLine(comment)}`,
    ),
  );
  const unknown = Map.groupBy(
    views.filter(({ state }) => state === "unknown"),
    ({ unknown: why }) => why ?? "",
  );
  const unseen = [...unknown].map(
    ([why, members]) =>
      `${style("magenta", "unknown")}  ${members.map(({ id }) => id).join(" ")}: ${escapeLine(why)}`,
  );
  const lines = [...failures, ...unseen];
  return lines.length > 0 ? [...lines, ""] : [];
}

function closing(views: readonly DriftView[]): string {
  const of = (state: DriftView["state"]): number => views.filter((view) => view.state === state).length;
  const counts = (["drifted", "ok", "unknown"] as const)
    .filter((state) => of(state) > 0)
    .map((state) => style(COLOURS[state], `${of(state)} ${state}`));
  const nodes = views.length === 1 ? "1 node" : `${views.length} nodes`;
  return `${nodes}: ${counts.join(", ")}`;
}

function nextSteps(views: readonly DriftView[]): string[] {
  const first = views.find(({ state }) => state === "drifted");
  const unknown = views.find(({ state }) => state === "unknown");
  const adopted = views.find(({ resources }) => resources.some(({ mode }) => mode === "adopt"));
  return [
    ...(first
      ? [
          `put it right: boma-master run ${first.id} state.apply`,
          `take it over into the site: boma-master drift adopt ${first.id}`,
        ]
      : []),
    ...(!first && adopted ? [`take it over into the site: boma-master drift adopt ${adopted.id}`] : []),
    ...(unknown ? [`look now: boma-master drift ${unknown.id} --check`] : []),
  ].map((line) => style("dim", line));
}
