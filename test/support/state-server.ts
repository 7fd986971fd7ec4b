/** A backend of Terraform over HTTP, with a password and a lock, in this process. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Lock {
  readonly ID: string;
  readonly [name: string]: unknown;
}

export class StateServer implements AsyncDisposable {
  readonly password: string;
  readonly #server: Server;
  state = "";
  lock: Lock | undefined;
  /** It takes no state. */
  isFull = false;

  private constructor(password: string) {
    this.password = password;
    this.#server = createServer((request, response) => {
      void text(request).then((body) => {
        const { status, said = "" } = this.#answer(request.method ?? "", request.headers.authorization, body);
        response.writeHead(status).end(said);
      });
    });
  }

  static async start(password: string): Promise<StateServer> {
    const server = new StateServer(password);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/state`;
  }

  #answer(
    method: string,
    authorization: string | undefined,
    body: string,
  ): { status: number; said?: string } {
    if (authorization !== `Basic ${Buffer.from(`boma:${this.password}`).toString("base64")}`)
      return { status: 401 };
    if (method === "GET") return this.state === "" ? { status: 404 } : { status: 200, said: this.state };
    if (method === "POST" && this.isFull) return { status: 507 };
    if (method === "POST") this.state = body;
    else if (method === "LOCK" && this.lock) return { status: 423, said: JSON.stringify(this.lock) };
    else if (method === "LOCK") this.lock = JSON.parse(body) as Lock;
    else if (method === "UNLOCK") this.lock = undefined;
    else return { status: 405 };
    return { status: 200 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close").catch(() => undefined);
  }
}
