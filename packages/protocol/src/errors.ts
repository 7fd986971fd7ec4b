import { backupCodes } from "./error-codes-backup.ts";
import { bootstrapCodes } from "./error-codes-bootstrap.ts";
import { netbootCodes } from "./error-codes-netboot.ts";
import { stateCodes } from "./error-codes-states.ts";
import { terraformCodes } from "./error-codes-terraform.ts";
/**
 * Every error that boma raises on purpose. The code is the contract: it travels
 * on the wire, decides the exit code and is listed in docs/errors.md. The message
 * is for people, the hint says what to do.
 */
import { commonCodes } from "./error-codes.ts";
import type { ExitCode } from "./error-row.ts";

export { ExitCode } from "./error-row.ts";

export const codes = {
  ...commonCodes,
  ...stateCodes,
  ...terraformCodes,
  ...netbootCodes,
  ...bootstrapCodes,
  ...backupCodes,
};

export type ErrorCode = keyof typeof codes;

export class BomaError extends Error {
  override readonly name = "BomaError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? codes[code].hint;
  }

  get exit(): ExitCode {
    return codes[this.code].exit;
  }
}

/** Whatever was thrown, as a BomaError: what is not one of ours is internal. */
export function asBomaError(thrown: unknown): BomaError {
  if (thrown instanceof BomaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new BomaError("internal", message, { cause: thrown });
}

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(codes, code);
