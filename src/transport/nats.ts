// Public names of `spinn/nats`: connections over NATS, for Node and for pages.

export { type NatsDialOptions, natsDial } from "./nats-dial.ts";
export { type NatsListener, type NatsListenOptions, natsListen } from "./nats-listen.ts";
