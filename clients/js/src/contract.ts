/** What a client reads of the API. `openapi.ts` is made from docs/reference/openapi.yaml when the package is built. */
import type { components } from "./openapi.js";

type Schemas = components["schemas"];

/** A token that is served has its value. */
export type Token = Schemas["Token"] & { accessToken: string };
export type Use = Token["use"];
/** The API's own codes of errors. */
export type Code = Schemas["Code"];
