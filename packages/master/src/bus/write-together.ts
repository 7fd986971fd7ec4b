/**
 * One write for all that is said in one turn of the event loop. The library
 * writes after each step of the program; a master that takes in hundreds of
 * returns from one read would make a system call for each answer, and so would
 * its server to read them.
 */
import type { NatsConnection } from "nats";

/** What the library has inside: the version is pinned, and a test holds us to it. */
interface Sender {
  flushPending(): void;
  close(error?: Error): Promise<void>;
}

export function writeTogether(connection: NatsConnection): NatsConnection {
  const { protocol } = connection as NatsConnection & { readonly protocol: Sender };
  const writeNow = protocol.flushPending.bind(protocol);
  const close = protocol.close.bind(protocol);
  let due: NodeJS.Immediate | undefined;
  protocol.flushPending = () => {
    due ??= setImmediate(() => {
      due = undefined;
      writeNow();
    });
  };
  // Whoever closes has said what there was to say: it goes out at once, as it would have without us.
  protocol.close = (error) => {
    clearImmediate(due);
    protocol.flushPending = writeNow;
    writeNow();
    return close(error);
  };
  return connection;
}
