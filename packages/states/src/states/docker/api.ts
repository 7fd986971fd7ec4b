/** Docker's API on the socket of this machine: what is asked of it, and how it answers. */
import type { ReadHost } from "../../host/host.ts";
import { answered, type HttpAnswer, jsonOf, type ReadHttp } from "../../host/http.ts";
import { SOCKET, UNIT } from "./parameters.ts";

/** What `/info` says, as far as it is of use here. */
export interface Info {
  readonly ServerVersion: string;
  readonly Driver: string;
  readonly DockerRootDir: string;
  readonly Images: number;
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly Debug: boolean;
  readonly LiveRestoreEnabled: boolean;
  readonly Labels: readonly string[] | null;
  readonly DefaultRuntime: string;
  readonly RegistryConfig: {
    readonly InsecureRegistryCIDRs: readonly string[] | null;
    readonly IndexConfigs: Readonly<Record<string, { readonly Secure: boolean }>> | null;
    readonly Mirrors: readonly string[] | null;
  };
  readonly Swarm?: { readonly LocalNodeState: string };
  /** Since version 29. */
  readonly FirewallBackend?: { readonly Driver: string };
}

export const requestOf = (path: string) => ({ url: `http://docker${path}`, socket: SOCKET });

export const ask = (http: ReadHttp, path: string): Promise<HttpAnswer> => http.get(requestOf(path));

export const read = async <T>(http: ReadHttp, path: string): Promise<T> =>
  jsonOf<T>(answered(requestOf(path), await ask(http, path)));

export const infoOf = (http: ReadHttp): Promise<Info> => read<Info>(http, "/info");

/** Whoever only looks must not knock while it is down: the socket would start it. */
export const isUp = async ({ services }: Pick<ReadHost, "services">): Promise<boolean> =>
  (await services.status(UNIT)).active === "active";

/** `undefined` where it does not run. */
export const infoIfUp = async (host: ReadHost): Promise<Info | undefined> =>
  (await isUp(host)) ? infoOf(host.http) : undefined;
