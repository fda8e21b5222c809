import { useEffect, useState } from "react";

/** The time, told anew every so many seconds; what says "3 min ago" stays true. */
export function useNow(seconds = 10): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000 * seconds);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}
