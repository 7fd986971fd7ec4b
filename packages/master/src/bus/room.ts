import type { Events } from "../events/events.ts";
import type { Logger } from "../log.ts";
/**
 * Says loudly when a stream runs out of room: before it does, by a look now and
 * then, and when it refuses. What is full says nothing by itself to whoever
 * looks after the master, and nodes keep theirs in silence.
 */
import { bytesText } from "../print/table.ts";
import type { Store } from "../store/store.ts";
import { type StreamFill, streamFills } from "./stream-fill.ts";

const LOOK_MS = 10_000;
/** Told above the one, and told anew after it was below the other. */
const NEARLY_FULL = 0.9;
const ROOM_AGAIN = 0.8;

interface Parts {
  readonly store: Store;
  readonly events: Events;
  readonly log: Logger;
}

/** Looks now, and again and again; what is given back ends it. */
export function watchRoom({ store, events, log }: Parts): () => void {
  const nearlyFull = new Set<string>();
  const alarm = (stream: string, message: string): void => {
    log.error({ stream }, message);
    events.tell({ kind: "master.alarm", data: { what: "bus", message: message.slice(0, MESSAGE_MAX) } });
  };
  const look = async (): Promise<void> => {
    for (const fill of await streamFills(store.api)) {
      const share = fill.bytes / fill.bytesMax;
      if (share > NEARLY_FULL && !nearlyFull.has(fill.name)) alarm(fill.name, nearlyFullText(fill));
      if (share > NEARLY_FULL) nearlyFull.add(fill.name);
      else if (share < ROOM_AGAIN) nearlyFull.delete(fill.name);
    }
  };
  const lookSafely = (): void =>
    void look().catch((error: unknown) =>
      log.warn({ error: String(error) }, "the streams cannot be looked at"),
    );
  lookSafely();
  const timer = setInterval(lookSafely, LOOK_MS).unref();
  const deafen = store.listenToRoom((stream, refusal) => {
    if (refusal === undefined) log.info({ stream }, "the stream takes again");
    else alarm(stream, `the bus takes nothing more: ${refusal}`);
  });
  // Told when there is room; until then the log has it, and whoever asks.
  const deafenToo = store.taking.listen((trouble) => {
    if (trouble === undefined) log.info({}, "the bus keeps again what is written");
    else alarm("all", `the bus keeps nothing now: ${trouble}`);
  });
  return () => {
    clearInterval(timer);
    deafen();
    deafenToo();
  };
}

const MESSAGE_MAX = 2000;

function nearlyFullText({ name, bytes, bytesMax, refuses }: StreamFill): string {
  const held = `${name} is nearly full (${bytesText(bytes)} of ${bytesText(bytesMax)})`;
  return refuses
    ? `${held}: full, it refuses what is new; see serve --stream-bytes`
    : `${held}: full, it drops what is oldest before its time; see serve --stream-bytes`;
}
