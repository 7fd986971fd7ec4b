/** What the states of Docker have in common: where it listens, and where its things lie. */

export const UNIT = "docker.service";
export const CONTAINERD = "containerd.service";
/** It starts the daemon for whoever knocks: who stops the one stops the other. */
export const SOCKET_UNIT = "docker.socket";
export const SOCKET = "/run/docker.sock";
export const FILE = "/etc/docker/daemon.json";
export const DATA_ROOT = "/var/lib/docker";

const KEPT = "/var/lib/boma/docker";
/** The names of settings that were ever ours: what is in the file and not among them is somebody else's. */
export const OURS = `${KEPT}/settings.json`;
/** What the daemon took up last of that which it takes up while it runs. */
export const TAKEN = `${KEPT}/taken`;
/** The file as it was when the daemon last came up, while a newer one waits for its restart. Empty: there was none. */
export const BEFORE = `${KEPT}/daemon-before.json`;
