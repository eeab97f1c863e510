/** The core as one script, for pages without a bundler. */
import { TokenBrokerError, tokenBroker } from "./index.js";

Object.assign(globalThis, { TokenBroker: { TokenBrokerError, tokenBroker } });
