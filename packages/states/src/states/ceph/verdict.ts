/** Whether a cluster may be stood on, from what it says of itself: nothing is asked here, and nothing waits. */
import { type Cause, type Health, notReady, ready } from "../gate/define-gate.ts";
import type { FsDump, Status } from "./reports.ts";

export interface Expected {
  readonly fsid: string;
  readonly mons: readonly string[];
  readonly osds: number;
  readonly filesystems: readonly string[];
  /** Codes of health that may stand. */
  readonly allow: readonly string[];
}

/** What no site may allow: data has fewer copies than it should, or no room is left. */
const NEVER: readonly string[] = [
  "PG_DEGRADED",
  "PG_AVAILABILITY",
  "PG_DAMAGED",
  "OBJECT_UNFOUND",
  "OSD_NEARFULL",
  "OSD_BACKFILLFULL",
  "OSD_FULL",
  "POOL_FULL",
  "MON_DISK_CRIT",
];

const CONTENDED = /^(SLOW_OPS|MDS_SLOW_|OSD_SLOW_|MDS_CLIENTS_|PG_RECOVERY_FULL)/;
const DOWN = /^(MON_DOWN|MGR_DOWN|OSD_.*DOWN|MDS_ALL_DOWN|FS_DEGRADED|MDS_INSUFFICIENT)/;

/** A scrub is work on what is clean, and no fault: `active+clean+scrubbing+deep`. */
export const isClean = (state: string): boolean => /^active\+clean($|\+)/.test(state);

export function verdictOf(status: Status, dump: FsDump | undefined, want: Expected): Health {
  if (status.fsid !== want.fsid) return notReady("misconfigured", `it is the cluster ${status.fsid}`);
  const why = objection(status, dump, want);
  if (why) return notReady(...why);
  const { num_up_osds } = status.osdmap;
  return ready(
    `${status.quorum_names.length} monitors, ${num_up_osds} disks, ${status.pgmap.num_pgs} groups clean`,
  );
}

function objection(status: Status, dump: FsDump | undefined, want: Expected): [Cause, string] | undefined {
  const absent = want.mons.filter((name) => !status.quorum_names.includes(name));
  if (absent.length > 0) return ["down", `no quorum with the monitors ${absent.join(", ")}`];
  if (!status.mgrmap.available) return ["starting", "no manager is active"];
  const { num_osds, num_up_osds, num_in_osds } = status.osdmap;
  if (num_up_osds < want.osds || num_in_osds < want.osds)
    return [
      num_osds < want.osds ? "starting" : "down",
      `${num_up_osds} disks are up and ${num_in_osds} in, of ${want.osds} that are expected`,
    ];
  return groups(status) ?? metadata(dump, want.filesystems) ?? health(status, want.allow);
}

function groups({ pgmap }: Status): [Cause, string] | undefined {
  const known = pgmap.pgs_by_state.reduce((sum, { count }) => sum + count, 0);
  const unclean = pgmap.pgs_by_state.filter(({ state_name }) => !isClean(state_name));
  if (unclean.length === 0 && known >= pgmap.num_pgs) return undefined;
  const said = unclean.map(({ state_name, count }) => `${count} ${state_name}`).join(", ");
  return ["starting", `placement groups are not clean: ${said || "not all are reported yet"}`];
}

function metadata(dump: FsDump | undefined, wanted: readonly string[]): [Cause, string] | undefined {
  for (const name of wanted) {
    const map = dump?.filesystems.find(({ mdsmap }) => mdsmap.fs_name === name)?.mdsmap;
    if (!map) return ["misconfigured", `there is no filesystem ${name}`];
    const states = Object.values(map.info).map(({ state }) => state);
    if (!states.includes("up:active"))
      return [states.length > 0 ? "starting" : "down", `${name} has no active metadata server`];
  }
  return undefined;
}

function health({ health: { checks } }: Status, allow: readonly string[]): [Cause, string] | undefined {
  const standing = Object.entries(checks).filter(
    ([code, { severity, muted }]) =>
      severity === "HEALTH_ERR" || NEVER.includes(code) || (!muted && !allow.includes(code)),
  );
  const [first] = standing;
  if (!first) return undefined;
  const said = standing.map(([code, { summary }]) => `${code} (${summary.message})`).join(", ");
  const [code] = first;
  return [CONTENDED.test(code) ? "contended" : DOWN.test(code) ? "down" : "misconfigured", said];
}
