/**
 * Whether Vault's answer says the same as a declaration. It takes `1h` and gives 3600, takes `a,b` and gives a list,
 * and gives much that nobody asked for: only what is declared is compared.
 */

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const DURATION = /^(\d+[smhd])+$/;

export type Data = Readonly<Record<string, unknown>>;

/** The declared keys that differ, as they are and as they should be; `undefined` where there are none. */
export function differing(
  is: Data | undefined,
  want: Data,
  ignore: readonly string[] = [],
): { readonly from: Data | undefined; readonly to: Data } | undefined {
  if (is === undefined) return { from: undefined, to: want };
  const keys = Object.keys(want).filter((key) => !ignore.includes(key) && !isAlike(is[key], want[key]));
  if (keys.length === 0) return undefined;
  const part = (data: Data): Data =>
    Object.fromEntries(keys.filter((key) => data[key] !== undefined).map((key) => [key, data[key]]));
  return { from: part(is), to: part(want) };
}

/** A single value as text; what is not one as JSON. */
export function textIn(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
}

export function isAlike(is: unknown, want: unknown): boolean {
  if (typeof want === "object" && want !== null && !Array.isArray(want)) return areAlike(is, want as Data);
  if (Array.isArray(want) || Array.isArray(is)) return isSameSet(listOf(is), listOf(want));
  if (is === undefined || is === null) return want === "" || want === false || want === 0;
  return textIn(is) === textIn(want) || (secondsOf(is) !== undefined && secondsOf(is) === secondsOf(want));
}

const areAlike = (is: unknown, want: Data): boolean =>
  typeof is === "object" &&
  is !== null &&
  Object.entries(want).every(([key, one]) => isAlike((is as Data)[key], one));

/** Lists of Vault's have no order of their own. */
function listOf(value: unknown): readonly string[] {
  if (value === undefined || value === null || value === "") return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : textIn(value).split(",");
  return all.map((one) => textIn(one).trim()).toSorted();
}

const isSameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index]);

function secondsOf(value: unknown): number | undefined {
  const text = textIn(value);
  if (/^\d+$/.test(text)) return Number(text);
  if (!DURATION.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * UNITS[unit!]!,
    0,
  );
}
