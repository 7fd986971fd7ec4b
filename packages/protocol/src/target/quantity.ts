const KILO = 1000;
const KIBI = 1024;
const POWERS = "kmgtp";

/** Hostile text is cut off before the expression sees it. */
const TEXT_LENGTH_MAX = 64;
const QUANTITY = /^\s*([+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d{1,3})?)\s*(?:([kmgtp])(i)?)?b?\s*$/i;

/** A number with or without a unit: `8`, `1.5T`, `64GiB`, `16384 kB`. Case does not matter. */
export function parseQuantity(text: string): number | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const found = QUANTITY.exec(text);
  if (found === null) return undefined;
  const [, number, power, binary] = found;
  const factor =
    power === undefined ? 1 : (binary ? KIBI : KILO) ** (POWERS.indexOf(power.toLowerCase()) + 1);
  return Number(number) * factor;
}

export const UNITS = "k M G T P for thousands, Ki Mi Gi Ti Pi for 1024s, each with or without a B";
