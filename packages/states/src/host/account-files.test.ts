import { expect, test } from "vitest";

import { readGroup, readPasswd, readShadow } from "./account-files.ts";

const ANNA = "anna:x:1000:1000:Anna,,,:/home/anna:/bin/bash";

test("entries of passwd, group and shadow are read", () => {
  expect(readPasswd(`${ANNA}\n`)).toEqual({
    lines: [
      { name: "anna", uid: 1000, gid: 1000, comment: "Anna,,,", home: "/home/anna", shell: "/bin/bash" },
    ],
    oddities: [],
  });
  expect(readGroup("sudo:x:27:anna,ben\nempty:x:28:\n").lines).toEqual([
    { name: "sudo", gid: 27, members: ["anna", "ben"] },
    { name: "empty", gid: 28, members: [] },
  ]);
  expect(readShadow("anna:$6$salt$hash:19000:0:99999:7::20849:\nben:!:19000:0:99999:7:::\n").lines).toEqual([
    { name: "anna", password: "$6$salt$hash", expires: 20_849 },
    { name: "ben", password: "!", expires: undefined },
  ]);
});

test.each([
  ["+nis::::::", "a line of NIS"],
  ["anna:x:1000:1000:Anna:/home/anna", "too few fields"],
  ["anna:x:1000:1000:Anna:/home/anna:/bin/sh:more", "too many fields"],
  ["anna:x:-1:1000::/:/bin/sh", "a negative uid"],
  ["anna:x:4294967295:1000::/:/bin/sh", "the uid that means none"],
  ["anna:x:0x0:1000::/:/bin/sh", "a uid that is no number"],
  ["anna:x: 0:1000::/:/bin/sh", "a uid with a blank"],
  ["an\u0000na:x:0:0::/:/bin/sh", "a name with a null byte"],
  ["an/na:x:0:0::/:/bin/sh", "a name with a slash"],
  [":x:0:0::/:/bin/sh", "no name"],
])("%j is passed over and reported: %s", (line) => {
  const { lines, oddities } = readPasswd(`${ANNA}\n${line}\nben:x:1001:1001::/home/ben:/bin/sh\n`);
  expect(lines.map(({ name }) => name)).toEqual(["anna", "ben"]);
  expect(oddities).toEqual(["2: is not an entry"]);
});

test("of two entries with one name the first counts, as it does for the machine", () => {
  const { lines, oddities } = readPasswd(`${ANNA}\nanna:x:0:0::/root:/bin/sh\n`);
  expect(lines.map(({ uid }) => uid)).toEqual([1000]);
  expect(oddities).toEqual(["2: anna is there already"]);
});

test("what an odd line of shadow says is not repeated", () => {
  expect(readShadow("anna:$6$canary$canary\n").oddities.join()).not.toContain("canary");
});

test("a file of nothing but noise does not fill the memory with reports", () => {
  expect(readPasswd("noise\n".repeat(10_000)).oddities).toHaveLength(100);
});
