import { createHash } from "node:crypto";

/**
 * Goal: what is declared is what gets through, what locks out is refused before it is sent, and the table of the kernel
 * is compared by what it says and not by how it is listed. Whether the kernel sees it the same is in test/hosts.
 */
import { describe, expect, test } from "vitest";

import { compileCatalog } from "../../catalog/compile.ts";
import { checkParams } from "../../check-params.ts";
import { readHost } from "../../host/host.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { tryState } from "../../testing/try-state.ts";
import { addressOf, addressText, byVersion, networkOf, spanText } from "./addresses.ts";
import { safeTableOf, tableOf } from "./build.ts";
import { listingOf } from "./example-listing.ts";
import { examples } from "./examples.ts";
import { RULES, SAFE, UNIT_TEXT } from "./files.ts";
import filter from "./filter.ts";
import { linesIn } from "./listing.ts";
import type { Want } from "./parameters.ts";
import port from "./port.ts";
import { intersection, samples, union } from "./spans.ts";
import { fileText, linesOf } from "./table.ts";

const OFFICE = "192.0.2.0/24";
const wanted = (params: object = {}): Want =>
  checkParams(filter.spec, { name: "node", control: { sshFrom: [OFFICE] }, ...params }) as Want;
const refused = (params: object): string => {
  try {
    wanted(params);
    return "(taken)";
  } catch (thrown) {
    return (thrown as Error).message;
  }
};
const given = examples[0]!.given;

describe("numbers", () => {
  test.each([
    ["10.1.2.3", 4, "10.1.2.3"],
    ["::", 6, "::"],
    ["2001:db8::1", 6, "2001:db8::1"],
    ["fd00:0:0:1::", 6, "fd00:0:0:1::"],
    ["::ffff:192.0.2.1", 6, "::ffff:c000:201"],
    ["1:2:3:4:5:6:7:8", 6, "1:2:3:4:5:6:7:8"],
  ])("%s is one address and is written as one", (text, version, shown) => {
    const address = addressOf(text);
    expect(address.version).toBe(version);
    expect(addressText(address.version, address.value)).toBe(shown);
  });

  test("networks that touch are one, as nft makes them, and what is no network is a range", () => {
    const [v4, v6] = byVersion(["10.0.1.0/24", "10.0.0.7/24", "fd00::/8", "10.0.2.0"]);
    expect(v4!.spans.map((span) => spanText(4, span))).toEqual(["10.0.0.0-10.0.2.0"]);
    expect(v6!.spans.map((span) => spanText(6, span))).toEqual(["fd00::/8"]);
    expect(spanText(4, networkOf("0.0.0.0/0").span)).toBe("0.0.0.0/0");
  });

  test("sets of ranges meet where both are, and have a sample for each stretch", () => {
    expect(union([[5n, 6n], [1n, 2n], [3n, 3n]])).toEqual([[1n, 3n], [5n, 6n]]); // prettier-ignore
    expect(intersection([[1n, 9n]], [[0n, 2n], [8n, 20n]])).toEqual([[1n, 2n], [8n, 9n]]); // prettier-ignore
    expect(samples([10n, 20n], [[[12n, 14n]], [[0n, 30n]]])).toEqual([10n, 12n, 15n]);
  });
});

