import { type Logger as Pino, pino } from "pino";

export type Logger = Pick<Pino, "info" | "warn" | "error" | "debug">;

/** JSON lines on standard error, which journald keeps; standard output stays for what people read. */
export const newLogger = (level = process.env["BOMA_LOG"] ?? "info"): Logger =>
  pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
