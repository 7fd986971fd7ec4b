/** The little of a bus that an agent needs. The real one is in connection.ts; unit tests bring one of memory. */
export interface BusMessage {
  readonly data: Uint8Array;
  /** The status in the headers, such as 404 of a direct get that found nothing; 0 where there is none. */
  readonly status: number;
}

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Bus {
  /** Rejects when nobody answers in time, when nobody is there to answer, and when the bus is away. */
  request(subject: string, data: Uint8Array, options: RequestOptions): Promise<BusMessage>;
  subscribe(subject: string, receive: (data: Uint8Array) => void): void;
  /** Resolves at once while connected, else with the next connect. */
  connected(signal: AbortSignal): Promise<void>;
}

/** A bus that is whichever connection there is when it is asked: for those who outlive one. */
export function lateBus(current: (signal: AbortSignal) => Promise<Bus>): Bus {
  return {
    async request(subject, data, options) {
      const bus = await current(AbortSignal.timeout(options.timeoutMs));
      return bus.request(subject, data, options);
    },
    subscribe() {
      throw new Error("a subscription belongs to one connection");
    },
    connected: async (signal) => void (await current(signal)),
  };
}

export interface PubAck {
  readonly stream?: string;
  readonly error?: { readonly code?: number; readonly description?: string };
}

/** Publishes into a stream; resolves only when the stream has the message. */
export async function publishKept(
  bus: Bus,
  subject: string,
  message: { readonly id: string; readonly data: Uint8Array },
  timeoutMs = 5000,
): Promise<void> {
  const headers = { "Nats-Msg-Id": message.id };
  const answer = await bus.request(subject, message.data, { timeoutMs, headers });
  const ack = JSON.parse(Buffer.from(answer.data).toString()) as PubAck;
  if (ack.error || ack.stream === undefined)
    throw new Error(`the stream refused it: ${ack.error?.description ?? "no acknowledgement"}`);
}
