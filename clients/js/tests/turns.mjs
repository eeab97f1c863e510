/** Wait until promises have done what they can without time. */
export async function settled() {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Return the error of a promise. */
export async function failureOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("It has not failed.");
}

/** Return the promise's result, or its error, after as much of the broker's time as it needs. */
export async function after(broker, promise, limit = 200) {
  let outcome;
  const began = broker.clock.elapsed();
  promise.then(
    (value) => (outcome ??= { value, seconds: broker.clock.elapsed() - began }),
    (error) => (outcome ??= { error, seconds: broker.clock.elapsed() - began }),
  );
  while (!outcome && broker.clock.elapsed() - began < limit) await broker.clock.advance(0.25);
  return outcome ?? { seconds: Infinity };
}
