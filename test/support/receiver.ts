/** A receiver of notifications whose behaviour a test chooses: it keeps what came, and whoever waits for more is woken. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Behaviour = (received: Received, response: ServerResponse) => void;

export const answer =
  (status: number, headers: Record<string, string> = {}, body = ""): Behaviour =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);
/** Takes the request and never says a word. */
export const hang: Behaviour = () => undefined;

export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  behave: Behaviour = answer(204);
  readonly #server;
  readonly #tls: boolean;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #port = 0;

  private constructor(tls?: { readonly key: string; readonly cert: string }) {
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#take(request, response);
    this.#tls = tls !== undefined;
    this.#server = tls ? createTlsServer(tls, handle) : createServer(handle);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<Receiver> {
    const receiver = new Receiver(tls);
    await receiver.up();
    return receiver;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const received = { method, path: url, headers, body: Buffer.concat(parts).toString() };
      this.received.push(received);
      this.behave(received, response);
      for (const wake of this.#waiting) wake();
    });
  }

  /** On the same port as before. */
  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  get url(): string {
    return `${this.#tls ? "https" : "http"}://127.0.0.1:${this.#port}/hook`;
  }

  get ids(): string[] {
    return this.received.map(({ headers }) => String(headers["boma-delivery"]));
  }

  /** Resolves when what came fits. */
  async until(fits: (received: readonly Received[]) => boolean): Promise<readonly Received[]> {
    while (!fits(this.received))
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}
