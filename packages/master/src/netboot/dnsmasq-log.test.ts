// Goal: a machine that is switched on is known by its loader's question, and a system that renews its address is not taken for one.
import { expect, test } from "vitest";

import { DnsmasqLog } from "./dnsmasq-log.ts";

const MAC = "52:54:00:b0:07:09";
const read = (...lines: readonly string[]) => {
  const log = new DnsmasqLog();
  return lines.map((line) => log.read(`dnsmasq-dhcp[24247]: ${line}`)).filter((mac) => mac !== undefined);
};
const CLASS = "1410359059 vendor class: PXEClient:Arch:00000:UNDI:002001";

test("a loader that asks for an address is a machine that boots", () => {
  expect(
    read(
      "1410359059 available DHCP range: 10.77.0.100 -- 10.77.0.200",
      CLASS,
      "1410359059 user class: iPXE",
      `1410359059 DHCPDISCOVER(lan0) ${MAC} `,
      "1410359059 tags: ipxe, bios, lan0",
      `1410359059 DHCPOFFER(lan0) 10.77.0.104 ${MAC} `,
    ),
  ).toEqual([MAC]);
});

test("so is one that asks for the address that it had, that speaks HTTP, or that a proxy answers", () => {
  expect(read(CLASS, `1410359059 DHCPDISCOVER(lan0) 10.77.0.104 ${MAC} `)).toEqual([MAC]);
  expect(read("7 vendor class: HTTPClient:Arch:00016:UNDI:003001", `7 DHCPDISCOVER(lan0) ${MAC} `)).toEqual([
    MAC,
  ]);
  expect(read(CLASS, `1410359059 PXE(lan0) ${MAC} proxy`)).toEqual([MAC]);
});

test("a system that runs, and another's question, are none", () => {
  expect(read(`5 DHCPDISCOVER(lan0) ${MAC} `)).toEqual([]);
  expect(read(CLASS, `5 DHCPDISCOVER(lan0) ${MAC} `)).toEqual([]);
  expect(read("5 vendor class: MSFT 5.0", `5 DHCPDISCOVER(lan0) ${MAC} `)).toEqual([]);
});

test("what a machine calls itself is not read as a question", () => {
  expect(read(CLASS, `1410359059 client provides name: x DHCPDISCOVER(lan0) ${MAC}`)).toEqual([]);
  expect(read(`9 vendor class: PXEClient DHCPDISCOVER(lan0) ${MAC}`)).toEqual([]);
});
