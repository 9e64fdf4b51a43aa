// Public names of `spinn/server`: what serves networks to devices.

export { type ServedModel, type ServeOptions, type Server, serve } from "./serve.ts";
