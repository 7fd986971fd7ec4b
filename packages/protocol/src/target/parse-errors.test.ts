import { expect, test } from "vitest";

import { BomaError } from "../errors.ts";
import { parseTarget } from "./parse.ts";

function errorOf(source: string): BomaError {
  try {
    parseTarget(source);
  } catch (thrown) {
    if (thrown instanceof BomaError) return thrown;
    throw thrown;
  }
  throw new Error(`${source} was read without an error`);
}

test("what is wrong is shown at its place, with what to write instead", () => {
  const wrong = [
    "",
    "   ",
    "a b",
    "a adn b",
    "a && b",
    "env:dev&&a",
    "a || b",
    "!a",
    "a And b",
    "NOT a",
    "a and",
    "and a",
    "a or and b",
    "not",
    "(a",
    "a)",
    "()",
    "a and (b or",
    "X@a",
    "g@os:a",
    "R@a",
    "T@a",
    "E|@a",
    "G@",
    "G@os",
    "env:",
    ":dev",
    "*:dev",
    "P@os:a(?=b)",
    "P@os:(a",
    "J@a:b:*c",
    "E@web-(a b)",
    "E@(?<=x)",
    "L@a,,b",
    "L@web*",
    "L@Web",
    "S@10.0.0.5/8",
    "S@fe80::1/10",
    "S@10.0.0.0/33",
    "S@10.0.0",
    "N@a/b",
    "ram=5",
    "ram =5",
    "ram >= 5",
    "ram>=",
    "ram=>5",
    "ram>5XB",
    "os==deb*",
    "os:'a",
    "os:'a'b",
    "web,db",
    "web/1",
    "Grain@x",
    "a \u0000",
    "a \u202e",
    "a \ud800",
    "a\n and b c",
  ];
  const shown = wrong.map((source) => {
    const { code, message, hint } = errorOf(source);
    expect(code).toBe("target/syntax");
    return `${message}\n  ${hint}`;
  });
  expect(`\n${shown.join("\n\n")}\n`).toMatchInlineSnapshot(`
    "
    expected a target, found nothing
      
      ^
      \`*\` is every node

    expected a target, found nothing
         
      ^
      \`*\` is every node

    expected \`and\` or \`or\` before \`b\`
      a b
        ^
      two terms need a word between them: \`and\` or \`or\`

    expected \`and\` or \`or\` before \`adn\`
      a adn b
        ^
      did you mean \`and\`?

    \`&&\` is not an operator
      a && b
        ^
      write \`and\`

    \`&&\` is not an operator
      env:dev&&a
             ^
      write \` and \`, or quote the value

    \`||\` is not an operator
      a || b
        ^
      write \`or\`

    \`!\` is not an operator
      !a
      ^
      write \`not a\`

    \`And\` is not an operator
      a And b
        ^
      did you mean \`and\`? Operators are in small letters

    \`NOT\` is not an operator
      NOT a
      ^
      did you mean \`not\`? Operators are in small letters

    expected a term after \`and\`, found the end
      a and
           ^
      See docs/guide/targeting.md.

    expected a term, found \`and\`
      and a
      ^
      See docs/guide/targeting.md.

    expected a term after \`or\`, found \`and\`
      a or and b
           ^
      See docs/guide/targeting.md.

    expected a term after \`not\`, found the end
      not
         ^
      See docs/guide/targeting.md.

    this \`(\` is never closed
      (a
      ^
      See docs/guide/targeting.md.

    this \`)\` closes nothing
      a)
       ^
      See docs/guide/targeting.md.

    expected a term after \`(\`, found \`)\`
      ()
       ^
      See docs/guide/targeting.md.

    expected a term after \`or\`, found the end
      a and (b or
                 ^
      See docs/guide/targeting.md.

    \`X@\` is not a known prefix
      X@a
      ^
      known are G@ grain glob, P@ grain regex, E@ id regex, L@ list of ids, S@ network, I@ pillar glob, J@ pillar regex, N@ nodegroup

    \`g@\` is not a known prefix
      g@os:a
      ^
      did you mean \`G@\`?

    \`R@\`: ranges are not supported
      R@a
      ^
      list the ids with \`L@a,b\` or use a regular expression: \`E@web-[0-9]+$\`

    \`T@\`: Salt's resources are not supported
      T@a
      ^
      target the nodes that manage them by grain: \`G@key:value\`

    \`E@\` takes no delimiter
      E|@a
       ^
      write \`E@\`; G, P, I and J take one

    expected a grain glob right behind \`G@\`
      G@
        ^
      See docs/guide/targeting.md.

    expected KEY:VALUE
      G@os
          ^
      \`os:*\` matches any value

    expected KEY:VALUE
      env:
          ^
      \`env:*\` matches any value

    expected a key before \`:\`
      :dev
      ^
      See docs/guide/targeting.md.

    the first key must be a name
      *:dev
      ^
      See docs/guide/targeting.md.

    look-ahead is not supported: patterns must run in linear time
      P@os:a(?=b)
            ^
      See docs/guide/targeting.md.

    this \`(\` is never closed
      P@os:(a
           ^
      write \`\\(\` for the character; quote a pattern that holds spaces

    there is nothing to repeat before this
      J@a:b:*c
            ^
      write \`\\*\` for the character

    this \`(\` is never closed
      E@web-(a b)
            ^
      write \`\\(\` for the character; quote a pattern that holds spaces

    look-behind is not supported: patterns must run in linear time
      E@(?<=x)
        ^
      See docs/guide/targeting.md.

    expected an id in the list
      L@a,,b
          ^
      write \`L@a,b\`, without spaces

    \`L@\` takes exact ids
      L@web*
        ^
      a pattern stands alone: \`web*\`

    this cannot be a node's id
      L@Web
        ^
      ids match [a-z0-9][a-z0-9._-]{0,62}

    the address has bits set beyond its prefix
      S@10.0.0.5/8
        ^
      the network is \`S@10.0.0.0/8\`

    the address has bits set beyond its prefix
      S@fe80::1/10
        ^
      the network is \`S@fe80::/10\`

    expected a prefix length from 0 to 32
      S@10.0.0.0/33
                 ^
      net masks are not supported: write \`/24\`

    expected an address or a network
      S@10.0.0
        ^
      for example \`S@10.0.0.0/8\` or \`S@fe80::/10\`

    a nodegroup's name has letters, digits, \`_\`, \`.\` and \`-\`
      N@a/b
         ^
      See docs/guide/targeting.md.

    \`=\` is not an operator
      ram=5
         ^
      write \`key:value\` to match, \`==\` to compare, or quote the value

    \`=\` is not an operator
      ram =5
          ^
      write \`key:value\` to match, \`==\` to compare, or quote the value

    expected a grain right before \`>=\`
      ram >= 5
          ^
      write it without spaces: \`ram>=64GiB\`

    expected a value right behind \`>=\`
      ram>=
           ^
      write it without spaces: \`ram>=64GiB\`

    \`=>\` is not an operator
      ram=>5
         ^
      write \`>=\`

    expected a number behind \`>\`
      ram>5XB
          ^
      units are k M G T P for thousands, Ki Mi Gi Ti Pi for 1024s, each with or without a B

    \`==\` compares whole texts and knows no wildcards
      os==deb*
             ^
      write \`key:glob\`, or \`not key:glob\`

    this quote is never closed
      os:'a
         ^
      See docs/guide/targeting.md.

    expected a space after the closing quote
      os:'a'b
            ^
      See docs/guide/targeting.md.

    \`,\` cannot be in a node id
      web,db
         ^
      a list of ids is written \`L@a,b\`

    \`/\` cannot be in a node id
      web/1
         ^
      a grain is written \`key:value\`

    \`@\` cannot be in a node id
      Grain@x
           ^
      a prefix is one letter: \`G@os:Debian\`

    the invisible character U+0000 cannot be in a target
      a �
        ^
      See docs/guide/targeting.md.

    the invisible character U+202E cannot be in a target
      a �
        ^
      See docs/guide/targeting.md.

    half a character U+D800 cannot be in a target
      a �
        ^
      See docs/guide/targeting.md.

    expected \`and\` or \`or\` before \`c\`
       and b c
             ^
      two terms need a word between them: \`and\` or \`or\`
    "
  `);
});

test("the caret stands under the place even where quotes came before it", () => {
  expect(errorOf(`os:"a b" and P@os:"x "'y(?=z)'`).message).toMatchInlineSnapshot(`
    "look-ahead is not supported: patterns must run in linear time
      os:"a b" and P@os:"x "'y(?=z)'
                              ^"
  `);
});

test("a long line is shown around the place only", () => {
  const lines = errorOf(`${"a or ".repeat(200)}b c ${"or d ".repeat(200)}`).message.split("\n");
  expect(lines[1]!.length).toBeLessThan(125);
  expect(lines[1]!.slice(lines[2]!.indexOf("^"))).toMatch(/^c or d/);
});
