// Public names of `spinn/transport`: how messages get from one process to another.

export { createLoopback, type LoopbackOptions } from "./loopback.ts";
export type { Accept, Connection, ConnectionHandlers, Dial, DialOptions, Listener } from "./transport.ts";
export { type WebSocketDialOptions, websocketDial } from "./websocket-client.ts";
export {
  attachWebSocket,
  type ListenOptions,
  listenWebSocket,
  type WebSocketServerOptions,
} from "./websocket-server.ts";
