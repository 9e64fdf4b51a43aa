// Public names of `spinn/transport`: how messages get from one process to another.

export type { Token } from "./bearer.ts";
export { createLoopback, type LoopbackOptions } from "./loopback.ts";
export type { Accept, Connection, ConnectionHandlers, Dial, DialOptions, Listener } from "./transport.ts";
export { type WebSocketDialOptions, websocketDial } from "./websocket-client.ts";
export type { DoorOptions, TurnedAway } from "./websocket-door.ts";
export type { PatrolOptions } from "./websocket-patrol.ts";
export {
  attachWebSocket,
  type Certificate,
  type ListenOptions,
  listenWebSocket,
  type WebSocketListener,
  type WebSocketServerOptions,
} from "./websocket-server.ts";
