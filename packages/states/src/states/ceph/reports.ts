/** What a cluster says of itself: of each answer only what is asked for. */
import { z } from "zod";

export const Quorum = z.object({
  quorum_names: z.array(z.string()),
  quorum_leader_name: z.string(),
  monmap: z.object({ fsid: z.string(), mons: z.array(z.object({ name: z.string() })) }),
});
export type Quorum = z.output<typeof Quorum>;

export const Status = z.object({
  fsid: z.string(),
  health: z.object({
    status: z.string(),
    checks: z.record(
      z.string(),
      z.object({
        severity: z.string(),
        summary: z.object({ message: z.string() }),
        muted: z.boolean().default(false),
      }),
    ),
  }),
  quorum_names: z.array(z.string()),
  osdmap: z.object({ num_osds: z.number(), num_up_osds: z.number(), num_in_osds: z.number() }),
  pgmap: z.object({
    num_pgs: z.number(),
    pgs_by_state: z.array(z.object({ state_name: z.string(), count: z.number() })),
  }),
  mgrmap: z.object({ available: z.boolean() }),
});
export type Status = z.output<typeof Status>;

export const OsdDump = z.object({
  fsid: z.string(),
  flags_set: z.array(z.string()),
  osds: z.array(
    z.object({
      osd: z.number(),
      uuid: z.string(),
      up: z.number(),
      in: z.number(),
      up_from: z.number(),
      state: z.array(z.string()),
    }),
  ),
});
export type OsdDump = z.output<typeof OsdDump>;

export const Pools = z.array(
  z.object({
    pool_name: z.string(),
    size: z.number(),
    min_size: z.number(),
    pg_num_target: z.number(),
    pg_autoscale_mode: z.string(),
    application_metadata: z.record(z.string(), z.unknown()),
  }),
);

export const Filesystems = z.array(
  z.object({ name: z.string(), metadata_pool: z.string(), data_pools: z.array(z.string()) }),
);

export const FsDump = z.object({
  standbys: z.array(z.object({ name: z.string() })),
  filesystems: z.array(
    z.object({
      mdsmap: z.object({
        fs_name: z.string(),
        max_mds: z.number(),
        info: z.record(z.string(), z.object({ name: z.string(), state: z.string(), rank: z.number() })),
      }),
    }),
  ),
});
export type FsDump = z.output<typeof FsDump>;