describe("the table", () => {
  test.each(examples)(
    "$title: the listing of it, as the kernel has it, reads as the same lines",
    ({ params }) => {
      for (const table of [tableOf(wanted(params)), safeTableOf(wanted(params))])
        expect(linesIn(listingOf(table))).toEqual(linesOf(table));
    },
  );

  test("is replaced in one step, with no word of any other table", () => {
    const text = fileText(tableOf(wanted(examples[0]!.params)));
    expect(text).toMatch(/^add table inet boma\ndelete table inet boma\ntable inet boma \{\n/);
    expect(text).not.toMatch(/flush|table ip /);
    expect(text.match(/^\S*table /gm)).toHaveLength(1);
    expect(text).toContain('ip saddr 192.0.2.0/24 tcp dport 22 accept comment "control: SSH"');
    expect(text).toContain('iifname "wt0" tcp dport 20000-32000 accept comment "nomad.client(node): ports"');
    expect(text).not.toMatch(/\biif |\boif /);
  });

  test("names nobody's words as they are: a note cannot leave its quotes", () => {
    const owner = 'x(a" accept\n\\';
    const need = { owner, name: "n", proto: "tcp", port: 1, exposure: "public" };
    const text = fileText(tableOf(wanted({ needs: [need] })));
    expect(text).toContain('comment "x(a? accept??: n"');
  });
});

describe("needs", () => {
  const control = { sshFrom: [OFFICE] };
  const zones = { mesh: { interfaces: ["wt0"] }, lan: { interfaces: ["eth1"], from: ["10.0.0.0/8"] } };
  const linesFor = (declaration: ReturnType<typeof port>): readonly string[] => {
    const { catalog } = compileCatalog([filter("node", { control, zones }), declaration]);
    const want = catalog.entries.find(({ state }) => state === "firewall.filter")!.params as Want;
    return linesOf(tableOf(want)).filter((line) => line.includes("firewall.port"));
  };

  test("of other declarations are rules with the name of who needs them, and go with him", () => {
    expect(linesFor(port("http", { tcp: [80, 443], exposure: "public" }))).toEqual([
      'input: tcp dport 443 accept comment "firewall.port(http): http"',
      'input: tcp dport 80 accept comment "firewall.port(http): http"',
    ]);
    const { catalog } = compileCatalog([filter("node", { control, zones })]);
    expect(linesOf(tableOf(catalog.entries[0]!.params as Want)).join()).not.toContain("firewall.port");
  });

  test.each([
    ["none", undefined, []],
    ["mesh", undefined, ['iifname "wt0" udp dport 53']],
    ["lan", undefined, ['iifname "wt0" udp dport 53', 'iifname "eth1" ip saddr 10.0.0.0/8 udp dport 53']],
    [
      "lan",
      ["10.9.0.0/16", "192.0.2.1"],
      [
        'iifname "wt0" ip saddr { 10.9.0.0/16, 192.0.2.1 } udp dport 53',
        'iifname "eth1" ip saddr 10.9.0.0/16 udp dport 53',
      ],
    ],
    ["public", ["fd00::/8"], ["ip6 saddr fd00::/8 udp dport 53"]],
  ] as const)("exposed to %s from %j open just that", (exposure, from, rules) => {
    const lines = linesFor(port("dns", { udp: [53], exposure, ...(from && { from: [...from] }) }));
    expect(lines).toEqual(rules.map((rule) => `input: ${rule} accept comment "firewall.port(dns): dns"`));
  });

  test("that no zone can meet stay closed, and are told", () => {
    const { warnings } = compileCatalog([
      filter("node", { control }),
      port("dns", { udp: [53], exposure: "lan" }),
    ]);
    expect(warnings.map(({ message }) => message).join()).toContain("needs dns open to the lan");
  });
});

describe("what locks out is refused, with the name of the flow", () => {
  test.each([
    ["SSH from the office", { rules: [{ name: "bad", action: "drop", proto: "tcp", ports: ["1-1023"] }] }, "SSH from 192.0.2.0/24 would not get through: rule bad has it as drop"],
    ["a part of the office", { rules: [{ name: "bad", action: "reject", from: ["192.0.2.77"] }] }, "SSH from 192.0.2.0/24 would not get through: rule bad has it as reject"],
    ["one interface", { rules: [{ name: "bad", action: "drop", in: ["eth7"] }] }, "SSH from 192.0.2.0/24"],
    ["the mesh", { control: { sshFrom: [], meshInterfaces: ["wt*"] }, rules: [{ name: "bad", action: "drop", in: ["wt0"] }] }, "SSH over wt*"],
    ["break glass", { control: { sshFrom: [], breakGlass: { from: ["fd00::1"], port: 2222 } }, rules: [{ name: "bad", action: "drop", from: ["fd00::/64"] }] }, "break glass from fd00::1"],
    ["the bus", { control: { sshFrom: [], bus: { addresses: ["10.0.0.1"], port: 4222 } }, output: {}, rules: [{ name: "bad", chain: "output", action: "drop", to: ["10.0.0.0/8"] }] }, "the bus at 10.0.0.1"],
    ["a resolver", { control: { sshFrom: [], bus: { addresses: ["10.0.0.1"], port: 4222 } }, output: { resolvers: ["9.9.9.9"] }, rules: [{ name: "bad", chain: "output", action: "drop", proto: "udp", ports: [53] }] }, "the resolver at 9.9.9.9"],
    ["an unnamed bus", { output: {} }, "the agent would never reach its master again"],
  ])("%s", (_what, params, message) => expect(refused(params)).toContain(message)); // prettier-ignore

  test("and what only seems to is taken", () => {
    expect(refused({ rules: [{ name: "pests", action: "drop", from: ["203.0.113.0/24"] }] })).toBe("(taken)");
    expect(refused({ rules: [{ name: "other", action: "drop", proto: "tcp", ports: ["23-1023"] }] })).toBe(
      "(taken)",
    );
    expect(
      refused({
        rules: [
          { name: "office", action: "accept", from: [OFFICE] },
          { name: "rest", action: "drop" },
        ],
      }),
    ).toBe("(taken)");
  });

  test("the rules for a boot on which nothing else loads let the same ways in", () => {
    const want = wanted({
      ...examples[1]!.params,
      rules: [{ name: "web", action: "accept", proto: "tcp", ports: [80] }],
    });
    const text = fileText(safeTableOf(want));
    expect(text).toContain("control: SSH");
    expect(text).toContain("control: the bus");
    expect(text).not.toContain("rule web");
  });
});

describe("on a machine", () => {
  const params = { control: { sshFrom: [OFFICE] } };
  const listing = listingOf(tableOf(wanted()));
  const withTable = (text: string, more: Given = {}): Given => ({
    ...given,
    ...more,
    commands: { ...given.commands, "nft -n -j list table inet boma": { stdout: text }, ...more.commands },
  });

  test("counters and handles are no difference, a rule that somebody added is", async () => {
    const counted = JSON.parse(listing) as { nftables: { rule?: { handle: number; expr: object[] } }[] };
    for (const { rule } of counted.nftables)
      if (rule) {
        rule.handle += 70;
        rule.expr.splice(-1, 0, { counter: { packets: 7, bytes: 700 } });
      }
    const now = linesIn(JSON.stringify(counted));
    expect(now).toEqual(linesOf(tableOf(wanted())));
    const strange = { chain: "input", expr: [{ match: { op: "==", left: { meta: { key: "mark" } }, right: 1 } }, { accept: null }] }; // prettier-ignore
    counted.nftables.push({ rule: strange as never });
    expect(linesIn(JSON.stringify(counted)).filter((line) => !now.includes(line))).toEqual([
      expect.stringContaining("not of boma"),
    ]);
  });

  test.each([
    ["icmpx", 1, true],
    ["icmp", 3, true],
    ["icmpv6", 4, true],
    ["icmp", 13, false],
    ["tcp reset", undefined, false],
  ])("a reject that nft tells as %s %s is ours: %s", (type, expr, isOurs) => {
    const rule = { chain: "input", expr: [{ reject: { type, expr } }] };
    const [, line] = linesIn(JSON.stringify({ nftables: [{ chain: { name: "input" } }, { rule }] }));
    expect(line === "input: reject").toBe(isOurs);
  });

  test("a rule that hides a second match of the same kind, or a protocol, is none of ours", () => {
    const dport = (value: number, protocol = "tcp") => ({ match: { op: "==", left: { payload: { protocol, field: "dport" } }, right: value } }); // prettier-ignore
    const l4 = { match: { op: "==", left: { meta: { key: "l4proto" } }, right: 6 } };
    for (const expr of [[dport(1), dport(22)], [l4, dport(22)], [l4], [{ match: { op: "!=", left: {}, right: 1 } }]])
      expect(linesIn(JSON.stringify({ nftables: [{ chain: { name: "input" } }, { rule: { chain: "input", expr } }] }))[1]).toContain("not of boma"); // prettier-ignore
  });

  test("ufw or firewalld at work, or a nftables.conf of one's own in use, is in the way, and nothing is changed", async () => {
    const conf = { "/etc/nftables.conf": "flush ruleset\n" };
    const dpkg = (sum: string) => ({ "dpkg-query": { stdout: `\n /etc/nftables.conf ${sum}\n` } });
    const cases: [Given, string][] = [
      [{ files: { ...given.files, "/etc/ufw": { directory: true }, "/etc/ufw/ufw.conf": "ENABLED=yes\n" } }, "ufw"],
      [{ services: { firewalld: { enabled: true } } }, "firewalld"],
      [{ services: { nftables: { active: true } }, files: { ...given.files, ...conf }, commands: dpkg("0".repeat(32)) }, "of your own"],
    ]; // prettier-ignore
    for (const [more, said] of cases) {
      const host = memoryHost({ ...given, ...more, commands: { ...given.commands, ...more.commands } });
      await expect(tryState(filter, "node", params, host)).rejects.toMatchObject({
        code: "state/blocked",
        message: expect.stringContaining(said),
      });
      expect(host.log).toEqual([]);
    }
  });

  test("a nftables.conf as it was shipped is not in the way: its unit is masked, and never stopped", async () => {
    const conf = "flush ruleset\n";
    const sum = createHash("md5").update(conf).digest("hex");
    const host = memoryHost({
      ...given,
      services: { nftables: { active: true, enabled: true } },
      files: { ...given.files, "/etc/nftables.conf": conf },
      commands: { ...given.commands, "dpkg-query": { stdout: `\n /etc/nftables.conf ${sum}\n` } },
    });
    const { left } = await tryState(filter, "node", examples[0]!.params, host);
    expect(left).toEqual({});
    expect(host.log).toContain("services.mask nftables.service");
    expect(host.log.join()).not.toContain("services.stop");
  });

  test("what takes it back is the table of before, and the files, or that there were none", async () => {
    const gone = { exitCode: 1, stderr: "Error: No such file or directory" };
    const { ports } = memoryHost({
      ...given,
      commands: { ...given.commands, "nft -s list table inet boma": gone },
    });
    const undo = await filter.spec.confirm!.undo(wanted() as never, readHost(ports));
    expect(undo.files.map(({ path, was }) => [path, was !== null])).toEqual([
      [RULES, false],
      [SAFE, false],
      ["/run/boma-firewall-before.nft", true],
    ]);
    expect(Buffer.from(undo.files[2]!.was!.base64, "base64").toString()).toBe(
      "add table inet boma\ndelete table inet boma\n",
    );
    const listed = "table inet boma {\n}";
    const second = memoryHost(
      withTable(listing, {
        files: {
          ...given.files,
          "/etc/boma": { directory: true },
          "/etc/boma/firewall": { directory: true },
          [RULES]: "old",
        },
        commands: { "nft -s list table inet boma": { stdout: listed } },
      }),
    );
    const again = await filter.spec.confirm!.undo(wanted() as never, readHost(second.ports));
    expect(again.files.map(({ was }) => was && Buffer.from(was.base64, "base64").toString())).toEqual([
      "old",
      null,
      `add table inet boma\ndelete table inet boma\n${listed}\n`,
    ]);
  });

  test("a table that nft could not bring back is not replaced", async () => {
    const { ports } = memoryHost(
      withTable(listing, {
        commands: {
          "nft -s list table inet boma": { stdout: "0x50 [invalid type]" },
          "nft -c -f -": { exitCode: 1, stderr: "syntax error" },
        },
      }),
    );
    await expect(filter.spec.confirm!.undo(wanted() as never, readHost(ports))).rejects.toMatchObject({
      code: "state/blocked",
    });
  });

  test("the unit opens nothing when it is stopped, and waits for what takes back the unconfirmed", () => {
    expect(UNIT_TEXT).not.toContain("ExecStop");
    expect(UNIT_TEXT).toContain("After=local-fs.target boma-undo.service");
    expect(UNIT_TEXT).toContain("Before=network-pre.target");
  });
});
