/** Time as a source of tokens sees it, in seconds. Tests pass their own. */
export interface Clock {
  /** Return the time since some moment in the past. It never decreases. */
  elapsed(): number;
  /** Call `run` after this time. Return a function that cancels the call. */
  after(seconds: number, run: () => void): () => void;
}

/** Browsers end a longer timer at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Return a clock that counts the larger step of two clocks. The monotonic clock can stop while a device sleeps. Somebody can
 * set the wall clock back. A jump of the wall clock ahead costs one early request.
 */
export function steadyClock(): Clock {
  let monotonic = performance.now();
  let wall = Date.now();
  let total = 0;
  return {
    elapsed() {
      const monotonicStep = -monotonic + (monotonic = performance.now());
      const wallStep = -wall + (wall = Date.now());
      total += Math.max(0, monotonicStep, wallStep) / 1000;
      return total;
    },
    after(seconds, run) {
      const timer = setTimeout(run, Math.min(seconds * 1000, LONGEST_TIMER));
      return () => clearTimeout(timer);
    },
  };
}
