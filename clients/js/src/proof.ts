import { TokenBrokerError } from "./errors.js";

/** Return a function that asks with a new proof, and once more with another one if the broker refuses it. Proofs are short-lived. */
export function withProof<Proof, Answer>(
  proof: () => Proof | undefined | Promise<Proof | undefined>,
  ask: (proof: Proof) => Promise<Answer>,
): () => Promise<Answer> {
  const prove = async () => {
    let proved: Proof | undefined;
    let cause: unknown;
    try {
      proved = await proof();
    } catch (error) {
      cause = error;
    }
    if (proved) return proved;
    // So fetch reports that it has reached nobody.
    throw new TokenBrokerError({ code: "proof_unavailable", retryable: cause instanceof TypeError }, cause);
  };
  const once = () => prove().then(ask);
  return () =>
    once().catch((error: TokenBrokerError) => {
      if (error.status !== 401) throw error;
      return once();
    });
}
