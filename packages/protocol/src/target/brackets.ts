/** Where a reader of a regular expression stands: inside how many groups, and where in a class. */
export interface Brackets {
  depth: number;
  place: "outside" | "class-open" | "class-negated" | "class";
  escaped: boolean;
}

export const noBrackets = (): Brackets => ({ depth: 0, place: "outside", escaped: false });

export const isOutside = (brackets: Brackets): boolean =>
  brackets.depth === 0 && brackets.place === "outside" && !brackets.escaped;

/** Takes one more character into account. A depth of -1 afterwards says that it closed what was never opened. */
export function readBracket(brackets: Brackets, char: string): void {
  if (brackets.escaped) {
    brackets.escaped = false;
    if (brackets.place !== "outside") brackets.place = "class";
  } else if (char === "\\") brackets.escaped = true;
  else if (brackets.place !== "outside") brackets.place = nextInClass(brackets.place, char);
  else if (char === "[") brackets.place = "class-open";
  else if (char === "(") brackets.depth++;
  else if (char === ")") brackets.depth--;
}

/** A `]` that comes first is a member of the class, not its end. */
function nextInClass(place: Brackets["place"], char: string): Brackets["place"] {
  if (char === "]" && place === "class") return "outside";
  return char === "^" && place === "class-open" ? "class-negated" : "class";
}
