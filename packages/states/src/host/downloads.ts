/** Files from elsewhere, by HTTP. */

export interface Download {
  readonly url: string;
  /** What the bytes must be: nothing is kept that is not this. */
  readonly sha256: string;
  readonly bytesMax: number;
  /** Hosts, besides the URL's own, to which the server may send on. */
  readonly redirectHosts: readonly string[];
}

export interface ReadDownloads {
  /** Where the content is already, from an earlier download, if it is. */
  cached(sha256: string): Promise<string | undefined>;
}

export interface Downloads extends ReadDownloads {
  /** Gets a file, goes on where an earlier attempt ended, proves its checksum, and says where it lies on this machine. */
  fetch(download: Download): Promise<string>;
}
