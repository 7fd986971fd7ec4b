/** The five fields of cron, and its words for them. */

const FIELDS: readonly (readonly [min: number, max: number, names: readonly string[]])[] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]],
  [0, 7, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]],
];
const WORDS = /^@(reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)$/;

export function isSchedule(text: string): boolean {
  if (WORDS.test(text)) return true;
  const fields = text.split(/[ \t]+/);
  return fields.length === FIELDS.length && fields.every((field, at) => isField(field, FIELDS[at]!));
}

function isField(field: string, known: (typeof FIELDS)[number]): boolean {
  return field.split(",").every((part) => isPart(part, known));
}

function isPart(part: string, [min, max, names]: (typeof FIELDS)[number]): boolean {
  const [, from, to, step] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d{1,3}))?$/.exec(part) ?? [];
  if (from === undefined || (from === "*" && to !== undefined)) return false;
  if (step !== undefined && (Number(step) === 0 || Number(step) > max)) return false;
  const numbers = [from, to].flatMap((word) =>
    word === undefined || word === "*" ? [] : [numberOf(word, min, names)],
  );
  return (
    numbers.every((number) => number >= min && number <= max) &&
    (numbers.length < 2 || numbers[0]! <= numbers[1]!)
  );
}

function numberOf(word: string, min: number, names: readonly string[]): number {
  if (/^\d{1,2}$/.test(word)) return Number(word);
  const at = names.indexOf(word.toLowerCase());
  return at === -1 ? Number.NaN : at + min;
}
