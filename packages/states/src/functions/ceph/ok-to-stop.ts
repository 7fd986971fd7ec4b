import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import type { ReadHost } from "../../host/host.ts";
import { ask, heard } from "../../states/ceph/ask.ts";
import { FsDump, OsdDump, Quorum } from "../../states/ceph/reports.ts";

const DAEMON = /^ceph-(mon|mgr|mds|osd)@(.+)\.service$/;

export default defineFunction({
  name: "ceph.ok-to-stop",
  summary:
    "Whether the Ceph cluster can do without everything that this node runs of it. Fails where it cannot.",
  params: z.strictObject({}),
  result: z.strictObject({ ok: z.boolean(), runs: z.array(z.string()), why: z.array(z.string()) }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 2 * 60_000,
  examples: ["boma-master run node-1 ceph.ok-to-stop"],
  async run(_, { host }) {
    const runs = (await host.services.list("ceph-*@*.service"))
      .filter(({ active }) => active === "active")
      .flatMap(({ unit }) => DAEMON.exec(unit)?.slice(1, 3).join(".") ?? []);
    const of = (kind: string): string[] =>
      runs.flatMap((one) => (one.startsWith(`${kind}.`) ? [one.slice(kind.length + 1)] : []));
    const why = [
      ...(await againstMonitors(of("mon"), host)),
      ...(await againstDisks(of("osd").map(Number), host)),
      ...(await againstMetadata(of("mds"), host)),
    ];
    return { ok: why.length === 0, runs, why };
  },
  outcome: ({ ok }) => (ok ? "ok" : "failed"),
});

/** More than half of all there are have to stay. */
async function againstMonitors(stopping: readonly string[], { commands }: ReadHost): Promise<string[]> {
  if (stopping.length === 0) return [];
  const { quorum_names, monmap } = heard(await ask(commands, "quorum_status", Quorum));
  const left = quorum_names.filter((name) => !stopping.includes(name)).length;
  const needed = Math.floor(monmap.mons.length / 2) + 1;
  return left >= needed ? [] : [`${left} monitors would be left, and ${needed} are needed`];
}

const Stop = z.object({ ok_to_stop: z.boolean(), num_not_ok_pgs: z.number() });

async function againstDisks(stopping: readonly number[], { commands }: ReadHost): Promise<string[]> {
  if (stopping.length === 0) return [];
  // Of disks that it does not know the cluster says that it can do without them.
  const known = new Set(heard(await ask(commands, "osd dump", OsdDump)).osds.map(({ osd }) => osd));
  const unknown = stopping.filter((id) => !known.has(id));
  const words = `osd ok-to-stop ${stopping.join(" ")}`;
  const { ok_to_stop, num_not_ok_pgs } = heard(await ask(commands, words, Stop));
  return [
    ...(unknown.length > 0 ? [`the cluster knows no osd ${unknown.join(", ")}`] : []),
    ...(ok_to_stop ? [] : [`${num_not_ok_pgs} placement groups would be offline`]),
  ];
}

/** Somebody has to stand by for each that is active. */
async function againstMetadata(stopping: readonly string[], { commands }: ReadHost): Promise<string[]> {
  if (stopping.length === 0) return [];
  const dump = heard(await ask(commands, "fs dump", FsDump));
  const active = dump.filesystems.flatMap(({ mdsmap }) =>
    Object.values(mdsmap.info).filter(({ name, state }) => state === "up:active" && stopping.includes(name)),
  );
  const standing = dump.standbys.filter(({ name }) => !stopping.includes(name)).length;
  return active.length <= standing
    ? []
    : [`${standing} metadata servers stand by for ${active.map(({ name }) => name).join(", ")}`];
}
