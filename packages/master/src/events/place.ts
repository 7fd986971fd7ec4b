/** Where in the stream of events a reader begins. */
import type { Store } from "../store/store.ts";
import { STREAM } from "../store/store.ts";

/** An event that a reader has: under its number there must not be another one. */
export interface Seen {
  readonly sequence: number;
  readonly uid: string;
}

export type Start =
  | { readonly after: number; readonly seen?: Seen | undefined }
  /** Milliseconds since 1970. */
  | { readonly since: number }
  | { readonly from: "first" | "now" };

/** As it is asked for: of one that is no whole event nothing is said. */
export const afterSeen = (after: number, last: Partial<Seen> | undefined): Start => ({
  after,
  ...(last?.sequence !== undefined &&
    last.uid !== undefined && { seen: { sequence: last.sequence, uid: last.uid } }),
});

/** The sequence after which it begins. */
export async function placeOf(store: Store, start: Start): Promise<number> {
  if ("after" in start) return start.after;
  if ("since" in start) return before(store, new Date(start.since));
  const { state } = await store.api.streams.info(STREAM.events);
  return start.from === "now" ? state.last_seq : Math.max(0, state.first_seq - 1);
}

/** The server finds the moment; a reader that is made for it and never asks says where that is. */
async function before({ api }: Store, moment: Date): Promise<number> {
  const { name, delivered } = await api.consumers.add(STREAM.events, {
    ack_policy: "none",
    deliver_policy: "by_start_time",
    opt_start_time: moment.toISOString(),
    inactive_threshold: 5_000_000_000,
    mem_storage: true,
    num_replicas: 1,
  });
  await api.consumers.delete(STREAM.events, name);
  return delivered.stream_seq;
}
