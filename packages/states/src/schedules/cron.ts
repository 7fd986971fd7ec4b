/** The five fields of cron as sets of numbers, and the words that stand for them. */

export interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** Cron's own rule: where neither field begins with a star, a day that fits one of the two is enough. */
  readonly eitherDay: boolean;
  /** It means every hour of the clock, also the one that comes twice. */
  readonly everyHour: boolean;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly words: readonly string[];
}

export const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const FIELDS: readonly Field[] = [
  { name: "minute", min: 0, max: 59, words: [] },
  { name: "hour", min: 0, max: 23, words: [] },
  { name: "day of the month", min: 1, max: 31, words: [] },
  { name: "month", min: 1, max: 12, words: MONTHS },
  { name: "day of the week", min: 0, max: 7, words: WEEKDAYS },
];

const WORDS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** With the 29th of February: whether a date is ever there is asked of all years. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Throws an `Error` that says which field is wrong, and how. */
export function parseCron(text: string): Cron {
  if (text === "@reboot") throw new Error("`@reboot` is no time of the clock: write atBoot instead of cron");
  if (text.startsWith("@") && !Object.hasOwn(WORDS, text))
    throw new Error(`there is no ${text}; the words are ${Object.keys(WORDS).join(" ")}`);
  const fields = (WORDS[text] ?? text).trim().split(/[ \t]+/);
  if (fields.length !== FIELDS.length)
    throw new Error(
      `${JSON.stringify(text)} has ${fields.length} ${fields.length === 1 ? "field" : "fields"} instead of five: minute, hour, day of the month, month, day of the week`,
    );
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, at) =>
    readField(fields[at]!, field),
  ) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>];
  if (weekdays.delete(7)) weekdays.add(0);
  const eitherDay = !fields[2]!.startsWith("*") && !fields[4]!.startsWith("*");
  if (!eitherDay && ![...months].some((month) => [...days].some((day) => day <= LONGEST[month - 1]!)))
    throw new Error(
      `no year has such a day: ${[...days].join(", ")} in ${[...months].map((month) => MONTHS[month - 1]).join(", ")}`,
    );
  return { minutes, hours, days, months, weekdays, eitherDay, everyHour: hours.size === 24 };
}

function readField(text: string, field: Field): Set<number> {
  const numbers = new Set<number>();
  for (const part of text.split(",")) for (const number of readPart(part, text, field)) numbers.add(number);
  return numbers;
}

function readPart(part: string, whole: string, field: Field): number[] {
  const { name, min, max } = field;
  const [, from, to, step] = /^(\*|\w{1,9})(?:-(\w{1,9}))?(?:\/(\d{1,3}))?$/.exec(part) ?? [];
  const wrong = (why: string): Error => new Error(`the ${name} ${JSON.stringify(whole)} ${why}`);
  if (from === undefined || (from === "*" && to !== undefined))
    throw wrong("is not a number, a range such as 1-5, a step such as */5, or a list of them");
  if (step === "0") throw wrong("has a step of nothing");
  const [first, last] =
    from === "*"
      ? [min, field.words === WEEKDAYS ? 6 : max]
      : [
          numberOf(from, field),
          to !== undefined ? numberOf(to, field) : step !== undefined ? max : undefined,
        ];
  if (Number.isNaN(first) || Number.isNaN(last)) throw wrong(`is not between ${min} and ${max}`);
  const end = last ?? first;
  if (end < first) throw wrong("runs backwards: write two ranges");
  const width = Number(step ?? 1);
  return Array.from({ length: Math.floor((end - first) / width) + 1 }, (_, at) => first + at * width);
}

function numberOf(word: string, { min, max, words }: Field): number {
  const number = /^\d{1,2}$/.test(word) ? Number(word) : words.indexOf(word.toLowerCase()) + min;
  const isKnown = /^\d/.test(word) || words.includes(word.toLowerCase());
  return isKnown && number >= min && number <= max ? number : Number.NaN;
}

export interface CalendarDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export const weekdayOf = ({ year, month, day }: CalendarDay): number =>
  new Date(Date.UTC(year, month - 1, day)).getUTCDay();

export function isCronDay({ days, months, weekdays, eitherDay }: Cron, date: CalendarDay): boolean {
  if (!months.has(date.month)) return false;
  const [day, weekday] = [days.has(date.day), weekdays.has(weekdayOf(date))];
  return eitherDay ? day || weekday : day && weekday;
}
