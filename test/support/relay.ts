/** A line that can be cut, or made slow: what connects here is passed on, until it is not. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class Relay implements Disposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  /** What comes back comes so much later. */
  lateMs = 0;

  private constructor(server: Server, to: number) {
    this.#server = server;
    this.port = (server.address() as { readonly port: number }).port;
    server.on("connection", (socket) => this.#pass(socket, to));
  }

  static async to(port: number): Promise<Relay> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return new Relay(server, port);
  }

  #pass(from: Socket, port: number): void {
    if (this.#isCut) return void from.destroy();
    const onward = connect(port, "127.0.0.1");
    const end = (): void => {
      from.destroy();
      onward.destroy();
    };
    for (const socket of [from, onward]) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    from.pipe(onward);
    onward.on("data", (data) => {
      if (this.lateMs === 0) from.write(data);
      else setTimeout(() => from.writable && from.write(data), this.lateMs);
    });
  }

  /** Both sides see their connection end, and nobody gets through. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#server.close();
  }
}
