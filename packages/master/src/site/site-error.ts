/** What is wrong in a site, and where it stands there. */
import { BomaError, type ErrorCode } from "@boma/protocol";

/** A place in the site: the file by its path from the site's root. */
export interface Place {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

export const placeText = ({ file, line, column }: Place): string =>
  [file, line, column].filter((part) => part !== undefined).join(":");

export class SiteError extends BomaError {
  readonly place: Place | undefined;
  /** What is wrong, without the place. */
  readonly what: string;

  constructor(
    code: ErrorCode,
    what: string,
    options: { place?: Place | undefined; hint?: string | undefined } = {},
  ) {
    const { place, hint } = options;
    super(code, place ? `${placeText(place)}: ${what}` : what, hint === undefined ? {} : { hint });
    this.place = place;
    this.what = what;
  }
}
