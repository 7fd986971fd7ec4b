/**
 * What dnsmasq's log says of machines that boot: it tells of each question in
 * several lines, with one number. A system that runs asks for addresses as well;
 * only a loader says that it is one, and only then was a machine switched on.
 */
const LINE = /^dnsmasq-dhcp(?:\[\d+\])?: (\d{1,10}) (.*)$/;
const LOADER = /^vendor class: (?:PXEClient|HTTPClient)\b/;
/** `PXE` is what a proxy calls it, which gives out no address. */
const QUESTION = /^(?:DHCPDISCOVER|PXE)\(\S+\) (?:\S+ )?((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b/;
/** Questions that were begun and not told whole: of so many at once, the older ones are over. */
const OPEN_MAX = 256;

export class DnsmasqLog {
  readonly #loaders = new Set<string>();

  /** The address of a machine that is booting, where this line tells of one. */
  read(line: string): string | undefined {
    const [, question, rest] = LINE.exec(line) ?? [];
    if (question === undefined || rest === undefined) return undefined;
    if (LOADER.test(rest)) {
      if (this.#loaders.size >= OPEN_MAX) this.#loaders.clear();
      this.#loaders.add(question);
      return undefined;
    }
    const mac = QUESTION.exec(rest)?.[1];
    return mac !== undefined && this.#loaders.delete(question) ? mac : undefined;
  }
}
