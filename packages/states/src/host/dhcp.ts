/** Who gives out addresses in a network: asked as a machine asks that has none. */

export interface DhcpQuestion {
  /** This machine's own address on the interface that is asked. */
  readonly address: string;
  /** The hardware address with which it asks. */
  readonly mac: string;
  /** Servers that are not meant: this machine itself. */
  readonly but: readonly string[];
  /** How long answers are waited for. */
  readonly withinMs: number;
}

export interface ReadDhcp {
  /** The first server that answers, by the address by which it names itself; nothing is taken of what it offers. */
  server(question: DhcpQuestion): Promise<string | undefined>;
}
