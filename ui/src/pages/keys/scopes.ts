const DAY_SECONDS = 86_400;

/** The operations in what was typed, each once. */
export const scopesOf = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))];

/** When a key ends, in seconds since 1970; null for no end. now: in milliseconds. */
export const endOf = (days: number, now: number): number | null => (days > 0 ? Math.floor(now / 1000) + Math.round(days * DAY_SECONDS) : null);
