import { useCallback, useState, useSyncExternalStore } from "react";
import type { Token } from "./contract.js";
import type { TokenBrokerError } from "./errors.js";
import type { TokenSource } from "./source.js";

/**
 * Return the source's current token, and the error if the last attempt failed. The source is kept current while the component
 * is shown. Create the source outside the component, or it would be another one at each rendering.
 */
export function useToken(source: TokenSource): { token: Token | undefined; error: TokenBrokerError | undefined } {
  const [failed, setFailed] = useState<{ source: TokenSource; error: TokenBrokerError | undefined }>();
  const subscribe = useCallback(
    (changed: () => void) =>
      source.subscribe((_token, error) => {
        setFailed({ source, error });
        changed();
      }),
    [source],
  );
  const token = useSyncExternalStore(subscribe, source.peek, source.peek);
  return { token, error: failed?.source === source ? failed.error : undefined };
}
