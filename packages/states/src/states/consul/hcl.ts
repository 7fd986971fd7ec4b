/** As much of HCL as it takes to know which settings stand at the top of a file. */

/** What stands where a value is more than a text, a number or a truth: equal to nothing. */
const SOMETHING = Symbol("something");

const SKIPPED = /^(?:\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)/;
const HEREDOC = /^<<-?([A-Za-z_][A-Za-z0-9_]*)\n[\s\S]*?\n\s*\1(?=\n|$)/;
const TEXT = /^"(?:[^"\\]|\\.)*"/;
const WORD = /^[A-Za-z0-9_.+-]+/;
const SIGN = /^[\s\S]/;
const PIECES = [HEREDOC, TEXT, WORD, SIGN];

/** Each key of the top level, with its value where that is a plain one. */
export function topLevel(hcl: string): Record<string, unknown> {
  const pieces = piecesOf(hcl);
  const found: Record<string, unknown> = {};
  let depth = 0;
  for (const [at, piece] of pieces.entries()) {
    if (/^[{[(]$/.test(piece)) depth += 1;
    else if (/^[}\])]$/.test(piece)) depth -= 1;
    else if (depth === 0 && isKey(piece, pieces[at - 1], pieces[at + 1]))
      found[unquoted(piece)] = pieces[at + 1] === "=" ? valueOf(pieces[at + 2]) : SOMETHING;
  }
  return found;
}

/** `name = …`, `"name" = …`, `name { …` and `name "label" { …`. */
function isKey(piece: string, before: string | undefined, next = ""): boolean {
  if (before === "=" || !/^["A-Za-z_]/.test(piece)) return false;
  return next === "=" || (!TEXT.test(piece) && (next === "{" || TEXT.test(next)));
}

function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest !== "") {
    const skipped = SKIPPED.exec(rest)?.[0];
    const piece = skipped ?? PIECES.map((kind) => kind.exec(rest)?.[0]).find((one) => one !== undefined)!;
    if (skipped === undefined) pieces.push(piece);
    rest = rest.slice(piece.length);
  }
  return pieces;
}

function unquoted(piece: string): string {
  const value = valueOf(piece);
  return typeof value === "string" ? value : piece;
}

function valueOf(piece: string | undefined): unknown {
  if (piece === undefined) return SOMETHING;
  if (piece === "true" || piece === "false") return piece === "true";
  if (/^-?\d+(\.\d+)?$/.test(piece)) return Number(piece);
  if (!TEXT.test(piece)) return SOMETHING;
  try {
    return JSON.parse(piece) as unknown;
  } catch {
    return SOMETHING;
  }
}
