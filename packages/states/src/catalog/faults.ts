/** What is wrong with declarations, gathered so that an author sees all of it at once. */
import { BomaError, type ErrorCode } from "@boma/protocol";

import { type Declaration, type Origin, originOf } from "../declaration.ts";

/** More than these are counted, not shown. */
const SHOWN_MAX = 20;

export interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface Faults {
  add(fault: Fault): void;
  /** Throws where there are any: one error, with the code of the first. */
  raise(): void;
}

export function faults(): Faults {
  const found: Fault[] = [];
  let count = 0;
  return {
    add(fault) {
      count += 1;
      if (found.length < SHOWN_MAX) found.push(fault);
    },
    raise() {
      const [first, ...others] = found;
      if (!first) return;
      if (others.length === 0) throw new BomaError(first.code, first.message, hinted(first));
      const shown = found.map(({ message, hint }) => `- ${message}${hint ? `\n  ${hint}` : ""}`);
      const more = count > found.length ? [`and ${count - found.length} more`] : [];
      throw new BomaError(
        first.code,
        [`${count} things are wrong:`, ...shown, ...more].join("\n"),
        hinted(first),
      );
    },
  };
}

const hinted = ({ hint }: Fault): { hint?: string } => (hint === undefined ? {} : { hint });

export const placeOf = (origin: Origin | undefined): string =>
  origin ? `${origin.file}:${origin.line}:${origin.column}` : "";

/** The name of a declaration, and where it stands. */
export const named = (declaration: Declaration): string => withPlace(declaration.id, originOf(declaration));
export const withPlace = (id: string, origin: Origin | undefined): string =>
  origin ? `${id} (${placeOf(origin)})` : id;
