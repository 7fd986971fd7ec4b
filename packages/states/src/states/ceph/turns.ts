/** With whom restarts of Ceph take turns: one machine of the cluster at a time, whatever it runs. */
import type { Restarts } from "../../maintenance/domain.ts";

export const CEPH_DOMAIN = "ceph";
export const CEPH_ROLE = "ceph.role";

/** A disk's daemon is named by a number that the cluster gave it. */
export const restartsOsd = (unit: string): Restarts => ({ unit, domain: CEPH_DOMAIN, role: CEPH_ROLE });
