/**
 * Versions of Debian packages in the order of deb-version(7): the epoch as a number, then the upstream version, then
 * the revision, each read as runs of text and runs of digits in turn. `~` comes before everything, the end included.
 */

/** Negative, zero or positive. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [partsOf(left), partsOf(right)];
  return (
    compareNumbers(a.epoch, b.epoch) ||
    comparePart(a.upstream, b.upstream) ||
    comparePart(a.revision, b.revision)
  );
}

function partsOf(version: string): { epoch: string; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon === -1 ? "" : version.slice(0, colon),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? "" : rest.slice(dash + 1),
  };
}

const RUN = /(\D*)(\d*)/y;

function comparePart(left: string, right: string): number {
  let [at, bt] = [0, 0];
  while (at < left.length || bt < right.length) {
    const [a, aText, aDigits] = runAt(left, at);
    const [b, bText, bDigits] = runAt(right, bt);
    const order = compareTexts(aText, bText) || compareNumbers(aDigits, bDigits);
    if (order !== 0) return order;
    at += a.length;
    bt += b.length;
  }
  return 0;
}

function runAt(part: string, at: number): readonly [whole: string, text: string, digits: string] {
  RUN.lastIndex = at;
  const [whole = "", text = "", digits = ""] = RUN.exec(part) ?? [];
  return [whole, text, digits];
}

/** Digits of any length, which a number of JavaScript could not hold. */
function compareNumbers(left: string, right: string): number {
  const [a, b] = [left.replace(/^0+/, ""), right.replace(/^0+/, "")];
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}

function compareTexts(left: string, right: string): number {
  for (let at = 0; at < left.length || at < right.length; at++) {
    const order = weight(left, at) - weight(right, at);
    if (order !== 0) return order;
  }
  return 0;
}

const LETTER = /[A-Za-z]/;

/** The tilde before the end, the end before letters, letters before all else. */
function weight(text: string, at: number): number {
  if (at >= text.length) return 0;
  if (text[at] === "~") return -1;
  const code = text.charCodeAt(at);
  return LETTER.test(text[at]!) ? code : code + 256;
}
