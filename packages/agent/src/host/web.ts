/**
 * Node's HTTP, loaded when a node first asks somebody something. An import would load it at each start, and with it all
 * that it hands on, another client and HTTP/2 among it: 15 MB of an idle agent.
 */
export const http = () => process.getBuiltinModule("node:http");
export const https = () => process.getBuiltinModule("node:https");
