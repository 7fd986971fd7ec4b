/** How a job goes on one node: where it stands, and at last how it ended. */
import { ACCEPT_MS } from "@boma/protocol";

export const FINAL = [
  "ok",
  "changed",
  "failed",
  "refused",
  "timeout",
  "offline",
  "expired",
  "cancelled",
] as const;
export type FinalStatus = (typeof FINAL)[number];

/**
 * waiting  not sent yet: its batch has not come
 * queued   in the mailbox of a node that is not connected
 * sent     said to a connected node, which has not said anything yet
 * running  the node said that it began
 */
export type OpenStatus = "waiting" | "queued" | "sent" | "running";

export interface Course {
  readonly key: string;
  readonly id: string;
  status: OpenStatus | FinalStatus;
  /** When it was sent to a connected node. */
  sentAt: number;
  /** On its way, called out to all nodes at once, or in the node's mailbox, where the bus has it. */
  order: "held" | "called" | "posted";
  /** Silence of this length means something, from when the order is with the bus. */
  silenceMs: number;
  /** When the master stops waiting for its return. */
  deadline: number;
  /** It was connected when the job was sent and is not any more. */
  lostAt: number | undefined;
  /** Connected, yet silent for longer than a healthy agent is. */
  notAnswering: boolean;
}

export interface Ending {
  readonly status: FinalStatus;
  readonly value?: unknown;
  readonly error?:
    | { readonly code: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
  readonly ms?: number;
  readonly cut?: boolean;
}

export const isFinal = (status: Course["status"]): status is FinalStatus =>
  (FINAL as readonly string[]).includes(status);

export const isFailure = (status: FinalStatus): boolean => status !== "ok" && status !== "changed";

export const newCourse = ({ key, id }: { key: string; id: string }): Course => ({
  key,
  id,
  status: "waiting",
  sentAt: 0,
  order: "held",
  silenceMs: ACCEPT_MS,
  deadline: Number.POSITIVE_INFINITY,
  lostAt: undefined,
  notAnswering: false,
});
