/**
 * A connection with a bad line. What a node asks or hands over may take long,
 * may not arrive, or its answer may not; and the connection itself drops. All
 * of it is what an agent must live with, so nothing here mends anything.
 */
import { setTimeout as sleep } from "node:timers/promises";

import type { Bus } from "../bus.ts";
import type { Connection } from "../connection.ts";
import { jitter } from "../wait.ts";
import type { Conditions } from "./conditions.ts";

type Line = Pick<Conditions, "latencyMs" | "lossPercent" | "flapMs">;

export function roughLine(
  connection: Connection,
  line: Line,
  random: () => number = Math.random,
): Connection {
  if (line.flapMs > 0) flap(connection, line.flapMs, random);
  return { ...connection, bus: roughBus(connection.bus, line, random) };
}

function roughBus(bus: Bus, { latencyMs, lossPercent }: Line, random: () => number): Bus {
  const isLost = (): boolean => random() * 200 < lossPercent;
  const travel = (): Promise<void> => (latencyMs > 0 ? sleep(latencyMs) : Promise.resolve());
  return {
    async request(subject, data, options) {
      const lost = new Error(`no answer within ${options.timeoutMs} ms`);
      await travel();
      // The way there and the way back are as bad as each other; who asked cannot tell which one it was.
      const answer = isLost() ? undefined : await bus.request(subject, data, options);
      await travel();
      if (answer && !isLost()) return answer;
      await sleep(options.timeoutMs);
      throw lost;
    },
    subscribe(subject, receive) {
      // Timers of one length end in the order in which they began: nothing overtakes.
      const late = (data: Uint8Array): void => void setTimeout(() => receive(data), latencyMs);
      bus.subscribe(subject, latencyMs > 0 ? late : receive);
    },
    connected: (signal) => bus.connected(signal),
  };
}

/** Drops it again and again, each time after another while, until it is closed. */
function flap(connection: Connection, everyMs: number, random: () => number): void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    timer = setTimeout(
      () => {
        connection.drop();
        arm();
      },
      jitter(everyMs, random),
    );
  };
  arm();
  void connection.closed.then(() => clearTimeout(timer));
}
