/** Everything that can happen, one schema a kind. docs/events.md is written from it. */
import { z } from "zod";

import { JobId, NodeKey } from "../ids.ts";
import { beaconEvents } from "./beacon-events.ts";
import { driftEvents } from "./drift-events.ts";
import type { EventSpec } from "./event.ts";
import { jobEvents } from "./job-events.ts";
import { maintenanceEvents } from "./maintenance-events.ts";
import { masterEvents } from "./master-events.ts";
import { netbootEvents } from "./netboot-events.ts";
import { nodeEvents } from "./node-events.ts";
import { scheduleEvents } from "./schedule-events.ts";
import { terraformEvents } from "./terraform-events.ts";

const table = {
  ...nodeEvents,
  ...jobEvents,
  ...driftEvents,
  ...beaconEvents,
  ...scheduleEvents,
  ...terraformEvents,
  ...maintenanceEvents,
  ...netbootEvents,
  ...masterEvents,
};

export type EventKind = keyof typeof table;
export const EVENTS: Readonly<Record<EventKind, EventSpec<z.ZodType>>> = table;
export const EVENT_KINDS = Object.keys(table) as readonly EventKind[];
export const isEventKind = (kind: string): kind is EventKind => Object.hasOwn(table, kind);

export type EventData<K extends EventKind> = z.output<(typeof table)[K]["data"]>;

/** What a node may say, and only of itself. */
export type NodeEventKind = {
  [K in EventKind]: (typeof table)[K]["by"] extends "node" ? K : never;
}[EventKind];
export const NODE_EVENTS = EVENT_KINDS.filter((kind) => EVENTS[kind].by === "node") as NodeEventKind[];

/** What every event says, whatever its kind. */
const About = z.strictObject({
  /** The same, however often it is written or delivered. */
  uid: z.string().max(64),
  /** By the master's clock, when it was told; `saidAt` by the node's own, which may have been cut off since. */
  at: z.number(),
  saidAt: z.number().optional(),
  node: NodeKey.optional(),
  id: z.string().optional(),
  job: JobId.optional(),
  operator: z.string().optional(),
  /** The reactors that led to it, the first one first. */
  causes: z.array(z.string()).optional(),
});
type About = z.output<typeof About>;

export type EventOf<K extends EventKind> = { [E in K]: About & { kind: E; data: EventData<E> } }[K];
export type BomaEvent = EventOf<EventKind>;
/** As it is read back: its place in the stream is what a reader goes on from. */
export type SequencedEvent<K extends EventKind = EventKind> = EventOf<K> & { readonly sequence: number };

const EventShape = About.extend({ kind: z.enum(EVENT_KINDS), data: z.unknown() });

/** Reads an event in full; throws where it is not what its kind says. */
export function parseEvent(value: unknown): BomaEvent {
  const { kind, data, ...about } = EventShape.parse(value);
  return { ...about, kind, data: EVENTS[kind].data.parse(data) } as BomaEvent;
}

export { BEACON_LEVELS, type BeaconLevel } from "./beacon-events.ts";
export { DRIFT_MODES, type DriftMode } from "./drift-events.ts";
export { NETBOOT_STAGES, type NetbootStage } from "./netboot-events.ts";
export { kindPattern } from "./pattern.ts";
