import { escapeLine } from "@boma/protocol";
import { pino } from "pino";

/** What the agent says of itself. Fields are named one by one: no object that may hold a seed is ever passed. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** JSON lines for journald and machines, short plain lines for a person at a terminal. */
export function createLog(stream: NodeJS.WriteStream = process.stdout): Log {
  if (stream.isTTY) return plainLog(stream);
  // The bound methods keep pino's own `this` out of the interface.
  const base = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  );
  return {
    info: (fields, message) => base.info(fields, message),
    warn: (fields, message) => base.warn(fields, message),
    error: (fields, message) => base.error(fields, message),
  };
}

function plainLog(stream: NodeJS.WriteStream): Log {
  const line =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const rest = Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`);
      stream.write(
        `${[level, message, ...rest]
          .filter((part) => part !== "")
          .map(escapeLine)
          .join("  ")}\n`,
      );
    };
  return { info: line(""), warn: line("warning"), error: line("error") };
}
